"""What a `secure` request keeps to the process: it never meets a cache that others can see, however it is asked."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.routing import Hint

from .witnesses import FarCache
from .world import World, call_of

GRAINS = pytest.mark.parametrize("grain", Grain)


@GRAINS
@pytest.mark.parametrize("mode", CacheMode)
@pytest.mark.parametrize(("hint", "model"), [(Hint.SECURE, None), (None, "secure"), (Hint.SECURE, "ollama")])
async def test_the_shared_cache_is_neither_asked_nor_told(
    grain: Grain, mode: CacheMode, hint: Hint | None, model: str | None
) -> None:
    shared = FarCache(ScriptedClock())
    world = World(shared=shared)
    call = call_of(hint=hint, model=model, grain=grain, cache=CacheDirective(mode=mode))
    for _ in range(2):
        await world.ask(call)
    assert shared.calls == []
    assert len(world.process) == (mode is not CacheMode.BYPASS)


@GRAINS
@pytest.mark.parametrize("mode", [CacheMode.USE, CacheMode.REFRESH])
async def test_nor_where_several_share_an_answer(grain: Grain, mode: CacheMode) -> None:
    shared = FarCache(ScriptedClock())
    world = World(ollama=[[Wait(1), *answer("Kept")]], shared=shared)
    call = call_of(hint=Hint.SECURE, grain=grain, cache=CacheDirective(mode=mode))
    asking = [asyncio.create_task(world.ask(call)) for _ in range(3)]
    await settle()
    await world.clock.advance(1)
    assert [told.cache for told in await asyncio.gather(*asking)].count(CacheStatus.COALESCED) == 2
    assert shared.calls == []


@pytest.mark.parametrize("first", [Hint.LOCAL, Hint.SECURE])
async def test_a_secure_answer_is_not_shared_with_one_that_may_be_kept_outside(first: Hint) -> None:
    """Who leads a flight keeps its answer: a secure one's must not be led by another, nor the other way."""
    shared = FarCache(ScriptedClock())
    world = World(ollama=[[Wait(1), *answer("One")], [Wait(1), *answer("Two")]], shared=shared)
    second = Hint.SECURE if first is Hint.LOCAL else Hint.LOCAL
    asking = [asyncio.create_task(world.ask(call_of(hint=hint))) for hint in (first, second)]
    await settle()
    await world.clock.advance(1)
    told = await asyncio.gather(*asking)
    assert {one.cache for one in told} == {CacheStatus.MISS}
    secure = told[0] if first is Hint.SECURE else told[1]
    assert all(secure.reply.content.encode() not in entry for entry in shared.entries.values())


async def test_a_refresh_replaces_what_only_this_process_keeps() -> None:
    shared = FarCache(ScriptedClock())
    world = World(ollama=[answer("one"), answer("two")], shared=shared)
    await world.ask(call_of(hint=Hint.SECURE))
    await world.ask(call_of(hint=Hint.SECURE, cache=CacheDirective(mode=CacheMode.REFRESH)))
    found = await world.ask(call_of(hint=Hint.SECURE))
    assert (found.cache, found.reply.content) == (CacheStatus.HIT, "two")
    assert shared.calls == []
