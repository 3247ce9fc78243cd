"""Who leaves an Ollama call closes it, and who leaves a model's load does not."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.translate_reply import OllamaReplyReader
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatReply, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.events import ChatEvent, Finished, Started, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import LAST, Hold, Wait, whole
from ..waiting import HANG_SECONDS, eventually
from .server import HEAD, OllamaServer, answer, chunk, end, line, stream

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
ASKED = ChatRequest(messages=(UserMessage(content=(Text(text="hi"),)),))
GRAINS = pytest.mark.parametrize("grain", list(Grain))


def ask(
    model: OllamaChatModel, grain: Grain = Grain.STREAM, seconds: float = HANG_SECONDS
) -> AsyncGenerator[ChatEvent, None]:
    deadline = Deadline(SystemClock().monotonic() + seconds)
    return flattened(model.events(LOCAL, ASKED, grain=grain, deadline=deadline, headers={}))


async def assert_left_soon(server: OllamaServer) -> None:
    await eventually(server.left.is_set, within=0.2)


@GRAINS
async def test_a_task_that_leaves_before_the_first_byte_closes_the_call(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    server.scripts = [[Hold()]]
    task = asyncio.create_task(collect(ask(model, grain)))
    await server.parked.wait()
    task.cancel()
    await assert_left_soon(server)


async def test_a_task_that_leaves_before_the_first_part_closes_the_call(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.scripts = [[HEAD, Hold()]]
    task = asyncio.create_task(collect(ask(model)))
    await server.parked.wait()
    task.cancel()
    await assert_left_soon(server)


async def test_a_task_that_leaves_in_mid_stream_closes_the_call(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line("a"), then=[Hold()])]
    events = ask(model)
    assert isinstance(await anext(events), Started)
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await server.parked.wait()
    waiting.cancel()
    await assert_left_soon(server)
    await events.aclose()


async def test_closing_a_stream_that_nobody_reads_closes_the_call(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line("a"), line("b"), then=[Hold()])]
    events = ask(model)
    await anext(events)
    await server.parked.wait()
    await events.aclose()
    await assert_left_soon(server)


async def test_many_who_leave_leave_nothing_behind(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [*([stream(line("a"), then=[Hold()])] * 200), answer("fine")]
    for _ in range(200):
        events = ask(model)
        await anext(events)
        await events.aclose()
    await asyncio.sleep(0)
    assert (await collect(ask(model))).content == "fine"
    assert len(asyncio.all_tasks()) < 20


async def test_a_finished_stream_whose_end_never_comes_is_whole(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line("a"), end(), then=[Hold()])]
    events = [event async for event in ask(model)]
    assert isinstance(events[-1], Finished)
    await assert_left_soon(server)


@GRAINS
async def test_a_cold_model_is_loaded_once_however_many_wait(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    server.loaded.clear()
    server.may_load.clear()
    server.scripts = [answer("warm") if grain is Grain.STREAM else whole(end())]
    waiting = [asyncio.create_task(collect(ask(model, grain))) for _ in range(10)]
    await server.loading.wait()
    server.may_load.set()
    assert len(await asyncio.gather(*waiting)) == 10
    assert len(server.loads()) == 1
    assert len(server.chats()) == 10


async def test_a_load_outlives_who_waited_for_it(server: OllamaServer, model: OllamaChatModel) -> None:
    server.loaded.clear()
    server.may_load.clear()
    leaving, staying = (asyncio.create_task(collect(ask(model))) for _ in range(2))
    await server.loading.wait()
    leaving.cancel()
    await asyncio.wait((leaving,))
    server.may_load.set()
    assert (await staying).content == "Hello there"
    assert (len(server.loads()), server.loads_given_up) == (1, 0)


async def test_a_load_goes_on_when_everyone_has_left(server: OllamaServer, model: OllamaChatModel) -> None:
    server.loaded.clear()
    server.may_load.clear()
    leaving = asyncio.create_task(collect(ask(model)))
    await server.loading.wait()
    leaving.cancel()
    await asyncio.wait((leaving,))
    late = asyncio.create_task(collect(ask(model)))
    server.may_load.set()
    assert (await late).content == "Hello there"
    assert (len(server.loads()), server.loads_given_up) == (1, 0)


async def test_a_load_is_not_billed_to_the_requests_deadline(server: OllamaServer) -> None:
    clock = ScriptedClock()
    model = OllamaChatModel(base_url=server.url, clock=clock, first_token_seconds=5)
    server.loaded.clear()
    server.may_load.clear()
    waiting = await _loading(server, model, clock)
    await clock.advance(200)
    server.may_load.set()
    assert (await waiting).content == "Hello there"
    await model.aclose()


async def test_a_load_has_its_own_limit(server: OllamaServer) -> None:
    clock = ScriptedClock()
    model = OllamaChatModel(base_url=server.url, clock=clock, load_seconds=100)
    server.loaded.clear()
    server.may_load.clear()
    waiting = await _loading(server, model, clock)
    await clock.advance(101)
    with pytest.raises(errors.ProviderTimeout, match="loaded"):
        await waiting
    await model.aclose()


async def test_the_time_that_a_reader_takes_is_not_billed_to_the_deadline(server: OllamaServer) -> None:
    clock = ScriptedClock()
    model = OllamaChatModel(base_url=server.url, clock=clock)
    more = asyncio.Event()
    server.scripts = [stream(line("a"), then=[Wait(more), chunk(line("b")) + chunk(end()) + LAST])]
    deadline = Deadline(clock.monotonic() + 10)
    events = flattened(model.events(LOCAL, ASKED, grain=Grain.STREAM, deadline=deadline, headers={}))
    told = [await anext(events), await anext(events)]
    await clock.advance(100)
    reading = asyncio.create_task(anext(events))
    await clock.advance(9)
    more.set()
    told += [await reading, *[event async for event in events]]
    assert isinstance(told[-1], Finished)
    await model.aclose()


async def _loading(server: OllamaServer, model: OllamaChatModel, clock: ScriptedClock) -> "asyncio.Task[ChatReply]":
    deadline = Deadline(clock.monotonic() + 10)
    events = flattened(model.events(LOCAL, ASKED, grain=Grain.STREAM, deadline=deadline, headers={}))
    waiting = asyncio.create_task(collect(events))
    await server.loading.wait()
    return waiting


async def test_a_load_that_fails_fails_everyone_who_waited_and_is_tried_again(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.loaded.clear()
    models, server.models = server.models, []
    results = await asyncio.gather(*(collect(ask(model)) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [errors.ProviderMisconfigured] * 3
    server.models = models
    assert (await collect(ask(model))).content == "Hello there"


@pytest.mark.parametrize("version", ["0.17.4", "0.33.0"])
async def test_a_load_asks_for_what_the_chat_will_ask_for(server: OllamaServer, version: str) -> None:
    server.version = version
    server.loaded.clear()
    model = OllamaChatModel(base_url=server.url, clock=SystemClock(), num_ctx=8192, keep_alive="10m")
    await collect(ask(model))
    await model.aclose()
    load, chat = server.loads()[0].body, server.chats()[0].body
    for field in ("model", "truncate", "shift", "keep_alive"):
        assert load.get(field) == chat.get(field)
    assert load["options"]["num_ctx"] == chat["options"]["num_ctx"] == 8192
    assert len(server.loadings) == 1


async def test_a_model_that_is_not_to_stay_is_still_loaded_and_never_unloaded(server: OllamaServer) -> None:
    server.loaded.clear()
    model = OllamaChatModel(base_url=server.url, clock=SystemClock(), keep_alive="0")
    await collect(ask(model))
    assert "keep_alive" not in server.loads()[0].body
    assert server.chats()[0].body["keep_alive"] == 0
    server.loaded.clear()
    await collect(ask(model))
    assert len(server.loads()) == 2
    await model.aclose()


async def test_closing_the_model_ends_a_load(server: OllamaServer, model: OllamaChatModel) -> None:
    server.loaded.clear()
    server.may_load.clear()
    waiting = asyncio.create_task(collect(ask(model)))
    await server.loading.wait()
    waiting.cancel()
    await asyncio.wait((waiting,))
    await model.aclose()
    assert len(asyncio.all_tasks()) < 10


@pytest.mark.parametrize(("characters", "beside"), [(10, False), (100_000, True)])
async def test_what_is_long_is_translated_beside_the_event_loop(
    server: OllamaServer, model: OllamaChatModel, monkeypatch: pytest.MonkeyPatch, characters: int, beside: bool
) -> None:
    threads: list[threading.Thread] = []

    def seen(work: Any) -> Any:
        def working(*args: Any, **more: Any) -> Any:
            threads.append(threading.current_thread())
            return work(*args, **more)

        return working

    monkeypatch.setattr(OllamaChatModel, "_asked", seen(OllamaChatModel._asked))
    monkeypatch.setattr(OllamaReplyReader, "events", seen(OllamaReplyReader.events))
    server.models[0].num_ctx = 131_072
    server.scripts = [whole(end(content="a" * characters))]
    request = ChatRequest(messages=(UserMessage(content=(Text(text="b" * characters),)),))
    deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
    events = model.events(LOCAL, request, grain=Grain.WHOLE, deadline=deadline, headers={})
    assert (await collect(flattened(events))).content == "a" * characters
    assert [thread is not threading.main_thread() for thread in threads] == [beside, beside]
