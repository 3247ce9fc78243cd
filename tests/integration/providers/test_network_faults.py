"""What the network does to either provider: its class of error, the connection closed, and never a key told."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from traceback import TracebackException
from typing import TypeAlias

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.rest import OllamaRest
from llm_gateway.adapters.outbound.ollama.transport import Connect
from llm_gateway.adapters.outbound.openai.chat_model import SpokenChatModel
from llm_gateway.adapters.outbound.openai.client import SpokenClient
from llm_gateway.adapters.outbound.openai.dialects import SpokenModels
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.events import ChatEvent, Finished, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..gemini.calls import CARRIED, HELLO, KEY, WORLD, client_at
from ..gemini.payloads import sse
from ..loopback import Loopback
from ..ollama.server import HEAD, chunk, end, line
from ..ollama.transports import each_transport
from ..openai.server import DONE, delta
from ..scripted_vendor import LAST
from ..waiting import HANG_SECONDS, eventually

Line: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a server does with a chat, of which it has read the head."""

CHAT = (b"POST /api/chat", b"POST /v1beta", b"POST /v1/chat/completions")
STOPPED = ScriptedClock()
"""For what ends before any time has passed."""
DEADLINE_SECONDS = 20.0
"""Before every other limit of time."""
MORE_THAN_BUFFERS = 5 << 20
"""Bytes that the network does not hold between a client and a server that does not read."""
FIRST = {"gemini": chunk(sse(HELLO)), "ollama": chunk(line("Hel")), "openai": chunk(delta("Hel"))}
REST = {
    "gemini": chunk(sse(WORLD)) + LAST,
    "ollama": chunk(line("lo")) + chunk(end()) + LAST,
    "openai": chunk(delta("lo")) + chunk(delta(finish="stop")) + chunk(DONE) + LAST,
}
ENDPOINTS = {
    "gemini": Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD),
    "ollama": Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.CLOUD),
    "openai": Endpoint(id=EndpointId(provider="openai", model="able"), locality=Locality.CLOUD),
}
__all__ = ["each_transport"]

pytestmark = pytest.mark.usefixtures("_each_carrier")
PROVIDERS = pytest.mark.parametrize("provider", ENDPOINTS)


@pytest.fixture
def _each_carrier(each_transport: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CARRIED, "by", "rest" if each_transport is OllamaRest else "sdk")


GRAINS = pytest.mark.parametrize("grain", list(Grain))


async def about_the_model(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """What an Ollama says whose model is elsewhere, so that the first chat is not one that loads it."""
    if head.startswith(b"GET "):
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    shown = b'{"remote_host": "https://elsewhere.example"}'
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(shown), shown)


class Server(Loopback):
    """Does one thing after the other, the last of them for ever. `left`: a client has gone from where one ended."""

    def __init__(self, *lines: Line) -> None:
        super().__init__(receive_bytes=1 << 16)
        self._lines = list(lines)

    @override
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not (head := await reader.readuntil(b"\r\n\r\n")).startswith(CHAT):
                writer.write(await about_the_model(head, reader))
            await (self._lines.pop(0) if len(self._lines) > 1 else self._lines[0])(reader, writer)
            while await reader.read(1 << 20):
                pass
        finally:
            self.left.set()


@asynccontextmanager
async def model_of(
    provider: str, url: str, *, clock: Clock = STOPPED, connect_seconds: float = HANG_SECONDS
) -> AsyncIterator[ChatModel]:
    if provider == "gemini":
        gemini = client_at(url, clock, connect_seconds=connect_seconds)
        try:
            yield GeminiChatModel(gemini, clock)
        finally:
            await gemini.aclose()
    elif provider == "openai":
        client = SpokenClient(url, clock, api_key=KEY, connect_seconds=connect_seconds)
        try:
            yield SpokenChatModel(client, clock, SpokenModels())
        finally:
            await client.aclose()
    else:
        model = OllamaChatModel(base_url=url, clock=clock, api_key=KEY, connect_seconds=connect_seconds)
        try:
            yield model
        finally:
            await model.aclose()


def events(
    model: ChatModel, provider: str, grain: Grain, clock: Clock = STOPPED, prompt: str = "Hello"
) -> AsyncIterator[ChatEvent]:
    request = ChatRequest(messages=(UserMessage(content=(Text(text=prompt),)),))
    deadline = Deadline(clock.monotonic() + DEADLINE_SECONDS)
    return flattened(model.events(ENDPOINTS[provider], request, grain=grain, deadline=deadline, headers={}))


async def failing(
    model: ChatModel, provider: str, grain: Grain, clock: Clock = STOPPED, prompt: str = "Hello"
) -> tuple[errors.ProviderError, Sequence[ChatEvent]]:
    seen: list[ChatEvent] = []

    async def read() -> None:
        async for event in events(model, provider, grain, clock, prompt):
            seen.append(event)

    with pytest.raises(errors.ProviderError) as caught:
        await read()
    assert caught.value.provider == provider
    assert KEY not in told_with_locals(caught.value)
    assert not any(isinstance(event, Finished) for event in seen)
    return caught.value, seen


