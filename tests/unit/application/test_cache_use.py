"""Which answers are kept, for whom, where, and for how long."""

import asyncio
from datetime import timedelta

import pytest

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.chat_model import Script, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import FinishReason, Grain, Usage
from llm_gateway.domain.errors import ProviderBroken, QuotaExceeded
from llm_gateway.domain.events import Finished, TextDelta
from llm_gateway.domain.routing import Hint

from .witnesses import FarCache, FarLimiter
from .world import HELLO, World, call_of, client_of

ONE_TWO = (answer("one"), answer("two"))
BYPASS = CacheDirective(mode=CacheMode.BYPASS)
REFRESH = CacheDirective(mode=CacheMode.REFRESH)
FOUND = {True: CacheStatus.HIT, False: CacheStatus.MISS}


def ended(reason: FinishReason) -> Script:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    return [TextDelta(text="Hello"), Finished(reason=reason, usage=usage, model="scripted-1")]


def lasting(seconds: float) -> CacheDirective:
    return CacheDirective(ttl=timedelta(seconds=seconds))


@pytest.mark.parametrize("reason", FinishReason)
async def test_only_whole_answers_are_kept(reason: FinishReason) -> None:
    world = World(gemini=[ended(reason)])
    first = await world.ask(call_of())
    again = await world.ask(call_of())
    kept = reason is not FinishReason.CONTENT_FILTER
    assert again.cache is FOUND[kept]
    assert again.reply == first.reply
    assert len(world.process) == kept


async def test_a_failed_answer_is_never_kept() -> None:
    world = World(gemini=[[TextDelta(text="Hel"), ProviderBroken("gemini", "reset")], HELLO])
    call = call_of(grain=Grain.STREAM)
    with pytest.raises(ProviderBroken):
        await world.ask(call)
    assert len(world.process) == 0
    assert (await world.ask(call)).cache is CacheStatus.MISS


@pytest.mark.parametrize("grain", Grain)
async def test_an_answer_is_found_again_whatever_the_grain(grain: Grain) -> None:
    world = World()
    first = await world.ask(call_of(grain=grain))
    other = Grain.WHOLE if grain is Grain.STREAM else Grain.STREAM
    again = await world.ask(call_of(grain=other))
    assert again.cache is CacheStatus.HIT
    assert again.reply == first.reply
    assert world.calls == (1, 0)


async def test_hints_that_lead_to_the_same_endpoint_share_an_answer() -> None:
    world = World()
    assert (await world.ask(call_of(hint=Hint.ONLINE))).cache is CacheStatus.MISS
    assert (await world.ask(call_of(model="gemini/flash", hint=None))).cache is CacheStatus.HIT


async def test_an_answer_is_kept_for_its_time() -> None:
    world = World(gemini=ONE_TWO, ttl=60)
    await world.ask(call_of())
    await world.clock.advance(59)
    assert (await world.ask(call_of())).reply.content == "one"
    await world.clock.advance(1)
    assert (await world.ask(call_of())).reply.content == "two"


async def test_a_request_may_have_a_time_of_its_own() -> None:
    world = World(gemini=ONE_TWO, ttl=60)
    await world.ask(call_of(cache=lasting(600)))
    await world.clock.advance(599)
    assert (await world.ask(call_of())).cache is CacheStatus.HIT
    await world.clock.advance(1)
    assert (await world.ask(call_of())).cache is CacheStatus.MISS


async def test_a_request_may_be_answered_from_the_cache_and_have_its_own_answer_not_kept() -> None:
    world = World(gemini=ONE_TWO)
    assert (await world.ask(call_of(cache=lasting(0)))).cache is CacheStatus.MISS
    assert len(world.process) == 0
    await world.ask(call_of())
    assert (await world.ask(call_of(cache=lasting(0)))).cache is CacheStatus.HIT


@pytest.mark.parametrize("directive", [CacheDirective(), REFRESH, lasting(600)])
async def test_without_a_time_the_cache_is_off_whatever_a_request_says(directive: CacheDirective) -> None:
    world = World(ttl=0)
    for _ in range(2):
        assert (await world.ask(call_of(cache=directive))).cache is CacheStatus.BYPASS
    assert world.calls == (2, 0)
    assert len(world.process) == 0


async def test_refresh_asks_anew_and_keeps_the_answer() -> None:
    world = World(gemini=ONE_TWO)
    await world.ask(call_of())
    refreshed = await world.ask(call_of(cache=REFRESH))
    assert (refreshed.cache, refreshed.reply.content) == (CacheStatus.MISS, "two")
    assert (await world.ask(call_of())).reply.content == "two"


async def test_bypass_neither_reads_nor_stores() -> None:
    world = World(gemini=(*ONE_TWO, answer("three")))
    assert (await world.ask(call_of(cache=BYPASS))).reply.content == "one"
    assert (await world.ask(call_of())).reply.content == "two"
    passed = await world.ask(call_of(cache=BYPASS))
    assert (passed.cache, passed.reply.content) == (CacheStatus.BYPASS, "three")
    assert (await world.ask(call_of())).reply.content == "two"


