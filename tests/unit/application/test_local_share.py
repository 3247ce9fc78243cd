"""Where a local bucket begins when the shared store goes, and what the store is told when it is back."""

import asyncio
import random

import pytest

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.application import fallback_limiter
from llm_gateway.application.fallback_limiter import LOCAL_SECONDS, FallbackLimiter
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import Bucket, Charge, LimiterMode, Quota, ReservationId

from .test_fallback_limiter import ONE, Modes, Trial
from .world import client_of

LOOK = Charge()


def slow(*, requests: int | None = None, tokens: int | None = None) -> Client:
    """Nothing comes back to it while a test runs."""
    quota = Quota(
        requests=None if requests is None else Bucket.of(requests, 0.001),
        tokens=None if tokens is None else Bucket.of(tokens, 0.001),
    )
    return Client(id=client_of().id, namespace="team", quota=quota)


async def left(trial: Trial, client: Client) -> tuple[int, int]:
    """Requests and tokens that the store itself has left."""
    trial.count += 1
    decision = await MemoryRateLimiter.take(trial.shared, client, LOOK, ReservationId(f"look {trial.count}"))
    return (
        decision.requests.remaining if decision.requests else 0,
        decision.tokens.remaining if decision.tokens else 0,
    )


@pytest.mark.parametrize(("replicas", "taken", "local"), [(1, 3, 7), (2, 4, 3), (2, 10, 0), (4, 2, 2), (3, 0, 3)])
async def test_a_local_bucket_begins_at_its_part_of_the_last_shared_level(
    replicas: int, taken: int, local: int
) -> None:
    trial, client = Trial(replicas=replicas), slow(requests=10)
    await trial.take(client, LOOK)
    assert await trial.allowed(client, taken) == taken
    trial.shared.away = True
    assert await trial.allowed(client, 20) == local


@pytest.mark.parametrize("capacity", [1_000_000, 1_000_001, 2_000_000, 3_000_000])
async def test_a_share_whose_parts_are_finer_than_the_quotas_is_no_smaller(capacity: int) -> None:
    trial, client = Trial(replicas=2), slow(tokens=capacity)
    await trial.take(client, LOOK)
    trial.shared.away = True
    standing = (await trial.take(client, LOOK)).tokens
    assert standing is not None
    assert standing.remaining == capacity // 2


async def test_what_came_back_since_the_store_was_last_heard_is_there() -> None:
    trial, client = Trial(replicas=2), client_of(requests=10)  # one a second
    assert await trial.allowed(client, 10) == 10
    await trial.clock.advance(4)
    trial.shared.away = True
    assert await trial.allowed(client, 20) == 2
    await trial.clock.advance(86_400)
    assert await trial.allowed(client, 20) == 5


async def test_a_debt_is_a_debt_here_too() -> None:
    trial, client = Trial(replicas=2), client_of(tokens=100)
    lease = Charge(tokens=10, lease=True)
    await trial.take(client, lease)
    await trial.limiter.settle(client, ReservationId("r1"), 120)
    await trial.take(client, LOOK)
    trial.shared.away = True
    assert not (await trial.take(client, lease)).allowed
    await trial.clock.advance(20)
    assert not (await trial.take(client, lease)).allowed
    await trial.clock.advance(21)
    assert (await trial.take(client, lease)).allowed


async def test_what_was_used_here_is_charged_there_once_before_anything_else() -> None:
    trial, client = Trial(replicas=2), slow(requests=10, tokens=100)
    await trial.take(client, LOOK)
    trial.shared.away = True
    assert await trial.allowed(client, 3) == 3
    trial.shared.away = False
    decision = await trial.take(client)
    assert decision.mode is LimiterMode.EXACT
    assert decision.requests is not None
    assert decision.requests.remaining == 6
    assert await trial.allowed(client, 2) == 2
    assert await left(trial, client) == (4, 100)


async def test_a_charge_of_what_was_used_here_counts_once_however_often_its_answer_is_lost() -> None:
    trial, client = Trial(replicas=2), slow(requests=20)
    await trial.take(client, LOOK)
    trial.shared.away = True
    assert await trial.allowed(client, 3) == 3
    trial.shared.away, trial.shared.deaf = False, True
    assert await trial.allowed(client, 2) == 2, "and used here as well"
    trial.shared.deaf = False
    await trial.take(client, LOOK)
    assert await left(trial, client) == (15, 0)


