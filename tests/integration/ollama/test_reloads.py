"""Loads that were not foreseen: nobody's call is cut off while Ollama loads, and none of them counts as a failure."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.ollama.first_part import ALIVE_SECONDS, SILENT_SECONDS
from llm_gateway.adapters.outbound.ollama.loading import KNOWN_SECONDS
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatReply, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Hold, whole
from ..waiting import eventually
from .server import Model, OllamaServer, Runner, answer, end

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
ASKED = ChatRequest(messages=(UserMessage(content=(Text(text="hi"),)),))
GRAINS = pytest.mark.parametrize("grain", list(Grain))
NAME = "llama3.1:latest"
TIMEOUT = 3
FIRST_TOKEN = 2
LOAD = 4
"""Longer than any of a call's limits, and too short for the server to be asked again whether it lives."""


def another_programs_call(server: OllamaServer) -> None:
    server.runners[NAME] = Runner(4096, shift=True)


def a_neighbour_with_a_context_of_its_own(server: OllamaServer) -> None:
    server.runners[NAME] = Runner(32_768)


def an_eviction(server: OllamaServer) -> None:
    server.evict(NAME)


MEANWHILE: list[Callable[[OllamaServer], None]] = [a_neighbour_with_a_context_of_its_own, an_eviction]


@asynccontextmanager
async def model_at(server: OllamaServer, clock: ScriptedClock) -> AsyncGenerator[OllamaChatModel, None]:
    model = OllamaChatModel(base_url=server.url, clock=clock, first_token_seconds=FIRST_TOKEN, load_seconds=60)
    yield model
    await model.aclose()


def ask(model: OllamaChatModel, clock: ScriptedClock, grain: Grain) -> "asyncio.Task[ChatReply]":
    deadline = Deadline(clock.monotonic() + TIMEOUT)
    return asyncio.create_task(
        collect(flattened(model.events(LOCAL, ASKED, grain=grain, deadline=deadline, headers={})))
    )


@GRAINS
@pytest.mark.parametrize("version", ["0.17.4", "0.33.0"])
@pytest.mark.parametrize("happens", MEANWHILE)
async def test_a_load_between_two_calls_is_on_the_loads_budget(
    server: OllamaServer, grain: Grain, version: str, happens: Callable[[OllamaServer], None]
) -> None:
    clock = ScriptedClock()
    server.version = version
    server.scripts = [answer("Hello") if grain is Grain.STREAM else whole(end())]
    async with model_at(server, clock) as model:
        await ask(model, clock, grain)
        happens(server)
        server.may_load.clear()
        asking = ask(model, clock, grain)
        await eventually(lambda: len(server.chats()) == 2)
        loads = len(server.loads())
        await clock.advance(SILENT_SECONDS)
        await eventually(lambda: len(server.loads()) > loads)
        await clock.advance(LOAD)
        assert not asking.done()
        server.may_load.set()
        await asking
    assert server.loads_given_up == 0


@pytest.mark.parametrize("version", ["0.17.4", "0.29.0", "0.30.0", "0.33.0"])
async def test_beside_another_program_with_defaults_nothing_is_loaded(server: OllamaServer, version: str) -> None:
    clock = ScriptedClock()
    server.version = version
    async with model_at(server, clock) as model:
        for _ in range(3):
            await ask(model, clock, Grain.STREAM)
            another_programs_call(server)
            await clock.advance(KNOWN_SECONDS)
    assert server.loadings == []


@GRAINS
async def test_a_call_that_says_not_to_shift_and_finds_another_load_is_waited_for(
    server: OllamaServer, grain: Grain
) -> None:
    """As before 0.30 was told apart: a server that does not say its version."""
    clock = ScriptedClock()
    server.absent = {"/api/version"}
    server.scripts = [answer("Hello") if grain is Grain.STREAM else whole(end())]
    async with model_at(server, clock) as model:
        await ask(model, clock, grain)
        another_programs_call(server)
        server.may_load.clear()
        asking = ask(model, clock, grain)
        await eventually(lambda: len(server.chats()) == 2)
        await clock.advance(SILENT_SECONDS)
        await eventually(lambda: len(server.loads()) == 2)
        await clock.advance(LOAD)
        server.may_load.set()
        await asking


