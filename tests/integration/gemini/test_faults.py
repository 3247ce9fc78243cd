"""What comes of each of Gemini's faults: its kind of error, without a secret, in bounded memory."""

import datetime
import json
import logging
import traceback
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from llm_gateway.adapters.outbound.vendor_http.framing import MAX_EVENT_BYTES
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.events import ChatEvent, Finished, TextDelta, collect

from ..scripted_vendor import Answer, Cut, Flood, Hold, Reset, Script
from .calls import HELLO, KEY, PROMPT, WORLD, ask, events_of, served
from .payloads import refusal, said, sse, stream

pytestmark = pytest.mark.usefixtures("carrier")


async def seen(events: AsyncIterator[ChatEvent], told: list[ChatEvent]) -> AsyncIterator[ChatEvent]:
    async for event in events:
        told.append(event)
        yield event


@pytest.mark.parametrize("framed", [True, False])
async def test_a_stream_cut_at_any_byte_is_never_taken_for_whole(framed: bool) -> None:
    first, last = sse(said({"text": "Héllo"})), sse(said({"text": "!"}, finish="STOP"))
    wire = first + last
    # the CR of the empty line ends the event already
    whole_first, whole_last = (len(part[:-1] if framed else part.rstrip()) for part in (first, wire))

    def cut_at(length: int) -> Answer:
        return Answer((wire[:length], Cut()) if length else (Cut(),), framed=framed)

    async with served(*(cut_at(length) for length in range(whole_last))) as (_, model):
        for length in range(whole_last):
            told: list[ChatEvent] = []
            with pytest.raises(ProviderBroken):
                await collect(seen(ask(model), told))
            texts = [event for event in told if isinstance(event, TextDelta)]
            assert texts == [TextDelta(text="Héllo")] * (length >= whole_first), length
            assert not any(isinstance(event, Finished) for event in told), length


@pytest.mark.parametrize("framed", [True, False])
async def test_a_whole_answer_cut_at_any_byte_is_broken(framed: bool) -> None:
    body = json.dumps(said({"text": "Hi"}, finish="STOP")).encode()
    cuts = [Answer((body[:length], Cut()) if length else (Cut(),), framed=framed) for length in range(len(body))]
    async with served(*cuts) as (_, model):
        for _ in cuts:
            with pytest.raises(ProviderBroken):
                await events_of(model, grain=Grain.WHOLE)


