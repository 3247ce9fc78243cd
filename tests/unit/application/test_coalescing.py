"""Requests that ask the same at the same time: one call, and each its own request, quota and record."""

import asyncio
from datetime import timedelta

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderRefused,
    ProviderThrottled,
    ProviderTimeout,
    QuotaExceeded,
)
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.routing import Hint

from .world import HELLO, LOCAL, World, call_of, client_of

SLOW = [Wait(1), *HELLO]


async def test_followers_are_told_that_they_were_coalesced() -> None:
    world = World(gemini=[SLOW])
    asking = [asyncio.create_task(world.ask(call_of())) for _ in range(3)]
    await world.clock.advance(1)
    told = await asyncio.gather(*asking)
    assert [one.cache for one in told] == [CacheStatus.MISS, CacheStatus.COALESCED, CacheStatus.COALESCED]
    assert world.calls == (1, 0)
    assert sorted(len(record.attempts) for record in world.observer.records) == [0, 0, 1]
    assert await world.at_rest()


async def test_different_grains_directives_and_namespaces_do_not_meet() -> None:
    world = World(gemini=[SLOW])
    refresh = CacheDirective(mode=CacheMode.REFRESH)
    bypass = CacheDirective(mode=CacheMode.BYPASS)
    calls = [call_of(), call_of(grain=Grain.STREAM), call_of(cache=refresh), call_of(cache=bypass)]
    asking = [asyncio.create_task(world.ask(call)) for call in calls]
    asking.append(asyncio.create_task(world.ask(call_of(), client_of("two", namespace="two"))))
    await world.clock.advance(1)
    told = await asyncio.gather(*asking)
    assert [one.cache for one in told] == [CacheStatus.MISS] * 3 + [CacheStatus.BYPASS, CacheStatus.MISS]
    assert world.calls == (5, 0)


async def test_refreshes_join_each_other_and_bypasses_nobody() -> None:
    for mode, calls in ((CacheMode.REFRESH, 1), (CacheMode.BYPASS, 3)):
        world = World(gemini=[SLOW])
        call = call_of(cache=CacheDirective(mode=mode))
        asking = [asyncio.create_task(world.ask(call)) for _ in range(3)]
        await world.clock.advance(1)
        await asyncio.gather(*asking)
        assert world.calls == (calls, 0)


async def test_a_leader_that_leaves_takes_nothing_from_its_followers() -> None:
    world = World(gemini=[[TextDelta(text="One"), Wait(1), *answer("two")]])
    leader = client_of("leader", tokens=1000)
    leading = asyncio.create_task(world.ask(call_of(max_tokens=10, grain=Grain.STREAM), leader))
    await settle()
    following = asyncio.create_task(
        world.ask(call_of(max_tokens=10, grain=Grain.STREAM), client_of("follower", tokens=1000))
    )
    await settle()
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    assert world.observer.records[0].left
    assert len(world.limiter.held) == 1, "the call that it began goes on, on its account"
    await world.clock.advance(1)
    assert (await following).reply.content == "Onetwo"
    assert world.limiter.settled == [4]
    assert [end.error for end in world.observer.requests[0].attempts[0].ends] == [None]
    assert await world.at_rest()


async def test_a_leaders_exhausted_quota_is_its_own_and_a_follower_leads_with_its_own() -> None:
    world = World(gemini=[SLOW])
    poor, rich = client_of("poor", concurrency=1), client_of("rich", concurrency=1)
    holding = asyncio.create_task(world.ask(call_of("Something else."), poor))
    await settle()
    asking = [asyncio.create_task(world.ask(call_of(), client)) for client in (poor, rich, poor)]
    await world.clock.advance(2)
    ends = await asyncio.gather(*asking, return_exceptions=True)
    await holding
    assert isinstance(ends[0], QuotaExceeded)
    assert [getattr(end, "cache", None) for end in ends[1:]] == [CacheStatus.MISS, CacheStatus.COALESCED]
    assert world.calls == (2, 0)
    refused = next(record for record in world.observer.records if record.error)
    assert (refused.error, refused.admitted, refused.attempts) == ("QuotaExceeded", False, ())
    assert await world.at_rest()


