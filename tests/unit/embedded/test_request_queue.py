"""The line before the embedded engine: order, bounds and honest waits. Time is scripted."""

import asyncio
from datetime import timedelta

import pytest

from llm_gateway.adapters.outbound.embedded.limits import FIRST_GUESS_SECONDS, MAX_WAITING
from llm_gateway.adapters.outbound.embedded.request_queue import RequestQueue
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.errors import ProviderThrottled, ProviderTimeout
from llm_gateway.domain.resilience import Deadline

LATE = Deadline(1_000_000.0)


@pytest.fixture
def clock() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def line(clock: ScriptedClock) -> RequestQueue:
    return RequestQueue(clock)


async def test_the_free_engine_is_had_at_once(line: RequestQueue) -> None:
    assert line.wait_seconds() == 0.0
    await line.enter(LATE)


async def test_first_come_first_served(line: RequestQueue, clock: ScriptedClock) -> None:
    served = []

    async def take(name: str) -> None:
        await line.enter(LATE)
        served.append(name)

    tasks = [asyncio.create_task(take(name)) for name in "abc"]
    for _ in tasks:
        await clock.advance(1)
        line.leave()
    assert served == ["a", "b", "c"]


async def test_a_full_line_refuses_at_once_and_says_how_long(line: RequestQueue, clock: ScriptedClock) -> None:
    await line.enter(LATE)
    line.begin()
    waiting = [asyncio.create_task(line.enter(LATE)) for _ in range(MAX_WAITING)]
    await clock.advance(1)
    assert line.waiting == MAX_WAITING
    with pytest.raises(ProviderThrottled) as caught:
        await line.enter(LATE)
    expected = FIRST_GUESS_SECONDS - 1 + MAX_WAITING * FIRST_GUESS_SECONDS
    assert caught.value.retry_after == timedelta(seconds=expected)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert line.waiting == 0


async def test_a_wait_beyond_the_deadline_is_refused_at_once(line: RequestQueue, clock: ScriptedClock) -> None:
    await line.enter(LATE)
    line.begin()
    with pytest.raises(ProviderThrottled):
        await line.enter(Deadline(clock.monotonic() + FIRST_GUESS_SECONDS - 0.1))


async def test_a_deadline_that_passes_in_the_line_leaves_it(line: RequestQueue, clock: ScriptedClock) -> None:
    await line.enter(LATE)
    line.begin()
    task = asyncio.create_task(line.enter(Deadline(clock.monotonic() + FIRST_GUESS_SECONDS)))
    await clock.advance(FIRST_GUESS_SECONDS + 1)
    with pytest.raises(ProviderTimeout):
        await task
    assert line.waiting == 0
    line.leave()
    await line.enter(LATE)


async def test_who_leaves_the_line_holds_up_nobody(line: RequestQueue, clock: ScriptedClock) -> None:
    await line.enter(LATE)
    first, second = (asyncio.create_task(line.enter(LATE)) for _ in range(2))
    await clock.advance(1)
    first.cancel()
    line.leave()
    await second


async def test_the_estimate_follows_what_was_timed(line: RequestQueue, clock: ScriptedClock) -> None:
    for _ in range(30):
        await line.enter(LATE)
        line.begin()
        await clock.advance(1)
        line.leave()
    await line.enter(LATE)
    line.begin()
    assert line.wait_seconds() == pytest.approx(1.0, abs=0.01)


async def test_a_turn_that_never_began_is_not_timed(line: RequestQueue, clock: ScriptedClock) -> None:
    await line.enter(LATE)
    await clock.advance(100)
    line.leave()
    await line.enter(LATE)
    line.begin()
    assert line.wait_seconds() == FIRST_GUESS_SECONDS