async def test_namespaces_keep_clients_apart() -> None:
    world = World(gemini=ONE_TWO)
    mine, yours = client_of("mine", namespace="a"), client_of("yours", namespace="b")
    ours = client_of("ours", namespace="a")
    assert (await world.ask(call_of(), mine)).reply.content == "one"
    assert (await world.ask(call_of(), yours)).reply.content == "two"
    assert (await world.ask(call_of(), ours)).reply.content == "one"


async def test_with_a_shared_cache_answers_are_kept_there_alone() -> None:
    shared = FarCache(ScriptedClock())
    world = World(shared=shared)
    await world.ask(call_of())
    other = World(shared=shared)
    assert (await other.ask(call_of())).cache is CacheStatus.HIT
    assert len(world.process) == 0
    assert [seen.verb for seen in shared.calls] == ["get", "put", "get"]
    assert len(shared.calls[0].keys) == 2, "all endpoints of the plan in one trip"


async def test_secure_answers_never_meet_the_shared_cache() -> None:
    shared = FarCache(ScriptedClock())
    world = World(shared=shared)
    secure = call_of(hint=Hint.SECURE)
    assert (await world.ask(secure)).cache is CacheStatus.MISS
    assert (await world.ask(secure)).cache is CacheStatus.HIT
    assert shared.calls == []


async def test_secure_requests_find_nothing_that_came_from_the_shared_cache() -> None:
    shared = FarCache(ScriptedClock())
    world = World(ollama=ONE_TWO, shared=shared)
    await world.ask(call_of(hint=Hint.LOCAL))
    calls = list(shared.calls)
    assert (await world.ask(call_of(hint=Hint.SECURE))).reply.content == "two"
    assert shared.calls == calls
    assert (await world.ask(call_of(hint=Hint.LOCAL))).reply.content == "one", "nor the other way"


async def test_quota_and_shared_cache_are_asked_at_the_same_time() -> None:
    clock = ScriptedClock()
    far = FarLimiter(MemoryRateLimiter(clock), clock, seconds=1)
    world = World(clock=clock, limiter=far, shared=FarCache(clock, seconds=1))
    asking = asyncio.create_task(world.ask(call_of()))
    await clock.advance(0.9)
    assert world.calls == (0, 0)
    await clock.advance(0.2)
    assert sum(world.calls) == 1, "both have answered"
    await clock.advance(2)
    assert (await asking).cache is CacheStatus.MISS


async def test_a_refusal_comes_bare_and_at_once_though_the_cache_is_slow() -> None:
    clock = ScriptedClock()
    world = World(clock=clock, shared=FarCache(clock, seconds=1))
    client = client_of(requests=1)
    await world.ask(call_of(cache=BYPASS), client)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of(), client)
    assert world.observer.records[-1].admitted is False
    await clock.advance(1)
    assert await world.at_rest()


async def test_who_leaves_while_the_shared_cache_is_asked_leaves_nothing() -> None:
    clock = ScriptedClock()
    world = World(clock=clock, shared=FarCache(clock, seconds=1))
    asking = asyncio.create_task(world.ask(call_of()))
    await clock.advance(0.5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert world.observer.records[-1].left
    assert world.calls == (0, 0)
    assert await world.at_rest()


@pytest.mark.parametrize("read", range(4))
async def test_a_stored_answer_is_the_same_whole_whatever_was_read_of_it_before(read: int) -> None:
    world = World()
    first = await world.ask(call_of())

    async with world.open(call_of()) as asked:
        for _ in range(read):
            await anext(asked, None)
        reply = await asked.reply()
        rest = await asked.take()

    record = world.observer.records[-1]
    assert (reply, rest) == (first.reply, ())
    assert (asked.cache, record.cache, record.outcome) == (CacheStatus.HIT, CacheStatus.HIT, "answered")
    assert (record.endpoint, record.usage) == (first.reply.endpoint, first.reply.usage)
    assert record.finish_reason is first.reply.finish_reason
    assert record.saved_seconds is not None
    assert world.calls == (1, 0)


@pytest.mark.parametrize(
    ("directive", "looked_up"), [(CacheDirective(), True), (REFRESH, False), (BYPASS, False), (lasting(0), True)]
)
async def test_the_record_says_whether_the_cache_was_asked_however_the_answer_ends(
    directive: CacheDirective, looked_up: bool
) -> None:
    failed = ProviderBroken("gemini", "reset", doubtful=True)
    world = World(gemini=[[failed], HELLO], ollama=[[failed]])
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(cache=directive))
    await world.ask(call_of(cache=directive))
    assert [record.looked_up for record in world.observer.records] == [looked_up] * 2
    assert [record.cache is None for record in world.observer.records] == [True, False]


async def test_who_is_refused_looked_nothing_up() -> None:
    world = World()
    client = client_of(requests=1)
    await world.ask(call_of(), client)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("Other."), client)
    assert [record.looked_up for record in world.observer.records] == [True, False]
