"""Ollama over a real socket, gone wrong: each fault is its class of error, and nothing cut off passes for whole."""

import asyncio
import json
import socket
import ssl
import traceback
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.first_part import SILENT_SECONDS
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.events import ChatEvent, Finished, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Cut, Flood, Hold, Reset, Script, whole
from ..waiting import HANG_SECONDS, eventually
from .server import HEAD, OllamaServer, answer, chunk, end, line, ollama_server, stream

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
SECRET = "a prompt that nobody may see"
ASKED = ChatRequest(messages=(UserMessage(content=(Text(text=SECRET),)),))
GRAINS = pytest.mark.parametrize("grain", list(Grain))


@asynccontextmanager
async def model_at(
    url: str, *, first_token_seconds: float = 30.0, idle_seconds: float = 15.0, clock: Clock | None = None
) -> AsyncGenerator[OllamaChatModel, None]:
    model = OllamaChatModel(
        base_url=url,
        clock=clock or SystemClock(),
        api_key="sk-secret",
        first_token_seconds=first_token_seconds,
        idle_seconds=idle_seconds,
    )
    try:
        yield model
    finally:
        await model.aclose()


async def failing(
    model: OllamaChatModel,
    grain: Grain = Grain.STREAM,
    *,
    seconds: float = HANG_SECONDS,
    to: Endpoint = LOCAL,
    clock: Clock | None = None,
    seen: list[ChatEvent] | None = None,
) -> tuple[errors.ProviderError, list[ChatEvent]]:
    seen = [] if seen is None else seen
    deadline = Deadline((clock or SystemClock()).monotonic() + seconds)

    async def read() -> None:
        async for event in flattened(model.events(to, ASKED, grain=grain, deadline=deadline, headers={})):
            seen.append(event)

    with pytest.raises(errors.ProviderError) as caught:
        await read()
    _assert_discreet(caught.value)
    return caught.value, seen


def _assert_discreet(error: BaseException) -> None:
    """No key, prompt or answer in the error, in what stands behind it, or in a traceback of it."""
    told = "".join(traceback.format_exception(error))
    behind = error.__cause__ or error.__context__
    assert behind is None
    for secret in ("sk-secret", SECRET, "VERBATIM"):
        assert secret not in told


STATUSES: list[tuple[int, type[errors.ProviderError]]] = [
    (302, errors.ProviderBroken),
    (307, errors.ProviderBroken),
    (400, errors.ProviderRejected),
    (401, errors.ProviderMisconfigured),
    (403, errors.ProviderMisconfigured),
    (404, errors.ProviderMisconfigured),
    (408, errors.ProviderTimeout),
    (413, errors.ProviderRejected),
    (422, errors.ProviderRejected),
    (429, errors.ProviderThrottled),
    (500, errors.ProviderUnavailable),
    (502, errors.ProviderUnavailable),
    (503, errors.ProviderUnavailable),
    (504, errors.ProviderTimeout),
]


@GRAINS
@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_a_status_is_its_class_of_error(
    server: OllamaServer, status: int, kind: type[errors.ProviderError], grain: Grain
) -> None:
    for body in ({"error": f"VERBATIM {SECRET}"}, b"[1]", b"\xff", b'"text"'):
        server.scripts = [whole(body, status)]
        async with model_at(server.url) as model:
            error, seen = await failing(model, grain)
        assert type(error) is kind
        assert error.provider == "ollama"
        assert not seen


def of_the_runner(kind: object) -> dict[str, str]:
    """A refusal whose text is what the server's runner answered, as the vendor's server passes it on."""
    told = {"code": 400, "message": f"VERBATIM {SECRET}", "type": kind, "n_prompt_tokens": 42_947, "n_ctx": 8192}
    return {"error": json.dumps({"error": told})}


UNREAD = b"HTTP/1.1 400 X\r\nContent-Length: 1000000\r\n\r\n"
REFUSALS: dict[str, tuple[Script, type[errors.ProviderError]]] = {
    "too long": (whole(of_the_runner("exceed_context_size_error"), 400), errors.ContextLengthExceeded),
    "too long, by another status": (whole(of_the_runner("exceed_context_size_error"), 422), errors.ProviderRejected),
    "another kind": (whole(of_the_runner("invalid_request_error"), 400), errors.ProviderRejected),
    "no kind": (whole(of_the_runner(1), 400), errors.ProviderRejected),
    "words": (whole({"error": "exceed_context_size_error"}, 400), errors.ProviderRejected),
    "no object": (whole({"error": "[" * 100_000}, 400), errors.ProviderRejected),
    "cut": ([UNREAD + b'{"error":', Cut()], errors.ProviderRejected),
    "reset": ([UNREAD + b'{"error":', Reset()], errors.ProviderRejected),
    "without end": ([UNREAD, Flood(b"x" * 65_536)], errors.ProviderRejected),
}


