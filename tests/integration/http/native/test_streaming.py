"""A stream on its way: before the first event, while nothing comes, and to a client that stopped reading."""

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.server.protocol import Bounds
from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import Finished, TextDelta

from ...waiting import HANG_SECONDS, pass_time
from ..served import Serve, eventually, stopped_clock

QUICK = Pace(keep_alive=0.02)
COMMENT = b": keep-alive\n\n"
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="scripted-1")


async def test_each_event_is_sent_as_it_comes(start: Serve) -> None:
    clock = stopped_clock()
    served = await start(ScriptedChatModel(clock, [TextDelta(text="One."), Wait(1), TextDelta(text=" Two."), END]))
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))

    assert b"One." in await wire.until(b'One."}\n\n')
    await clock.advance(1)
    assert b"event: done" in await wire.until(b"0\r\n\r\n")


async def test_a_late_first_event_has_its_status_line_before_it_and_its_provider_in_done(start: Serve) -> None:
    clock = stopped_clock()
    served = await start(ScriptedChatModel(clock, [Wait(1), *answer("Late.")]), pace=QUICK)
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))

    head = await wire.until(b"\r\n\r\n")
    await wire.until(COMMENT)
    await wire.until(COMMENT)
    await clock.advance(1)
    body = await wire.until(b"0\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"x-gateway-" not in head
    assert b"ratelimit" in head
    assert b"x-request-id" in head
    assert b'"provider":"ollama"' in body.partition(b"event: done")[2]


async def test_a_failure_after_the_early_status_line_is_an_error_event(start: Serve) -> None:
    clock = stopped_clock()
    script: Script = [Wait(1), ProviderTimeout("ollama", "too slow")]
    served = await start(ScriptedChatModel(clock, script), pace=QUICK, provider_max_retries=0)
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))
    await wire.until(COMMENT)

    await clock.advance(1)
    body = await wire.until(b"0\r\n\r\n")

    assert b'event: error\ndata: {"type":"about:blank","title":"Gateway Timeout","status":504' in body
    assert b"event: done" not in body


async def test_an_idle_stream_gets_comments_and_stays_whole(start: Serve) -> None:
    clock = stopped_clock()
    script: Script = [TextDelta(text="One,"), Wait(1), TextDelta(text=" two."), END]
    served = await start(ScriptedChatModel(clock, script), pace=QUICK)
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))

    begin = await wire.until(b"One,")
    comments = await wire.until(COMMENT) + await wire.until(COMMENT)
    await clock.advance(1)
    rest = await wire.until(b"0\r\n\r\n")

    assert b"event: error" not in begin + comments + rest
    assert b" two." in rest
    assert b"event: done" in rest


async def test_a_quick_stream_has_no_comments(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), pace=Pace(keep_alive=HANG_SECONDS))

    assert "keep-alive" not in (await served.chat(stream=True)).text


async def test_a_reader_that_stops_reading_is_cut_and_the_call_closed(start: Serve) -> None:
    endless = [TextDelta(text="x" * 100_000)] * 1_000
    model = ScriptedChatModel(stopped_clock(), [*endless, END])
    served = await start(model, bounds=Bounds(stalled_seconds=0.1), max_answer_bytes=1 << 30)
    wire = await served.connect()
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await wire.send(served.chat_request(stream=True))

    await eventually(lambda: served.observer.answers)

    assert served.observer.answers[0][2] == 499
    assert [record.left for record in served.observer.records] == [True]
    assert model.open_calls == 0
    assert not served.server.server_state.connections


async def test_a_slow_reader_that_reads_is_not_cut(start: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    script: Script = [*[TextDelta(text="x" * 100_000)] * 40, END]
    served = await start(ScriptedChatModel(stopped_clock(), script))
    wire = await served.connect()
    await wire.send(served.chat_request(stream=True))

    size = 0
    while part := await wire.reader.read(1 << 17):
        size += len(part)
        if part.endswith(b"\r\n0\r\n\r\n"):
            break
        pass_time(monkeypatch, Bounds().stalled_seconds / 4)
        await settle()

    assert size > 4_000_000
    assert [record.left for record in served.observer.records] == [False]


async def test_a_whole_answer_that_nobody_reads_is_cut_too(start: Serve) -> None:
    script: Script = [TextDelta(text="x" * 8_000_000), END]
    served = await start(ScriptedChatModel(stopped_clock(), script), bounds=Bounds(stalled_seconds=0.1))
    for _ in range(2):  # from the model, and from the cache
        wire = await served.connect()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(served.chat_request())
    await eventually(lambda: len(served.observer.answers) == 2)

    await eventually(lambda: not served.server.server_state.connections)
