"""The end of a server: what runs may finish, nothing new is taken, and nothing is left running."""

import asyncio
import signal

import pytest

from llm_gateway.adapters.inbound.http.server.protocol import Bounds
from llm_gateway.adapters.inbound.http.server.server import GatewayServer, draining_on_hangup
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.domain.events import TextDelta

from ...waiting import HANG_SECONDS
from ..served import Serve, Served, Wire, eventually, stopped_clock

NEVER = Wait(1_000)


async def stopped(server: GatewayServer, within: float = HANG_SECONDS) -> None:
    """Until the server has ended in its own time."""

    def ended() -> bool:
        state = server.server_state
        return not (any(listener.is_serving() for listener in server.servers) or state.tasks or state.connections)

    await eventually(ended, within)


async def asked(served: Served, model: ScriptedChatModel, **fields: object) -> Wire:
    wire = await served.connect()
    before = len(model.calls)
    await wire.send(served.chat_request(**fields))  # type: ignore[arg-type]
    await eventually(lambda: len(model.calls) > before)
    return wire


async def test_draining_is_seen_at_once_and_new_chats_are_refused(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model, drain_seconds=100)
    wire = await asked(served, model)

    served.server.handle_exit(signal.SIGTERM, None)
    await eventually(lambda: served.drain.is_set())

    ready, health = await served.client.get("/health/ready"), await served.client.get("/health")
    chat = await served.chat()
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert health.status_code == 200
    assert (chat.status_code, chat.json()["code"]) == (503, "draining")
    assert chat.headers["retry-after"] == "1"
    assert [record.error for record in served.observer.records] == ["Draining"]
    assert (await served.connect()) is not None
    assert len(model.calls) == 1
    wire.reset()


async def test_a_hangup_drains_and_a_second_one_does_not_cut(start: Serve) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Finished.")])
    served = await start(model, drain_seconds=100)
    wire = await asked(served, model)

    served.server.handle_exit(signal.SIGHUP, None)
    await eventually(lambda: served.drain.is_set())
    served.server.handle_exit(signal.SIGHUP, None)
    await asyncio.sleep(0)
    await clock.advance(1)

    assert b"Finished." in await wire.rest()
    await stopped(served.server)


def test_a_hangup_stays_ignored_where_it_is_as_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with draining_on_hangup(lambda *_: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with draining_on_hangup(lambda *_: None):
            assert callable(signal.getsignal(signal.SIGHUP))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_stream_of_openais_that_is_cut_ends_with_an_error_too(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), NEVER])
    served = await start(model, drain_seconds=0.05)
    wire = await served.connect()
    body = b'{"model":"ollama","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
    await wire.send(served.request(path="/v1/chat/completions", body=body))
    await wire.until(b"Half")

    served.server.handle_exit(signal.SIGHUP, None)

    rest = await wire.rest()
    assert rest.count(b'"error":{') == 1
    assert b'"code":"draining"' in rest
    assert b"[DONE]" not in rest
    await stopped(served.server)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_runs_may_finish(start: Serve, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Finished.")])
    served = await start(model, drain_seconds=100)
    wire = await asked(served, model, stream=stream)

    served.server.handle_exit(signal.SIGTERM, None)
    await eventually(lambda: served.drain.is_set())
    await clock.advance(1)

    assert b"Finished." in await wire.rest()
    await stopped(served.server)
    assert served.observer.records[0].error is None


async def test_what_does_not_finish_in_time_ends_with_an_error(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), NEVER])
    served = await start(model, drain_seconds=0.05)
    whole, stream = await asked(served, model), await asked(served, model, stream=True)
    await stream.until(b"Half")

    served.server.handle_exit(signal.SIGTERM, None)

    status, headers, body = await whole.answer()
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert b'"code":"draining"' in body
    rest = await stream.rest()
    assert rest.count(b"event: error") == 1
    assert b'"code":"draining"' in rest
    assert b"event: done" not in rest
    assert model.open_calls == 0
    await stopped(served.server)
    assert [record.error for record in served.observer.records] == ["Draining", "Draining"]


async def test_a_second_signal_cuts(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), NEVER])
    served = await start(model, drain_seconds=100)
    wires = [await asked(served, model), await asked(served, model, stream=True)]
    served.server.handle_exit(signal.SIGTERM, None)
    await eventually(lambda: served.drain.is_set())

    served.server.handle_exit(signal.SIGTERM, None)

    async with asyncio.timeout(HANG_SECONDS):
        for wire in wires:
            assert b"event: done" not in await wire.rest()
        await stopped(served.server)
    assert model.open_calls == 0
    assert [record.left for record in served.observer.records] == [True, True]


async def test_an_idle_server_ends_at_once(served: Served) -> None:
    await served.chat()
    half = await served.connect()
    await half.send(b"POST /api/v1/chat HTTP/1.1\r\n")

    served.server.handle_exit(signal.SIGINT, None)

    await stopped(served.server, within=1)


async def test_who_was_accepted_just_before_the_end_is_answered(start: Serve) -> None:
    """Another process may listen on, and then nobody need see a connection reset."""
    served = await start(ScriptedChatModel(stopped_clock()), bounds=Bounds(last_seconds=HANG_SECONDS))
    wire = await served.connect()

    served.server.handle_exit(signal.SIGTERM, None)
    await eventually(lambda: not any(listener.is_serving() for listener in served.server.servers))
    await wire.send(served.chat_request())

    assert (await wire.answer())[0] == 503
    assert await wire.rest() == b""
    await stopped(served.server)


async def test_a_reader_that_does_not_read_does_not_keep_the_server(
    start: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="x" * 100_000)] * 1_000)
    served = await start(model, drain_seconds=0.05, max_answer_bytes=1 << 30)
    monkeypatch.setattr(served.server.config, "timeout_graceful_shutdown", 0.1)
    wire = await asked(served, model, stream=True)
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]

    served.server.handle_exit(signal.SIGTERM, None)

    await stopped(served.server, within=3)
    assert model.open_calls == 0


async def test_an_idle_connection_is_kept_as_long_as_is_set_and_longer_than_a_proxy_keeps_it(start: Serve) -> None:
    usual, brief = await start(ScriptedChatModel(stopped_clock())), await start(keep_alive_seconds=1)
    assert usual.server.config.timeout_keep_alive == 75
    wire = await brief.connect()
    await wire.send(brief.request("GET", "/health", content_type="", content_length=""))
    assert (await wire.answer())[0] == 200
    async with asyncio.timeout(HANG_SECONDS):
        assert await wire.rest() == b""