def told_with_locals(error: BaseException | None) -> str:
    """All that an error reporter could print of it: what stands behind it too, and the locals of every frame."""
    told = ""
    while error is not None:
        told += "".join(TracebackException.from_exception(error, capture_locals=True).format()) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return told


def test_the_locals_of_a_frame_would_be_told() -> None:
    def fail() -> None:
        held = KEY[:3] + KEY[3:]
        raise RuntimeError(len(held))

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert KEY in told_with_locals(caught.value)


def half_closed(said: bytes) -> Line:
    """Says something, ends its own side, and goes on listening."""

    async def line(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.write_eof()

    return line


@PROVIDERS
@GRAINS
async def test_a_half_closed_connection_is_broken_and_left(
    provider: str, grain: Grain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for said in (b"", HEAD[:20], HEAD, HEAD + FIRST[provider]):
        async with Server(half_closed(said)).running() as server, model_of(provider, server.url) as model:
            error, _ = await failing(model, provider, grain)
            assert type(error) is errors.ProviderBroken
            await eventually(server.left.is_set, within=1)
    assert KEY not in caplog.text


@pytest.mark.filterwarnings("ignore:Sending a large body")  # of the HTTP client, above 1 MiB
@PROVIDERS
@GRAINS
async def test_a_server_that_reads_no_request_is_left_at_the_deadline(provider: str, grain: Grain) -> None:
    asked, given_up = asyncio.Event(), asyncio.Event()
    clock = ScriptedClock()

    async def deaf(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        asked.set()
        await given_up.wait()

    async with Server(deaf).running() as server, model_of(provider, server.url, clock=clock) as model:
        asking = asyncio.create_task(failing(model, provider, grain, clock, "x" * MORE_THAN_BUFFERS))
        await asked.wait()
        await clock.advance(DEADLINE_SECONDS)
        error, seen = await asking
        assert type(error) is errors.ProviderTimeout
        assert seen == []
        given_up.set()  # it reads what the network still holds, up to the end
        await eventually(server.left.is_set, within=1)


@PROVIDERS
@GRAINS
async def test_an_answer_after_the_deadline_reaches_nobody(provider: str, grain: Grain) -> None:
    asked, late = asyncio.Event(), asyncio.Event()
    clock = ScriptedClock()

    async def too_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await late.wait()
        writer.write(HEAD + FIRST[provider] + REST[provider])

    async def in_time(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + REST[provider])

    async with Server(too_late, in_time).running() as server, model_of(provider, server.url, clock=clock) as model:
        asking = asyncio.create_task(failing(model, provider, grain, clock))
        await asked.wait()
        await clock.advance(DEADLINE_SECONDS)
        error, seen = await asking
        assert type(error) is errors.ProviderTimeout
        assert seen == []
        late.set()
        await eventually(server.left.is_set, within=1)
        reply = await collect(events(model, provider, Grain.STREAM, clock))
        assert reply.content == "lo"
        assert server.connections == 2


@PROVIDERS
@GRAINS
async def test_a_black_hole_is_a_refusal_long_before_the_deadline(provider: str, grain: Grain) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        with socket.socket() as first, socket.socket() as second:
            for filler in (first, second):  # a full queue drops whoever comes next
                filler.setblocking(False)
                filler.connect_ex(hole.getsockname())
            url = f"http://127.0.0.1:{hole.getsockname()[1]}"
            async with model_of(provider, url, connect_seconds=0.05) as model:
                error, _ = await failing(model, provider, grain)
    assert type(error) is errors.ProviderRefused


STATUSES: dict[int, type[errors.ProviderError]] = {
    400: errors.ProviderRejected,
    401: errors.ProviderMisconfigured,
    403: errors.ProviderMisconfigured,
    404: errors.ProviderMisconfigured,
    429: errors.ProviderThrottled,
    500: errors.ProviderUnavailable,
    503: errors.ProviderUnavailable,
}


@PROVIDERS
@GRAINS
async def test_a_key_is_told_nowhere_even_where_the_vendor_repeats_it(
    provider: str, grain: Grain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"error":{"code":401,"message":"%s","status":"%s"}}' % (KEY.encode(), KEY.encode())

    for status, kind in STATUSES.items():

        async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int = status) -> None:
            head = f"HTTP/1.1 {status} {KEY}\r\nX-Seen: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

        async with Server(refuse).running() as server, model_of(provider, server.url) as model:
            error, _ = await failing(model, provider, grain)
            assert type(error) is kind
    assert KEY not in caplog.text


@PROVIDERS
async def test_a_key_in_an_error_inside_a_stream_is_told_nowhere(
    provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: object = {"error": KEY} if provider == "ollama" else {"error": {"code": 503, "message": KEY, "status": KEY}}
    wrong = chunk(said if provider == "ollama" else sse(said))
    for before in (b"", FIRST[provider]):
        async with (
            Server(half_closed(HEAD + before + wrong)).running() as server,
            model_of(provider, server.url) as model,
        ):
            error, _ = await failing(model, provider, Grain.STREAM)
            assert type(error) is errors.ProviderUnavailable
    assert KEY not in caplog.text
