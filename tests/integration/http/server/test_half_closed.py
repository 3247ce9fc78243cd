"""A client that has said all that it will say, and still reads."""

import asyncio
import json

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer

from ..served import Serve, Served, Wire, chat, eventually, stopped_clock

PATHS = {"/api/v1/chat": chat(), "/v1/chat/completions": {"model": "ollama", **chat()}}


async def ask(served: Served, path: str, *, stream: bool, version: str = "1.1") -> Wire:
    wire = await served.connect()
    body = json.dumps(PATHS[path] | {"stream": stream}).encode()
    request = served.request(path=path, body=body)
    await wire.send(request.replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1))
    return wire


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", PATHS)
async def test_it_gets_its_answer_and_the_connection_ends(start: Serve, path: str, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(
        clock,
        [
            Wait(1),
            *answer("Whole."),
        ],
    )
    served = await start(model)
    wire = await ask(served, path, stream=stream)
    await eventually(lambda: model.open_calls)

    wire.writer.write_eof()
    await wire.until(b"100 Continue\r\n\r\n")
    await clock.advance(1)
    told = (await wire.rest()).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")

    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"Whole." in told
    assert [record.error for record in served.observer.records] == [None]
    await eventually(lambda: not served.server.server_state.connections)


@pytest.mark.parametrize("path", PATHS)
async def test_it_gets_the_rest_of_a_stream_that_has_begun(start: Serve, path: str) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [*answer("Whole.")[:-1], Wait(1), answer("Whole.")[-1]])
    served = await start(model)
    wire = await ask(served, path, stream=True)
    await wire.until(b"Whole.")

    wire.writer.write_eof()
    await wire.until(b": keep-alive\n\n")
    await clock.advance(1)
    told = await wire.rest()

    assert told.endswith(b"0\r\n\r\n")
    assert [record.error for record in served.observer.records] == [None]


async def test_what_it_sent_ahead_is_answered_too(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.chat_request() + served.request("GET", "/health"))
    wire.writer.write_eof()

    told = (await wire.rest()).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")

    assert told.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_who_closed_both_sides_is_found_out(start: Serve, stream: bool, begun: bool) -> None:
    """By what is written: the end of one side, and of both, look the same."""
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [*(answer("Whole.")[:-1] if begun else ()), Wait(1000)])
    served = await start(model)
    wire = await ask(served, "/api/v1/chat", stream=stream)
    await eventually(lambda: model.open_calls)
    if begun and stream:
        await wire.until(b"Whole.")

    wire.writer.close()

    async with asyncio.timeout(5):
        await eventually(lambda: not model.open_calls)
    await eventually(lambda: not served.server.server_state.connections)
    await eventually(lambda: len(served.observer.records) == 1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_older_client_counts_as_gone(start: Serve, stream: bool) -> None:
    """HTTP/1.0 has nothing that could be written meanwhile, and proxies that speak it close both sides."""
    model = ScriptedChatModel(stopped_clock(), [Wait(1000)])
    served = await start(model)
    wire = await ask(served, "/api/v1/chat", stream=stream, version="1.0")
    await eventually(lambda: model.open_calls)

    wire.writer.write_eof()

    await eventually(lambda: not model.open_calls)


async def test_who_ends_within_a_body_has_asked_nothing(served: Served, model: ScriptedChatModel) -> None:
    wire = await served.connect()
    await wire.send(served.chat_request()[:-5])
    wire.writer.write_eof()

    assert await wire.rest() == b""
    assert model.calls == []