async def test_many_calls_wait_for_one_load_that_was_not_foreseen(server: OllamaServer) -> None:
    clock = ScriptedClock()
    async with model_at(server, clock) as model:
        await ask(model, clock, Grain.STREAM)
        server.evict()
        server.may_load.clear()
        asking = [ask(model, clock, Grain.STREAM) for _ in range(10)]
        await eventually(lambda: len(server.chats()) == 11)
        await clock.advance(SILENT_SECONDS)
        await clock.advance(LOAD)
        server.may_load.set()
        await asyncio.gather(*asking)
    assert len(server.loads()) == 2


async def test_a_load_that_is_never_done_ends_with_its_own_time(server: OllamaServer) -> None:
    clock = ScriptedClock()
    async with model_at(server, clock) as model:
        await ask(model, clock, Grain.STREAM)
        server.evict()
        server.may_load.clear()
        asking = ask(model, clock, Grain.STREAM)
        await eventually(lambda: len(server.chats()) == 2)
        await clock.advance(SILENT_SECONDS)
        await eventually(lambda: len(server.loads()) == 2)
        await clock.advance(60 + TIMEOUT)
        with pytest.raises(errors.ProviderTimeout):
            await asking
        await eventually(lambda: not server.open_calls)


async def test_a_full_queue_while_the_model_loads_is_waited_out_beside_the_call_that_has_a_place(
    server: OllamaServer,
) -> None:
    clock = ScriptedClock()
    async with model_at(server, clock) as model:
        await ask(model, clock, Grain.STREAM)
        server.evict()
        server.may_load.clear()
        asking = ask(model, clock, Grain.STREAM)
        await eventually(lambda: len(server.chats()) == 2)
        server.queue_full = 3
        for _ in range(LOAD):
            await clock.advance(1)
            await eventually(lambda: server.open_calls <= 2)
            assert not asking.done()
        server.may_load.set()
        await asking


async def test_a_server_that_stands_still_loads_nothing(server: OllamaServer) -> None:
    clock = ScriptedClock()
    async with model_at(server, clock) as model:
        await ask(model, clock, Grain.STREAM)
        server.scripts = [[Hold()]]
        server.silent = {"/api/version"}
        asking = ask(model, clock, Grain.STREAM)
        await server.parked.wait()
        await clock.advance(SILENT_SECONDS)
        await eventually(lambda: server.open_calls == 2)
        await clock.advance(ALIVE_SECONDS + FIRST_TOKEN)
        with pytest.raises(errors.ProviderTimeout):
            await asking


async def test_a_full_queue_is_overload_and_no_failure(server: OllamaServer) -> None:
    clock = ScriptedClock()
    async with model_at(server, clock) as model:
        server.queue_full = 1
        with pytest.raises(errors.ProviderThrottled):
            await ask(model, clock, Grain.STREAM)
        await ask(model, clock, Grain.STREAM)
        server.queue_full = 1
        with pytest.raises(errors.ProviderThrottled):
            await ask(model, clock, Grain.STREAM)


async def test_an_embedding_waits_for_a_load_that_was_not_foreseen(server: OllamaServer) -> None:
    clock = ScriptedClock()
    server.models = [Model(name="nomic:latest", capabilities=("embedding",))]
    server.loaded = {"nomic:latest"}
    model = OllamaEmbeddingModel(base_url=server.url, clock=clock)
    to = Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES)

    def embed() -> "asyncio.Task[EmbedReply]":
        deadline = Deadline(clock.monotonic() + TIMEOUT)
        return asyncio.create_task(model.embed(to, EmbedRequest(inputs=("a",)), deadline=deadline, headers={}))

    await embed()
    server.evict("nomic:latest")
    server.may_load.clear()
    asking = embed()
    await eventually(lambda: len(server.embeds()) == 2)
    await clock.advance(SILENT_SECONDS)
    await eventually(lambda: len(server.embed_loads()) == 2)
    await clock.advance(LOAD)
    server.may_load.set()
    assert (await asking).vectors
    await model.aclose()
