"""Answers that are drawn by chance: one for each who takes them so, and none of them kept."""

import asyncio

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.chat_model import Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode, CacheSampled
from llm_gateway.domain.chat import ChatCall, Grain, Sampling

from .witnesses import FarCache
from .world import HELLO, World, call_of, client_of

SLOW = [Wait(1), *HELLO]
HOT = Sampling(temperature=0.8)
PLAIN = Sampling()
OWN = CacheDirective(own_samples=True)


def drawn(sampling: Sampling = HOT, directive: CacheDirective = OWN, grain: Grain = Grain.WHOLE) -> ChatCall:
    call = call_of(cache=directive, grain=grain)
    return replace(call, request=replace(call.request, sampling=sampling))


async def at_once(world: World, call: ChatCall, count: int = 3) -> list[CacheStatus | None]:
    asking = [asyncio.create_task(world.ask(call)) for _ in range(count)]
    await world.clock.advance(1)
    return [told.cache for told in await asyncio.gather(*asking)]


@pytest.mark.parametrize("grain", Grain)
async def test_each_has_a_sample_of_its_own_one_after_the_other_and_at_once(grain: Grain) -> None:
    world = World(gemini=[answer("one"), answer("two"), SLOW])
    told = [await world.ask(drawn(grain=grain)) for _ in range(2)]
    assert [one.reply.content for one in told] == ["one", "two"]
    assert [one.cache for one in told] == [CacheStatus.SAMPLED] * 2
    assert await at_once(world, drawn(grain=grain)) == [CacheStatus.SAMPLED] * 3
    assert world.calls == (5, 0)
    assert len(world.process) == 0
    assert not any(record.looked_up for record in world.observer.records)
    assert await world.at_rest()


async def test_a_sample_is_neither_a_kept_answer_nor_in_its_place() -> None:
    world = World(gemini=[answer("kept"), answer("drawn")])
    await world.ask(drawn(directive=CacheDirective()))
    assert (await world.ask(drawn())).reply.content == "drawn"
    again = await world.ask(drawn(directive=CacheDirective(mode=CacheMode.USE, own_samples=True)))
    assert (again.cache, again.reply.content) == (CacheStatus.HIT, "kept")


async def test_who_states_nothing_finds_what_is_kept_but_joins_nobody() -> None:
    world = World(gemini=[SLOW])
    assert await at_once(world, drawn(PLAIN)) == [CacheStatus.MISS] * 3
    assert world.calls == (3, 0)
    assert (await world.ask(drawn(PLAIN))).cache is CacheStatus.HIT
    assert await world.at_rest()


@pytest.mark.parametrize("sampling", [Sampling(temperature=0.0), Sampling(temperature=1.0, seed=3), Sampling(seed=3)])
async def test_what_would_come_out_the_same_is_shared(sampling: Sampling) -> None:
    world = World(gemini=[SLOW])
    told = await at_once(world, drawn(sampling))
    assert told == [CacheStatus.MISS, CacheStatus.COALESCED, CacheStatus.COALESCED]
    assert (await world.ask(drawn(sampling))).cache is CacheStatus.HIT
    assert world.calls == (1, 0)


@pytest.mark.parametrize("sampling", [HOT, PLAIN])
async def test_who_states_that_the_cache_is_used_shares(sampling: Sampling) -> None:
    world = World(gemini=[SLOW])
    told = await at_once(world, drawn(sampling, CacheDirective(mode=CacheMode.USE, own_samples=True)))
    assert told == [CacheStatus.MISS, CacheStatus.COALESCED, CacheStatus.COALESCED]


@pytest.mark.parametrize("setting", [CacheSampled.NATIVE, CacheSampled.ALWAYS])
async def test_natively_all_share_as_in_the_original(setting: CacheSampled) -> None:
    world = World(gemini=[SLOW], sampled=setting)
    told = await at_once(world, drawn(directive=CacheDirective()))
    assert told == [CacheStatus.MISS, CacheStatus.COALESCED, CacheStatus.COALESCED]


async def test_an_operator_may_have_nobody_share_or_everybody() -> None:
    never = World(gemini=[SLOW], sampled=CacheSampled.NEVER)
    assert await at_once(never, drawn(directive=CacheDirective())) == [CacheStatus.SAMPLED] * 3
    always = World(gemini=[SLOW], sampled=CacheSampled.ALWAYS)
    assert (await at_once(always, drawn()))[0] is CacheStatus.MISS
    assert always.calls == (1, 0)


async def test_a_sample_asks_no_shared_cache_and_costs_its_own_quota() -> None:
    clock = ScriptedClock()
    shared = FarCache(clock, 0.0)
    world = World(shared=shared, clock=clock)
    client = client_of(requests=9, tokens=10_000)
    for _ in range(2):
        await world.ask(drawn(), client)
    assert (shared.calls, shared.entries) == ([], {})
    assert await world.at_rest()
    assert len(world.limiter.settled) == 2


async def test_one_that_waits_patiently_still_joins_nobody() -> None:
    """A model that is slow for one sample is asked for the next all the same."""
    world = World(gemini=[[Wait(40), *HELLO]], ollama=[[Wait(40), *HELLO]])
    asking = [asyncio.create_task(world.ask(drawn(grain=Grain.STREAM))) for _ in range(2)]
    await world.clock.advance(100)
    assert {told.cache for told in await asyncio.gather(*asking)} == {CacheStatus.SAMPLED}
    assert world.calls == (2, 2)
    assert await world.at_rest()


async def test_explaining_says_how_the_cache_is_used() -> None:
    world = World()
    assert world.explain_chat(drawn(), client_of()).cache.sampled
    assert not world.explain_chat(drawn(PLAIN), client_of()).cache.joins
    off = World(ttl=0).explain_chat(drawn(), client_of()).cache
    assert (off.mode, off.sampled) == (CacheMode.BYPASS, False)