async def test_what_came_back_here_meanwhile_is_not_charged_any_more() -> None:
    trial, client = Trial(replicas=2), client_of(requests=10)
    await trial.take(client, LOOK)
    trial.shared.away = True
    assert await trial.allowed(client, 4) == 4
    await trial.clock.advance(4)
    trial.shared.away = False
    assert await left(trial, client) == (10, 0)
    await trial.take(client, LOOK)
    assert await left(trial, client) == (8, 0), "half of it came back here in four seconds"
    trial.shared.away = True
    assert await trial.allowed(client, 4) == 4
    await trial.clock.advance(3_600)
    trial.shared.away = False
    await trial.take(client, LOOK)
    assert await left(trial, client) == (10, 0)


async def test_an_answer_that_began_here_and_ended_after_the_return_is_charged_with_what_it_used() -> None:
    trial, client = Trial(replicas=2), slow(tokens=100)
    await trial.take(client, LOOK)
    trial.shared.away = True
    await trial.take(client, Charge(tokens=40, lease=True))
    trial.shared.away = False
    await trial.take(client, LOOK)
    assert await left(trial, client) == (0, 60)
    await trial.limiter.settle(client, ReservationId("r2"), 15)
    await trial.take(client, LOOK)
    assert await left(trial, client) == (0, 85)
    assert not trial.limiter._shares


async def test_one_that_ends_in_the_next_absence_is_charged_all_the_same() -> None:
    trial, client = Trial(replicas=2), slow(tokens=100)
    await trial.take(client, LOOK)
    trial.shared.away = True
    await trial.take(client, Charge(tokens=40, lease=True))
    trial.shared.away = False
    await trial.take(client, LOOK)
    trial.shared.away = True
    await trial.take(client, LOOK)
    await trial.limiter.settle(client, ReservationId("r2"), 15)
    trial.shared.away = False
    await trial.take(client, LOOK)
    assert await left(trial, client) == (0, 85)


async def test_a_lease_that_may_have_been_taken_there_is_given_back_whole_however_often_that_is_said() -> None:
    trial, client = Trial(replicas=2), slow(tokens=100)
    await trial.take(client, LOOK)
    trial.shared.deaf = True
    await trial.take(client, Charge(tokens=40, lease=True))
    trial.shared.deaf = False
    trial.shared.away = True
    for _ in range(3):
        with pytest.raises(LimiterUnavailable):
            await trial.limiter.settle(client, ReservationId("r2"), 30)
    trial.shared.away = False
    for _ in range(2):
        await trial.limiter.settle(client, ReservationId("r2"), 30)
    await trial.take(client, LOOK)
    assert await left(trial, client) == (0, 70)


async def test_who_asks_while_it_is_told_comes_behind_it() -> None:
    trial, client = Trial(replicas=1), slow(requests=10)
    await trial.take(client, LOOK)
    trial.shared.away = True
    assert await trial.allowed(client, 8) == 8
    trial.shared.away = False
    decisions = await asyncio.gather(*(trial.take(client) for _ in range(10)))
    assert sum(decision.allowed for decision in decisions) == 2


async def test_a_changed_quota_begins_with_its_whole_share() -> None:
    trial, old = Trial(replicas=2), slow(requests=10)
    await trial.allowed(old, 10)
    new = Client(id=old.id, namespace="team", quota=Quota(requests=Bucket.of(6, 0.001)))
    trial.shared.away = True
    assert await trial.allowed(new, 20) == 3


async def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_limiter, "MAX_KNOWN", 3)
    trial = Trial()
    for number in range(5):
        await trial.take(client_of(f"{number}", requests=3))
    assert len(trial.limiter._seen) == 3


@pytest.mark.parametrize("seed", range(12))
async def test_no_schedule_of_absences_lets_replicas_together_exceed_the_quota_by_more_than_a_share(seed: int) -> None:
    """Each has heard of the store lately, as a client that asks for all it can get makes it."""
    chance = random.Random(seed)
    trial, replicas = Trial(replicas=2), 2
    client = client_of(requests=20)
    both = [
        trial.limiter,
        FallbackLimiter(trial.shared, trial.limiter._policy, replicas, trial.clock, Modes()),
    ]
    admitted, began = 0, trial.clock.monotonic()
    for count in range(400):
        if chance.random() < 0.03:
            trial.shared.away = not trial.shared.away
        decision = await both[chance.randrange(2)].take(client, ONE, ReservationId(f"s{count}"))
        admitted += decision.allowed
        await trial.clock.advance(chance.choice((0, 0, 0.01, 0.1, 0.5)))
        allowed = 20 + (trial.clock.monotonic() - began)
        assert admitted <= allowed + 10
    assert trial.clock.monotonic() - began < LOCAL_SECONDS
