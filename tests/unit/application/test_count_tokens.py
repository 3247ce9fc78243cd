"""The tokens of a prompt: counted where a chat would go first, else estimated; bounded, and never charged."""

import asyncio

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.chat_model import Wait
from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.count_tokens import COUNT_SECONDS, COUNTS, MAX_COUNTS, Counted
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import (
    Forbidden,
    InvalidRequest,
    Overloaded,
    ProviderBroken,
    ProviderRejected,
    QuotaExceeded,
    UnknownModel,
)
from llm_gateway.domain.estimate import ample_prompt
from llm_gateway.domain.resilience import Outcome
from llm_gateway.domain.routing import Hint

from .world import CLOUD, LOCAL, World, call_of, client_of

GEMINI = call_of(model="gemini", hint=None)


async def count(world: World, call: ChatCall = GEMINI, client: Client | None = None) -> Counted:
    return await world.count_tokens(call, client or client_of())


async def test_the_vendor_counts_where_it_can() -> None:
    world = World(counts=17)
    assert await count(world) == Counted(tokens=17, estimated=False, endpoint=CLOUD.id)
    assert world.gemini.counted == [GEMINI.request]
    assert world.calls == (0, 0)


async def test_another_is_estimated_so_that_few_prompts_have_more() -> None:
    call = call_of("A question. " * 100, model="ollama", hint=None)
    counted = await count(World(counts=17), call)
    assert counted == Counted(tokens=ample_prompt(call.request), estimated=True, endpoint=LOCAL.id)


@pytest.mark.parametrize("fault", [ProviderBroken("gemini", "no"), ProviderRejected("gemini", "no", path="messages")])
async def test_a_counter_that_fails_leaves_the_estimate(fault: Exception) -> None:
    assert (await count(World(counts=fault))).estimated


async def test_a_counter_is_waited_for_briefly() -> None:
    world = World(counts=Wait(3600))
    counting = asyncio.create_task(count(world))
    await settle()
    await world.clock.advance(COUNT_SECONDS)
    assert (await counting).estimated


async def test_a_request_s_own_shorter_timeout_counts() -> None:
    world = World(counts=Wait(3600))
    counting = asyncio.create_task(count(world, call_of(model="gemini", hint=None, timeout=1)))
    await settle()
    await world.clock.advance(1)
    assert (await counting).estimated


async def test_an_endpoint_with_an_open_breaker_is_not_asked() -> None:
    world = World(counts=17)
    for _ in range(100):
        world.breakers.enter(CLOUD.id).end(Outcome.FAILED, world.clock.monotonic())
        if not await _asked(world):
            break
    assert not await _asked(world)
    assert (await count(world)).estimated


async def _asked(world: World) -> bool:
    before = len(world.gemini.counted)
    await count(world, client=client_of(world.entropy.new_id()))
    return len(world.gemini.counted) > before


async def test_what_is_secure_is_told_to_no_cloud() -> None:
    world = World(counts=17)
    counted = await count(world, call_of(hint=Hint.SECURE))
    assert (counted.endpoint, world.gemini.counted) == (LOCAL.id, [])


@pytest.mark.parametrize(
    ("call", "client", "error"),
    [
        (call_of(max_tokens=0), client_of(), InvalidRequest),
        (call_of(model="nobody", hint=None), client_of(), UnknownModel),
        (GEMINI, replace(client_of(), models=frozenset({"ollama"})), Forbidden),
        (call_of(hint=Hint.FAST), replace(client_of(), hints=frozenset()), Forbidden),
    ],
)
async def test_rights_are_those_of_a_chat(call: ChatCall, client: Client, error: type[Exception]) -> None:
    world = World(counts=17)
    with pytest.raises(error):
        await count(world, call, client)
    assert world.gemini.counted == []


async def test_an_alias_counts_as_its_target() -> None:
    client = replace(client_of(), aliases={"claude": "gemini/flash"})
    assert (await count(World(counts=17), replace(GEMINI, model="claude"), client)).endpoint == CLOUD.id


async def test_no_chat_is_charged_and_no_count_by_chats() -> None:
    world, client = World(counts=17), client_of(requests=1)
    for _ in range(24):
        await count(world, client=client)
    await world.ask(call_of(), client)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("more"), client)
    assert (await count(world, client=client)).tokens == 17


async def test_counts_have_a_bucket_of_their_own_for_each_client() -> None:
    world = World(counts=17)
    for _ in range(COUNTS.capacity):
        await count(world)
    with pytest.raises(QuotaExceeded, match="counts of tokens") as refused:
        await count(world)
    assert refused.value.decision.retry_after_ms == 500
    assert (await count(world, client=client_of("two"))).tokens == 17
    await world.clock.advance(0.5)
    assert (await count(world)).tokens == 17


async def test_so_many_counts_are_under_way_at_most() -> None:
    world = World(counts=Wait(3600))
    clients = [client_of(f"client {number}") for number in range(MAX_COUNTS)]
    counting = [asyncio.create_task(count(world, client=client)) for client in clients]
    await settle()
    with pytest.raises(Overloaded):
        await count(world, client=client_of("late"))
    counting[0].cancel()
    await settle()
    late = asyncio.create_task(count(world, client=client_of("late")))
    await settle()
    await world.clock.advance(COUNT_SECONDS)
    assert (await late).estimated
    await asyncio.gather(*counting, return_exceptions=True)