@GRAINS
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_prompt_beyond_the_context_is_told_as_such_where_the_runner_says_so(
    server: OllamaServer, name: str, grain: Grain
) -> None:
    script, kind = REFUSALS[name]
    server.scripts = [script]
    async with model_at(server.url) as model:
        error, seen = await failing(model, grain)
    assert type(error) is kind
    assert not seen


async def test_a_model_that_is_not_pulled_says_how_to_get_it(server: OllamaServer) -> None:
    server.scripts = [whole({"error": "model not found"}, 404)]
    async with model_at(server.url) as model:
        error, _ = await failing(model)
    assert "ollama pull llama3.1" in error.message


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("9" * 40, 86_400.0), (None, None)])
async def test_a_wait_that_the_server_asks_for_is_told(
    server: OllamaServer, header: str | None, seconds: float | None, status: int
) -> None:
    headers = {"Retry-After": header} if header else {}
    server.scripts = [whole({"error": "busy"}, status, headers)]
    async with model_at(server.url) as model:
        error, _ = await failing(model)
    assert (error.retry_after.total_seconds() if error.retry_after else None) == seconds


BROKEN: dict[str, Script] = {
    "reset at once": [Reset()],
    "closed at once": [Cut()],
    "head cut": [HEAD[:20], Cut()],
    "no HTTP": [b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Cut()],
    "reset in mid-stream": stream(line("VERBATIM"), then=[Reset()]),
    "closed in mid-stream": stream(line("VERBATIM"), then=[Cut()]),
    "no terminal mark": stream(line("VERBATIM")),
    "empty": stream(),
    "no JSON": stream(b"VERBATIM\n"),
    "no object": stream(b"[1]\n"),
    "another shape": stream(b'{"message": "VERBATIM", "done": true}\n'),
    "invalid UTF-8": stream(
        b'{"message":{"role":"assistant","content":"\xff\xfe"},"done":true,"done_reason":"stop"}\n'
    ),
    "half a character": stream(
        b'{"message":{"role":"assistant","content":"\\ud800"},"done":true,"done_reason":"stop"}\n'
    ),
    "nested without end": stream(b'{"message":' + b"[" * 100_000 + b"\n"),
    "an unknown reason": stream(line("VERBATIM"), end("tired")),
    "no reason": stream(line("VERBATIM") | {"done": True}),
    "a load": stream(end("load")),
    "compressed": [HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(end())],
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_stream_is_told_as_broken(server: OllamaServer, script: Script) -> None:
    server.scripts = [script]
    async with model_at(server.url) as model:
        error, seen = await failing(model)
    assert type(error) is errors.ProviderBroken
    assert not any(isinstance(event, Finished) for event in seen)


@pytest.mark.parametrize("body", [line("cut"), b"[1]", b'{"message":', b"\xff", {"done": True}, end("unload")])
async def test_a_broken_whole_answer_is_told_as_broken(server: OllamaServer, body: object) -> None:
    server.scripts = [whole(body)]
    async with model_at(server.url) as model:
        error, seen = await failing(model, Grain.WHOLE)
    assert type(error) is errors.ProviderBroken
    assert not seen


@pytest.mark.parametrize("before", [(), (line("VERBATIM"),)])
@pytest.mark.parametrize("said", [f"VERBATIM {SECRET}", {"code": 1}, 17])
async def test_an_error_inside_a_stream_is_an_error(
    server: OllamaServer, before: Sequence[object], said: object
) -> None:
    server.scripts = [stream(*before, {"error": said})]
    async with model_at(server.url) as model:
        error, _ = await failing(model)
    expected = errors.ProviderUnavailable if isinstance(said, str) else errors.ProviderBroken
    assert type(error) is expected


@pytest.mark.parametrize("framed", [True, False], ids=["chunked", "until closed"])
async def test_a_stream_cut_anywhere_is_never_finished_before_its_end(server: OllamaServer, framed: bool) -> None:
    parts = [line("é"), end()]
    lines = [json.dumps(part, ensure_ascii=False).encode() + b"\n" for part in parts]
    head = HEAD if framed else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    said = head + b"".join(chunk(one) if framed else one for one in lines)
    # the mark is whole with its last brace, before the newline and the frame's own end
    marked = len(said) - (3 if framed else 1)
    async with model_at(server.url) as model:
        for offset in range(len(said) + 1):
            server.scripts = [[said[:offset], Cut()]] if offset else [[Cut()]]
            seen: list[ChatEvent] = []
            kind: type[BaseException] | None = None
            deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
            try:
                async for event in flattened(
                    model.events(LOCAL, ASKED, grain=Grain.STREAM, deadline=deadline, headers={})
                ):
                    seen.append(event)
            except errors.ProviderError as error:
                kind = type(error)
            finished = any(isinstance(event, Finished) for event in seen)
            assert finished is (kind is None), offset
            assert offset >= marked or kind is errors.ProviderBroken, offset
    assert finished


@GRAINS
async def test_a_refused_connection_sends_nothing(grain: Grain) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with model_at(f"http://127.0.0.1:{taken.getsockname()[1]}") as model:
            error, _ = await failing(model, grain)
    assert type(error) is errors.ProviderRefused


async def test_a_name_without_an_address_sends_nothing() -> None:
    async with model_at("http://no-such-host.invalid:11434") as model:
        error, _ = await failing(model)
    assert type(error) is errors.ProviderRefused


@pytest.mark.parametrize("speaks_tls", [True, False])
async def test_a_failed_handshake_sends_nothing(speaks_tls: bool) -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(65_536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    without_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if speaks_tls else None
    listener = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=without_certificate)
    async with listener, model_at(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as model:
        error, _ = await failing(model)
    assert type(error) is errors.ProviderRefused
    assert b"HTTP" not in heard


@GRAINS
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(server: OllamaServer, status: int, grain: Grain) -> None:
    async with ollama_server() as elsewhere, model_at(server.url) as model:
        server.scripts = [whole(b"", status, {"Location": f"{elsewhere.url}/api/chat"})]
        error, _ = await failing(model, grain)
        assert type(error) is errors.ProviderBroken
        assert elsewhere.connections == 0


@pytest.mark.parametrize("url", ["http://192.0.2.1:80", "http://[2001:db8::1]", "http://[::ffff:192.0.2.1]"])
async def test_an_address_outside_is_refused_to_an_endpoint_on_the_premises(url: str) -> None:
    async with model_at(url) as model:
        error, _ = await failing(model)
    assert type(error) is errors.ProviderRefused
    assert "neither loopback nor private" in error.message


@GRAINS
async def test_a_silent_server_is_left_at_the_deadline(server: OllamaServer, grain: Grain) -> None:
    server.scripts = [[Hold()]]
    await _is_left_after(20, server, grain, seconds=20)


async def test_a_silent_stream_is_left_at_the_first_tokens_limit(server: OllamaServer) -> None:
    server.scripts = [stream(line(""), then=[Hold()])]
    await _is_left_after(30, server)


async def test_a_stalled_stream_is_left_at_the_idle_limit(server: OllamaServer) -> None:
    server.scripts = [stream(line("a"), then=[Hold()])]
    await _is_left_after(15, server, first=2)


async def _is_left_after(
    limit: float, server: OllamaServer, grain: Grain = Grain.STREAM, *, first: int = 0, seconds: float = 60
) -> None:
    """Not before that many seconds, and with as many events before it."""
    clock, seen = ScriptedClock(), list[ChatEvent]()
    async with model_at(server.url, clock=clock) as model:
        asking = asyncio.create_task(failing(model, grain, seconds=seconds, clock=clock, seen=seen))
        await server.parked.wait()
        await eventually(lambda: len(seen) == first)
        await clock.advance(SILENT_SECONDS)
        asked = 2 if server.scripts[0] == [Hold()] else 1  # once more, whether the model is loaded for the call
        await eventually(lambda: _loads_ended(server) == asked)
        await clock.advance(limit - SILENT_SECONDS - 1)
        assert not asking.done()
        await clock.advance(1)
        error, _ = await asking
        assert type(error) is errors.ProviderTimeout
        assert len(seen) == first
        await eventually(server.left.is_set, within=1)


def _loads_ended(server: OllamaServer) -> int:
    """At the client, which is later than at the server."""
    return len(server.loads()) - sum(task.get_name() == f"load {LOCAL.name}" for task in asyncio.all_tasks())


@GRAINS
async def test_a_line_without_an_end_is_not_held(server: OllamaServer, grain: Grain) -> None:
    server.scripts = [[b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", Flood(b"x" * 65_536)]]
    async with model_at(server.url) as model:
        tracemalloc.start()
        error, _ = await failing(model, grain)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(error) is errors.ProviderBroken
    assert peak < 64 << 20


async def test_an_endless_stream_ends_at_the_deadline(server: OllamaServer) -> None:
    server.scripts = [[HEAD, Flood(chunk(line("more")))]]
    async with model_at(server.url) as model:
        error, _ = await failing(model, seconds=0.2)
    assert type(error) is errors.ProviderTimeout


async def test_an_answer_after_a_fault_is_whole(server: OllamaServer) -> None:
    server.scripts = [[Reset()], answer("fine")]
    async with model_at(server.url) as model:
        await failing(model)
        deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
        events = [
            e async for e in flattened(model.events(LOCAL, ASKED, grain=Grain.STREAM, deadline=deadline, headers={}))
        ]
    assert isinstance(events[-1], Finished)
