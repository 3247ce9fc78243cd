"""How long a call may wait: for the model, and not while its reader thinks."""

import pytest

from llm_gateway.adapters.outbound.gemini.sdk_chunks import Patience
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock


async def test_each_wait_ends_by_its_own_limit_or_the_deadline() -> None:
    clock = ScriptedClock(monotonic=100.0)
    patience = Patience(clock, 160.0)
    assert patience.begin(15.0) == 115.0
    patience.end()
    assert patience.begin(90.0) == 160.0
    patience.end()
    assert patience.begin(1_000.0) == 160.0


async def test_the_readers_time_is_not_the_models() -> None:
    clock = ScriptedClock(monotonic=100.0)
    patience = Patience(clock, 160.0)
    patience.begin(1_000.0)
    await clock.advance(10.0)
    patience.end()
    await clock.advance(1_000.0)
    assert patience.begin(1_000.0) == 1_160.0


async def test_a_model_that_never_makes_us_wait_runs_out_of_time_all_the_same() -> None:
    clock = ScriptedClock(monotonic=100.0)
    patience = Patience(clock, 160.0)
    for _ in range(2):
        patience.begin(1_000.0)
        await clock.advance(30.0)
        patience.end()
    with pytest.raises(TimeoutError):
        patience.begin(1_000.0)
