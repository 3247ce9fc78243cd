"""Clients that leave: the work for them ends within a second, with one record, and leaves nothing behind."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.events import TextDelta

from .served import KEY, Serve, Served, Wire, eventually, stopped_clock

NEVER = Wait(1_000)


async def gone(served: Served, model: ScriptedChatModel, *, calls: int = 1) -> None:
    await eventually(lambda: served.observer.answers and not model.open_calls, within=1)
    assert len(model.calls) == calls
    assert [(record.left, record.error) for record in served.observer.records] == [(True, None)]
    assert [status for _, _, status, _ in served.observer.answers] == [499]
    assert len(served.gateway.flights) == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("farewell", ["reset", "close"])
async def test_before_the_first_event(start: Serve, stream: bool, farewell: str) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request(stream=stream))
    await eventually(lambda: model.open_calls)

    wire.reset() if farewell == "reset" else wire.writer.close()

    await gone(served, model)


async def test_after_the_early_status_line(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model, pace=Pace(keep_alive=0.02))
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))
    await wire.until(b": keep-alive\n\n")

    wire.writer.close()

    await gone(served, model)


async def test_in_the_middle_of_a_stream(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="One."), NEVER])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))
    await wire.until(b"One.")

    wire.writer.close()

    await gone(served, model)


async def test_while_the_server_waits_to_send(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="x" * 100_000)] * 1_000)
    served = await start(model, max_answer_bytes=1 << 30)
    wire = await served.connect()
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await wire.send(served.chat_request(stream=True))
    await eventually(lambda: any(open.flow.write_paused for open in served.server.server_state.connections))  # type: ignore[union-attr]

    wire.reset()

    await gone(served, model)


async def test_while_the_body_is_on_its_way(served: Served, model: ScriptedChatModel) -> None:
    wire = await served.connect()
    await wire.send(served.request(content_length="1000") + b'{"mess')
    await eventually(lambda: served.observer.active)

    wire.reset()

    await gone(served, model, calls=0)


@pytest.mark.parametrize("stream", [False, True])
async def test_under_a_server_that_does_not_tell(start: Serve, stream: bool) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model)
    config = uvicorn.Config(served.server.config.app, ws="none", lifespan="off", access_log=False, log_config=None)
    plain = partial(HttpToolsProtocol, config, server_state=ServerState(), app_state={})
    listener = await asyncio.get_running_loop().create_server(plain, "127.0.0.1", 0)
    async with listener:
        wire = Wire(*await asyncio.open_connection(*listener.sockets[0].getsockname()))
        await wire.send(served.chat_request(stream=stream))
        await eventually(lambda: model.open_calls)

        wire.reset()

        await gone(served, model)


@pytest.mark.parametrize("together", [False, True])
async def test_with_a_second_request_waiting_behind_the_first(start: Serve, together: bool) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request() * (2 if together else 1))
    await eventually(lambda: model.open_calls)
    if not together:
        await wire.send(served.chat_request())
        await eventually(lambda: any(open.pipeline for open in served.server.server_state.connections))  # type: ignore[union-attr]

    wire.reset()

    await gone(served, model)


@pytest.mark.parametrize("stream", [False, True])
async def test_one_of_two_that_ask_the_same_leaves_and_the_other_is_answered(start: Serve, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Shared.")])
    served = await start(model)
    wires = [await served.connect() for _ in range(2)]
    for wire in wires:
        await wire.send(served.chat_request(stream=stream))
        await eventually(lambda: model.open_calls)
    await eventually(lambda: served.observer.active == 2)

    wires[0].reset()
    await eventually(lambda: len(served.observer.answers) == 1)
    await clock.advance(1)

    assert b"Shared." in await wires[1].until(b"Shared.")
    await eventually(lambda: len(served.observer.answers) == 2)
    assert [record.left for record in served.observer.records] == [True, False]
    assert len(model.calls) == 1


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def leave(served: Served, number: int) -> None:
    """In one of the ways in which clients leave, each with a question of its own."""
    wire = Wire(*await asyncio.open_connection("127.0.0.1", served.port))
    way = number % 5
    request = served.chat_request(f"Question {number}", stream=way == 2 or number % 2 == 0)
    match way:
        case 0:
            await wire.send(request[: len(request) // 2])
        case 1:
            await wire.send(request)
        case 2:
            await wire.send(request)
            await wire.until(b"One.")
        case 3:
            await wire.send(request * 2)
        case _:
            await wire.send(request)
            await asyncio.sleep(0.01)
            await wire.send(request)
    if number % 3:
        wire.reset()
    else:
        wire.writer.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to count sockets in")
@pytest.mark.parametrize(
    "clients", [1_000, pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(300)])]
)
async def test_many_leave_and_leave_nothing_behind(start: Serve, clients: int) -> None:
    counted = ClientSettings(name="counted", keys=(Secret(KEY),), concurrency=1_000_000)
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="One."), NEVER])
    served = await start(model, api_keys=(), clients=(counted,))
    await leave(served, 1)
    await eventually(lambda: served.observer.answers and not served.server.server_state.connections)
    tasks, sockets = 2, descriptors()  # this one, and the server's

    for first in range(0, clients, 100):
        await asyncio.gather(*(leave(served, number) for number in range(first, first + 100)))

    await eventually(lambda: served.observer.active == 0 and not model.open_calls)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks and descriptors() <= sockets)
    assert len(served.gateway.flights) == 0
    assert leases(served) == 0
    assert not served.server.server_state.connections
    assert (await served.client.get("/health")).status_code == 200


def leases(served: Served) -> int:
    limiter: RateLimiter = served.gateway.answer_chat._throttle._limiter
    return sum(account.leases for account in limiter._accounts.values())  # type: ignore[attr-defined]
