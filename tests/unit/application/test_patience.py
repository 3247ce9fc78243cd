"""Healthy answers are waited for; where another endpoint can be asked, one that gives nothing is left for it."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, Wait
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.chat import ChatCall, Grain
from llm_gateway.domain.errors import ProviderThrottled, ProviderTimeout, ProviderUnavailable
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.resilience import BREAKER_FAILURES, outcome_of

from .world import CLOUD, HELLO, LOCAL, Told, World, call_of

GRAINS = pytest.mark.parametrize("grain", list(Grain))
FALLBACK_SECONDS = {Grain.WHOLE: 60.0, Grain.STREAM: 30.0}
MOST_SECONDS = {Grain.WHOLE: 600.0, Grain.STREAM: 3600.0}


def pinned(grain: Grain = Grain.WHOLE) -> ChatCall:
    return call_of(model="gemini", hint=None, grain=grain)


def after(seconds: float) -> Script:
    return [Wait(seconds), *HELLO]


def dripping(seconds: float) -> Script:
    """A token every 2 s."""
    return [part for _ in range(int(seconds / 2)) for part in (TextDelta(text="x"), Wait(2))] + [*HELLO]


async def told_after(world: World, call: ChatCall, seconds: float) -> Told:
    """Not before, and at the latest in the next second."""
    asking = asyncio.create_task(world.ask(call))
    await world.clock.advance(seconds - 0.001)
    assert not asking.done()
    await world.clock.advance(1)
    return await asking


@pytest.mark.parametrize("call", [pinned(Grain.STREAM), call_of(grain=Grain.STREAM)], ids=["pinned", "routed"])
async def test_a_token_every_two_seconds_for_ten_minutes_streams_to_its_end(call: ChatCall) -> None:
    world = World(gemini=[dripping(600)])
    told = await told_after(world, call, 600)
    assert told.reply.content == "x" * 300 + "Hello there"
    assert world.calls == (1, 0)
    assert await world.at_rest()


async def test_a_whole_answer_after_five_hundred_seconds_is_an_answer() -> None:
    world = World(gemini=[after(500)])
    assert (await told_after(world, pinned(), 500)).reply.endpoint == CLOUD.id


@GRAINS
async def test_an_answer_takes_no_longer_than_its_grain_may(grain: Grain) -> None:
    world = World(gemini=[[*dripping(MOST_SECONDS[grain])[:-3], Wait(1e9)]], max_answer_bytes=1 << 30)
    with pytest.raises(ProviderTimeout):
        await told_after(world, pinned(grain), MOST_SECONDS[grain])
    assert await world.at_rest()


@GRAINS
async def test_an_endpoint_that_gives_nothing_is_left_for_the_next(grain: Grain) -> None:
    world = World(gemini=[[Wait(1e9)]])
    told = await told_after(world, call_of(grain=grain), FALLBACK_SECONDS[grain])
    assert (told.reply.endpoint, world.calls) == (LOCAL.id, (1, 1))
    assert [attempt.error for attempt in told.record.attempts] == ["ProviderTimeout", None]
    assert await world.at_rest()


@GRAINS
async def test_the_last_endpoint_has_all_of_the_time(grain: Grain) -> None:
    world = World(gemini=[[Wait(1e9)]], ollama=[after(100)])
    told = await told_after(world, call_of(grain=grain), FALLBACK_SECONDS[grain] + 100)
    assert told.reply.endpoint == LOCAL.id


async def test_retries_do_not_move_the_time_by_which_an_endpoint_is_left() -> None:
    throttled = ProviderThrottled("gemini", "slower")
    world = World(gemini=[[Wait(29), throttled], [Wait(1e9)]])
    assert (await told_after(world, call_of(grain=Grain.STREAM), 30)).reply.endpoint == LOCAL.id
    assert world.calls == (2, 1)


async def test_a_stream_that_has_begun_in_time_is_not_left() -> None:
    world = World(gemini=[[Wait(29), TextDelta(text="Yes. "), Wait(200), *HELLO]])
    told = await told_after(world, call_of(grain=Grain.STREAM), 229)
    assert told.reply.content == "Yes. Hello there"


def opened(world: World) -> None:
    """The breaker of the second endpoint."""
    for _ in range(BREAKER_FAILURES):
        world.breakers.enter(LOCAL.id).end(outcome_of(ProviderTimeout("ollama", "late")), world.clock.monotonic())


@GRAINS
async def test_an_endpoint_that_would_not_be_asked_is_no_alternative(grain: Grain) -> None:
    world = World(gemini=[after(100)])
    opened(world)
    assert (await told_after(world, call_of(grain=grain), 100)).reply.endpoint == CLOUD.id


async def test_a_found_answer_is_an_alternative_whatever_the_breaker_says() -> None:
    world = World(gemini=[[ProviderUnavailable("gemini", "500")], [Wait(1e9)]], max_retries=0, ttl=3600)
    await world.ask(call_of())
    opened(world)
    told = await told_after(world, call_of(), 60)
    assert (told.reply.endpoint, told.cache) == (LOCAL.id, CacheStatus.HIT)


@GRAINS
async def test_who_has_no_other_endpoint_and_joined_who_has_asks_again_for_itself(grain: Grain) -> None:
    world = World(gemini=[[Wait(1e9)], after(100)])
    routed = asyncio.create_task(world.ask(call_of(grain=grain)))
    alone = [asyncio.create_task(world.ask(pinned(grain))) for _ in range(3)]
    await world.clock.advance(FALLBACK_SECONDS[grain])
    assert (await routed).reply.endpoint == LOCAL.id
    assert world.calls == (2, 1), "one call for all who stay"
    await world.clock.advance(100)
    told = await asyncio.gather(*alone)
    assert [one.reply.endpoint for one in told] == [CLOUD.id] * 3
    assert await world.at_rest()


async def test_who_asked_again_for_itself_does_so_once() -> None:
    world = World(gemini=[[Wait(1e9)]])
    routed = asyncio.create_task(world.ask(call_of()))
    alone = asyncio.create_task(world.ask(pinned()))
    await world.clock.advance(60)
    assert (await routed).reply.endpoint == LOCAL.id
    await world.clock.advance(600)
    with pytest.raises(ProviderTimeout):
        await alone
    assert world.calls == (2, 1)


async def test_who_joins_one_that_has_no_other_endpoint_waits_as_that_one_does() -> None:
    world = World(gemini=[after(100)])
    alone = asyncio.create_task(world.ask(pinned()))
    routed = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(100)
    assert [(await one).reply.endpoint for one in (alone, routed)] == [CLOUD.id] * 2
    assert world.calls == (1, 0)