ERROR_IN_STREAM = {"error": {"code": 503, "message": PROMPT, "status": "UNAVAILABLE"}}
BARE = json.dumps(ERROR_IN_STREAM, indent=2).encode()
JSON = {"Content-Type": "application/json"}
FAULTS: dict[str, tuple[Script, type[ProviderError]]] = {
    "400": (refusal(400), ProviderRejected),
    "wrong key": (refusal(400, {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}), ProviderMisconfigured),
    "401": (refusal(401), ProviderMisconfigured),
    "403": (refusal(403), ProviderMisconfigured),
    "404": (refusal(404), ProviderMisconfigured),
    "408": (refusal(408), ProviderTimeout),
    "429": (refusal(429), ProviderThrottled),
    "500": (refusal(500), ProviderUnavailable),
    "503": (refusal(503), ProviderUnavailable),
    "503 in HTML": (Answer((b"<html>",), status=503, headers={"Content-Type": "text/html"}), ProviderUnavailable),
    "503 in half a JSON": (Answer((b'{"error":',), status=503, headers=JSON), ProviderUnavailable),
    "503 cut": (Answer((b'{"error":', Cut()), status=503, headers=JSON), ProviderUnavailable),
    "503 without end": (Answer((Flood(b"x" * 65_536),), status=503), ProviderUnavailable),
    "504": (refusal(504), ProviderTimeout),
    "nothing said": ((Cut(),), ProviderBroken),
    "reset at once": ((Reset(),), ProviderBroken),
    "reset after the head": (Answer((Reset(),)), ProviderBroken),
    "reset in the middle": (stream(HELLO, then=(Reset(),)), ProviderBroken),
    "cut in the middle": (stream(HELLO, then=(Cut(),)), ProviderBroken),
    "no terminal mark": (stream(HELLO), ProviderBroken),
    "nothing": (stream(), ProviderBroken),
    "error in the stream": (stream(HELLO, ERROR_IN_STREAM), ProviderUnavailable),
    "error as the first of the stream": (stream(ERROR_IN_STREAM), ProviderUnavailable),
    "error without space": (stream(HELLO, then=(sse(ERROR_IN_STREAM).replace(b" ", b"", 1),)), ProviderUnavailable),
    "error over lines at last": (stream(HELLO, then=(BARE,)), ProviderUnavailable),
    "error over lines in a list": (Answer((json.dumps([ERROR_IN_STREAM], indent=2).encode(),)), ProviderUnavailable),
    "error in a list": (stream(HELLO, [ERROR_IN_STREAM]), ProviderUnavailable),
    "error by its name alone": (stream({"error": {"status": "RESOURCE_EXHAUSTED"}}), ProviderThrottled),
    "error of odd code": (stream({"error": {"code": 14, "status": "UNAVAILABLE"}}), ProviderUnavailable),
    "error over lines, half of it": (stream(HELLO, then=(BARE[:40],)), ProviderBroken),
    "error over lines": (Answer((json.dumps(ERROR_IN_STREAM, indent=1).encode(),)), ProviderUnavailable),
    "odd error in the stream": (stream({"error": {"code": "503"}}), ProviderBroken),
    "no JSON": (Answer((b"data: {" + PROMPT.encode() + b"}\n\n",)), ProviderBroken),
    "another JSON": (Answer((b"data: [1]\n\n",)), ProviderBroken),
    "no HTTP": ((b"SSH-2.0-odd\r\n\r\n", Cut()), ProviderBroken),
    "no UTF-8": (Answer((b'data: {"candidates": [{"x": "\xff"}]}\n\n',)), ProviderBroken),
    "half a surrogate pair": (Answer((b'data: {"candidates":[{"content":{"parts":[{"text":"\\ud800"}]}}]}\n\n',)), ProviderBroken),  # noqa: E501
    "deep": (Answer((b"data: " + b"[" * 200_000 + b"\n\n",)), ProviderBroken),
    "a line without end": (Answer((Flood(b"x" * 65_536),)), ProviderBroken),
    "an event without end": (Answer((Flood(b"data: " + b"x" * 65_536 + b"\n"),)), ProviderBroken),
    "a text of many lines": (Answer((Flood(b"{\n" * 32_768),)), ProviderBroken),
}  # fmt: skip


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_is_its_kind_of_error_and_tells_no_secret(
    name: str, grain: Grain, caplog: pytest.LogCaptureFixture
) -> None:
    answer, kind = FAULTS[name]
    if grain is Grain.WHOLE and name.startswith("error"):
        kind = ProviderBroken  # such errors are a stream's
    caplog.set_level(logging.DEBUG)
    async with served(answer) as (server, model):
        with pytest.raises(ProviderError) as caught:
            await events_of(model, grain=grain)
        assert len(server.asked) == 1
        assert await server.quiet() == 0
    error = caught.value
    assert type(error) is kind, error
    assert error.provider == "gemini"
    assert error.__cause__ is error.__context__ is None
    told = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert KEY not in told
    assert PROMPT not in told


async def test_memory_is_bounded_whatever_is_sent() -> None:
    async with served(Answer((Flood(b"x" * 65_536, times=4 * MAX_EVENT_BYTES // 65_536),))) as (_, model):
        for grain in Grain:
            tracemalloc.start()
            try:
                with pytest.raises(ProviderBroken):
                    await events_of(model, grain=grain)
                assert tracemalloc.get_traced_memory()[1] < 3 * MAX_EVENT_BYTES
            finally:
                tracemalloc.stop()


async def test_retry_after_reaches_the_error() -> None:
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    scripts = (refusal(429, Retry_After="7"), refusal(429, delay), stream({"error": {"code": 429, "details": [delay]}}))
    async with served(*scripts) as (_, model):
        for seconds in (7.0, 3.0, 3.0):
            with pytest.raises(ProviderThrottled) as caught:
                await events_of(model)
            assert caught.value.retry_after == datetime.timedelta(seconds=seconds)


async def test_comments_and_other_fields_of_the_stream_are_passed_over() -> None:
    wire = b": alive\r\n\r\nevent: x\r\nid: 1\r\nretry: 5\r\n" + sse(HELLO) + b": alive\n\n" + sse(WORLD)
    async with served(Answer((wire,))) as (_, model):
        assert (await collect(ask(model))).content == "Hello"


async def test_an_error_over_lines_is_told_though_the_line_is_held() -> None:
    held = stream(HELLO, then=(BARE + b"\n", Hold()))
    async with served(held) as (_, model):
        with pytest.raises(ProviderUnavailable):
            await events_of(model)


async def test_data_needs_no_space() -> None:
    wire = b"".join(b"data:" + json.dumps(chunk).encode() + b"\n\n" for chunk in (HELLO, WORLD))
    async with served(Answer((wire,))) as (_, model):
        assert (await collect(ask(model))).content == "Hello"


async def test_an_answer_that_speaks_of_an_error_is_none() -> None:
    text = '{"error": {"code": 503}}'
    async with served(stream(said({"text": text}), WORLD)) as (_, model):
        assert (await collect(ask(model))).content == text + "lo"
