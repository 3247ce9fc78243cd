"""The same endpoint is asked again only for what waiting mends, and only within every bound."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, Wait
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.quota import Charge, ReservationId
from llm_gateway.domain.resilience import BREAKER_FAILURES, BREAKER_OPEN_SECONDS, BreakerState
from llm_gateway.domain.routing import Hint

from .world import CLOUD, HELLO, LOCAL, Told, World, call_of, client_of

THROTTLED: Script = [ProviderThrottled("ollama", "slower")]
UNAVAILABLE: Script = [ProviderUnavailable("ollama", "500")]
ALONE = call_of(hint=Hint.LOCAL)


async def outcome(world: World, seconds: float = 100.0) -> Told | BaseException:
    """Of a request to the only endpoint of its plan, with time to wait."""
    asking = asyncio.create_task(world.ask(ALONE))
    await world.clock.advance(seconds)
    assert asking.done()
    return (await asyncio.gather(asking, return_exceptions=True))[0]


def later(seconds: float, provider: str = "ollama") -> Script:
    return [ProviderThrottled(provider, "slower", retry_after=timedelta(seconds=seconds))]


@pytest.mark.parametrize("kind", [ProviderThrottled, ProviderUnavailable, ProviderBroken])
async def test_what_waiting_mends_is_tried_again(kind: type[ProviderError]) -> None:
    world = World(ollama=[[kind("ollama", "no")], [kind("ollama", "no")], HELLO])
    told = await outcome(world)
    assert isinstance(told, Told)
    assert [attempt.error for attempt in told.record.attempts] == [kind.__name__, kind.__name__, None]
    assert await world.at_rest()


@pytest.mark.parametrize("kind", [ProviderRefused, ProviderTimeout, ProviderMisconfigured])
async def test_what_waiting_does_not_mend_is_not(kind: type[ProviderError]) -> None:
    world = World(ollama=[[kind("ollama", "no")], HELLO])
    assert isinstance(await outcome(world), kind)
    assert world.calls == (0, 1)


@pytest.mark.parametrize("max_retries", [0, 1, 3])
async def test_retries_are_bounded_by_their_number(max_retries: int) -> None:
    world = World(ollama=[THROTTLED], max_retries=max_retries)
    assert isinstance(await outcome(world), ProviderThrottled)
    assert world.calls == (0, 1 + max_retries)


async def test_a_vendors_retry_after_is_waited_for() -> None:
    world = World(ollama=[later(0.9), HELLO])
    asking = asyncio.create_task(world.ask(ALONE))
    await world.clock.advance(0.89)
    assert world.calls == (0, 1)
    await world.clock.advance(0.3)
    assert (await asking).record.seconds >= 0.9
    assert world.calls == (0, 2)


@pytest.mark.parametrize("kind", [ProviderThrottled, ProviderUnavailable])
async def test_a_wait_above_a_second_that_a_vendor_asks_for_is_told_at_once(kind: type[ProviderError]) -> None:
    asks = [kind("ollama", "slower", retry_after=timedelta(seconds=34))]
    world = World(ollama=[asks, HELLO])
    ended = await outcome(world, 0)
    assert isinstance(ended, kind)
    assert ended.retry_after == timedelta(seconds=34)
    assert world.calls == (0, 1)
    assert await world.at_rest()


async def test_a_wait_beyond_the_requests_own_time_is_told_at_once() -> None:
    for asked in (20.0, 0.8):
        world = World(ollama=[later(asked), HELLO])
        with pytest.raises(ProviderThrottled) as caught:
            await world.ask(call_of(hint=Hint.LOCAL, timeout=5 if asked > 1 else 0.5))
        assert caught.value.retry_after == timedelta(seconds=asked)
        assert world.calls == (0, 1)
        assert world.observer.records[-1].seconds == 0
        assert await world.at_rest()


async def test_no_retry_is_begun_that_would_wait_past_the_deadline() -> None:
    world = World(ollama=[[Wait(599.5), *later(0.6)], HELLO])
    assert isinstance(await outcome(world, 599.5), ProviderThrottled)
    assert world.calls == (0, 1)


async def test_the_deadline_is_one_for_all_attempts() -> None:
    world = World(ollama=[[Wait(300), *THROTTLED], [Wait(290), *THROTTLED], [Wait(50), *HELLO]])
    ended = await outcome(world, 600)
    assert isinstance(ended, ProviderTimeout)
    assert world.clock.monotonic() == 1_600
    assert await world.at_rest()


@pytest.mark.parametrize("asked", [1, 2])
async def test_another_endpoint_is_preferred_to_a_wait_above_a_second(asked: float) -> None:
    world = World(gemini=[later(asked, "gemini"), HELLO])
    told = await world.ask(call_of())
    assert (told.reply.endpoint, world.calls) == (LOCAL.id, (1, 1))


async def test_a_short_wait_is_preferred_to_another_endpoint() -> None:
    world = World(gemini=[later(0.5, "gemini"), HELLO])
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    assert (await asking).reply.endpoint == CLOUD.id
    assert world.calls == (2, 0)


async def test_the_last_endpoint_of_a_plan_waits_though_it_is_the_second() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]], ollama=[later(1), HELLO])
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(2)
    assert (await asking).reply.endpoint == LOCAL.id


async def test_retries_are_a_share_of_the_calls_however_many_fail() -> None:
    world = World(ollama=[THROTTLED], max_retries=10)
    for _ in range(50):
        assert isinstance(await outcome(world), ProviderThrottled)
    retries = len(world.ollama.calls) - 50
    assert 10 <= retries <= 10 + 50 * 0.2


async def broken_down(scripts: Sequence[Script] = (UNAVAILABLE,)) -> World:
    """An endpoint that has just failed often enough."""
    world = World(gemini=scripts, ollama=scripts, max_retries=0)
    for _ in range(BREAKER_FAILURES):
        assert isinstance(await outcome(world, 0), ProviderUnavailable)
    return world


async def test_an_endpoint_that_keeps_failing_is_not_asked() -> None:
    world = await broken_down()
    calls = world.calls
    ended = await outcome(world, 0)
    assert isinstance(ended, ProviderUnavailable)
    assert ended.retry_after == timedelta(seconds=BREAKER_OPEN_SECONDS)
    assert world.calls == calls
    assert world.observer.records[-1].attempts == ()
    assert await world.at_rest()


async def test_nothing_is_reserved_for_an_endpoint_that_is_not_asked() -> None:
    world = await broken_down()
    spent = client_of("spent", tokens=10)
    await world.limiter.take(spent, Charge(tokens=10), ReservationId("all of it"))
    with pytest.raises(ProviderUnavailable):
        await world.ask(ALONE, spent)


async def test_nobody_waits_for_an_endpoint_that_is_not_asked() -> None:
    world = World(ollama=[*[UNAVAILABLE] * BREAKER_FAILURES, HELLO], max_retries=10)
    ended = await outcome(world)
    assert isinstance(ended, ProviderUnavailable)
    assert world.calls == (0, BREAKER_FAILURES)
    assert world.observer.records[-1].seconds < BREAKER_OPEN_SECONDS


async def test_the_next_endpoint_answers_for_one_that_is_not_asked() -> None:
    world = World(gemini=[[ProviderUnavailable("gemini", "500")]], max_retries=0)
    for number in range(BREAKER_FAILURES + 3):
        assert (await world.ask(call_of(f"{number}"))).reply.endpoint == LOCAL.id
    assert world.calls == (BREAKER_FAILURES, BREAKER_FAILURES + 3)
    assert world.breakers.state(CLOUD.id) is BreakerState.OPEN


async def test_after_a_while_one_request_tries_for_all() -> None:
    world = await broken_down([*[UNAVAILABLE] * BREAKER_FAILURES, [Wait(1), *HELLO], HELLO])
    await world.clock.advance(BREAKER_OPEN_SECONDS)
    assert world.breakers.state(LOCAL.id) is BreakerState.HALF_OPEN
    trying = asyncio.create_task(world.ask(ALONE))
    await world.clock.advance(0.5)
    other = call_of("Another question.", hint=Hint.LOCAL)
    with pytest.raises(ProviderUnavailable):
        await world.ask(other)
    await world.clock.advance(1)
    assert (await trying).reply.content == "Hello there"
    assert world.breakers.state(LOCAL.id) is BreakerState.CLOSED
    await world.ask(other)
    assert await world.at_rest()


async def test_a_trial_that_nobody_waited_for_leaves_the_next_one_free() -> None:
    world = await broken_down([*[UNAVAILABLE] * BREAKER_FAILURES, [Wait(1), *HELLO], HELLO])
    await world.clock.advance(BREAKER_OPEN_SECONDS)
    trying = asyncio.create_task(world.ask(ALONE))
    await world.clock.advance(0.5)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    assert (await world.ask(ALONE)).reply.content == "Hello there"


FULL: Script = [ProviderOverloaded("ollama", "the queue is full", retry_after=timedelta(seconds=1))]


async def test_a_full_queue_is_asked_again_until_it_has_room_whatever_the_number_and_the_budget() -> None:
    world = World(ollama=[*[FULL] * 40, HELLO])
    told = await outcome(world, 300)
    assert isinstance(told, Told)
    assert len(told.record.attempts) == 41
    assert world.breakers.state(LOCAL.id) is BreakerState.CLOSED


async def test_a_full_queue_is_told_at_the_deadline_with_the_wait() -> None:
    world = World(ollama=[FULL])
    ended = await outcome(world, 600)
    assert isinstance(ended, ProviderOverloaded)
    assert ended.retry_after == timedelta(seconds=1)
    assert world.clock.monotonic() <= 1_600
    assert await world.at_rest()


async def test_a_full_queue_is_not_asked_again_where_nothing_is_or_another_endpoint_may_answer() -> None:
    world = World(ollama=[FULL], max_retries=0)
    assert isinstance(await outcome(world, 0), ProviderOverloaded)
    assert world.calls == (0, 1)
    other = World(gemini=[FULL])
    assert (await other.ask(call_of())).reply.endpoint == LOCAL.id
    assert other.calls == (1, 1)


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (ProviderUnavailable("ollama", "no memory", reason=FailureReason.OUT_OF_MEMORY), 1),
        (ProviderUnavailable("ollama", "no load", reason=FailureReason.LOAD_STALLED), 1),
        (ProviderUnavailable("ollama", "died", reason=FailureReason.RUNNER_LOST), 2),
        (ProviderUnavailable("ollama", "500", reason=FailureReason.SERVER), 4),
        (ProviderBroken("ollama", "cancelled", doubtful=True, repeats=1), 2),
        (ProviderBroken("ollama", "gone", doubtful=True), 1),
        (ProviderThrottled("ollama", "out", out_until=2e9), 1),
    ],
)
async def test_what_a_repetition_cannot_mend_is_not_repeated(error: ProviderError, calls: int) -> None:
    world = World(ollama=[[error]])
    ended = await outcome(world)
    assert isinstance(ended, ProviderError)
    assert ended.message == error.message
    assert world.calls == (0, calls)


async def test_refused_requests_and_throttled_clients_do_not_open_the_breaker() -> None:
    world = World(ollama=[THROTTLED], max_retries=0)
    for _ in range(2 * BREAKER_FAILURES):
        await outcome(world, 0)
    assert world.breakers.state(LOCAL.id) is BreakerState.CLOSED