async def test_each_waiter_goes_on_with_its_own_plan() -> None:
    world = World(gemini=[[Wait(1), ProviderRefused("gemini", "no")]])
    routed = asyncio.create_task(world.ask(call_of()))
    pinned = asyncio.create_task(world.ask(call_of(model="gemini", hint=None)))
    await world.clock.advance(1)
    assert (await routed).reply.endpoint == LOCAL.id
    with pytest.raises(ProviderRefused):
        await pinned
    assert world.calls == (1, 1)


async def test_a_failure_after_the_first_event_breaks_all() -> None:
    world = World(gemini=[[TextDelta(text="One"), Wait(1), ProviderBroken("gemini", "reset")]])
    asking = [asyncio.create_task(world.ask(call_of(grain=Grain.STREAM))) for _ in range(3)]
    await world.clock.advance(1)
    ends = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(end) for end in ends] == [ProviderBroken] * 3
    assert world.calls == (1, 0)
    assert await world.at_rest()


async def test_a_readers_own_timeout_ends_that_reader_only() -> None:
    world = World(gemini=[[Wait(5), *HELLO]])
    hasty = asyncio.create_task(world.ask(call_of(timeout=2)))
    patient = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(3)
    with pytest.raises(ProviderTimeout):
        await hasty
    assert not patient.done()
    await world.clock.advance(3)
    assert (await patient).cache is CacheStatus.COALESCED
    assert world.calls == (1, 0)
    assert await world.at_rest()


async def test_who_has_no_time_for_a_retry_is_told_why_at_once_and_who_has_waits_for_it() -> None:
    throttled = ProviderThrottled("gemini", "asks to wait", retry_after=timedelta(seconds=0.9))
    world = World(gemini=[[throttled], HELLO])
    timeouts = (0.5, None, 0.8, 5)
    calls = [call_of(model="gemini", hint=None, timeout=timeout) for timeout in timeouts]
    asking = [asyncio.create_task(world.ask(call)) for call in calls]
    await world.clock.advance(0)
    assert [one.done() for one in asking] == [True, False, True, False]
    await world.clock.advance(1.2)
    told = await asyncio.gather(*asking, return_exceptions=True)
    for hasty in (told[0], told[2]):
        assert isinstance(hasty, ProviderThrottled)
        assert hasty.retry_after == timedelta(seconds=0.9)
    assert [getattr(one, "cache", None) for one in (told[1], told[3])] == [CacheStatus.COALESCED] * 2
    assert world.calls == (2, 0), "the call that the first began goes on for the others"
    assert await world.at_rest()


async def test_a_pause_that_nobody_has_the_time_for_is_not_made() -> None:
    world = World(gemini=[[ProviderThrottled("gemini", "asks to wait", retry_after=timedelta(seconds=0.9))], HELLO])
    told = await world.ask(call_of(timeout=0.5))
    assert (told.reply.endpoint, told.record.seconds) == (LOCAL.id, 0)
    assert world.calls == (1, 1)
    assert await world.at_rest()


async def test_a_timeout_of_the_only_reader_ends_the_call() -> None:
    world = World(gemini=[[TextDelta(text="One"), Wait(5), *HELLO]])
    asking = asyncio.create_task(world.ask(call_of(timeout=2, grain=Grain.STREAM)))
    await world.clock.advance(2)
    with pytest.raises(ProviderTimeout):
        await asking
    assert world.calls == (1, 0), "a reader without time has none for another endpoint"
    assert world.observer.records[-1].error == "ProviderTimeout"
    assert await world.at_rest()


async def test_a_secure_request_joins_only_secure_ones() -> None:
    world = World(ollama=[SLOW])
    asking = [asyncio.create_task(world.ask(call_of(hint=hint))) for hint in (Hint.LOCAL, Hint.SECURE, Hint.SECURE)]
    await world.clock.advance(1)
    await asyncio.gather(*asking)
    assert world.calls == (0, 2)
