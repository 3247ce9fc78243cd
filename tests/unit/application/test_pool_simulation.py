"""Three servers, five models, skewed demand: what a pool spares, and how long each client waits for its turn."""

import pytest

from llm_gateway.domain.pool_scheduler import PASSES

from .pool_simulation import (
    ANSWER_SECONDS,
    CLIENTS,
    LOAD_SECONDS,
    SERVERS,
    LeastConnections,
    ThroughPool,
    demand,
)

ONE_MODEL, TWO_MODELS = {"fits": 1, "slots": 1}, {"fits": 2, "slots": 2}


@pytest.mark.parametrize(
    ("kind", "a_second", "requests"),
    [
        pytest.param(TWO_MODELS, 0.8, 500, id="as-it-should-be"),
        pytest.param(ONE_MODEL, 0.4, 500, id="every-server-has-room-for-one-model"),
        pytest.param(TWO_MODELS, 0.8, 10_000, id="a-day-as-it-should-be", marks=pytest.mark.nightly),
        pytest.param(ONE_MODEL, 0.4, 10_000, id="a-day-with-room-for-one-model", marks=pytest.mark.nightly),
    ],
)
async def test_half_the_loads_no_second_one_and_every_turn_comes_in_its_bound(
    kind: dict[str, int], a_second: float, requests: int
) -> None:
    asked = demand(requests, a_second, seed=18)
    pool, plain = ThroughPool(**kind), LeastConnections(**kind)
    played, beside = await pool.play(asked, pool.answer), await plain.play(asked, plain.answer)
    assert played.loads <= beside.loads / 2
    assert played.second_loads == 0 < beside.second_loads
    before = len(CLIENTS) - 1 + PASSES * len(SERVERS) * kind["slots"]
    longest = LOAD_SECONDS[1] + ANSWER_SECONDS[1]
    assert played.turns.keys() == set(CLIENTS)
    assert max(played.turns.values()) <= (before / len(SERVERS) + 2) * longest
    assert pool.pool.provider.waiting is not None
    assert pool.pool.provider.waiting() == 0
