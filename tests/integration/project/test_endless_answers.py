"""Vendors that never stop sending: every call to them reads no more than it can use, and ends the connection."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TypeAlias

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini import failures
from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import Carrier, GeminiClient
from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
from llm_gateway.adapters.outbound.gemini.transport import MAX_LIST_BYTES
from llm_gateway.adapters.outbound.ollama import client, transport
from llm_gateway.adapters.outbound.ollama import failures as ollama_failures
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.ollama.transport import Connect
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.client import MAX_BODY_BYTES
from llm_gateway.application.ports.models import ChatModel, EmbeddingModel
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..gemini.payloads import said, sse
from ..ollama.server import line
from ..ollama.transports import TRANSPORTS
from ..scripted_vendor import Answer, Asked, Flood, Script, ScriptedVendor, whole

ON_THE_WAY = 24 << 20
"""What the sockets of both sides can hold beside what was read."""
OLLAMA = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
GEMINI = Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD)
CLOCK = SystemClock()
LOADED = {"models": [{"model": "llama3.1:latest", "name": "llama3.1:latest"}]}
KNOWN: Mapping[str, object] = {"/api/show": {"capabilities": ["completion"]}, "/api/ps": LOADED}

Call: TypeAlias = Callable[[str], Awaitable[object]]
Row: TypeAlias = tuple[Call, Mapping[str, object], int, tuple[bytes, ...]]


class Endless(ScriptedVendor):
    """Answers what it knows, and everything else with the same bytes for ever."""

    def __init__(self, flood: bytes, known: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(Answer((Flood(flood),), headers=headers or {}))
        self.known = known

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        return whole(self.known[asked.path]) if asked.path in self.known else self.scripted(asked)


def deadline() -> Deadline:
    return Deadline(CLOCK.monotonic() + 50)


async def chat(model: ChatModel, to: Endpoint, grain: Grain) -> None:
    request = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
    async with aclosing(model.events(to, request, grain=grain, deadline=deadline(), headers={})) as events:
        async for _ in events:
            pass


async def embed(model: EmbeddingModel, to: Endpoint) -> None:
    await model.embed(to, EmbedRequest(inputs=("Hello",)), deadline=deadline(), headers={})


def ollama_chat(grain: Grain, connect: Connect) -> Call:
    async def call(url: str) -> None:
        async with aclosing(OllamaChatModel(base_url=url, clock=CLOCK, connect=connect)) as model:
            await chat(model, OLLAMA, grain)

    return call


def ollama_embed(connect: Connect) -> Call:
    async def call(url: str) -> None:
        async with aclosing(OllamaEmbeddingModel(base_url=url, clock=CLOCK, connect=connect)) as model:
            await embed(model, OLLAMA)

    return call


def ollama_look(connect: Connect, ask: Callable[[client.OllamaClient, float], Awaitable[object]]) -> Call:
    async def call(url: str) -> None:
        async with aclosing(client.Clients(url, CLOCK, connect=connect)) as clients:
            with ollama_failures.OllamaFailures(OLLAMA.id, CLOCK.now):
                await ask(clients.of(Locality.ON_PREMISES), deadline().at)

    return call


@asynccontextmanager
async def gemini(url: str, carrier: Carrier) -> AsyncGenerator[GeminiClient, None]:
    client = GeminiClient(provider="gemini", api_key="k", base_url=url, clock=CLOCK, carrier=carrier)
    async with aclosing(client) as vendor:
        yield vendor


def gemini_chat(grain: Grain, carrier: Carrier = "rest") -> Call:
    async def call(url: str) -> None:
        async with gemini(url, carrier) as vendor:
            await chat(GeminiChatModel(vendor, CLOCK), GEMINI, grain)

    return call


def gemini_embed(carrier: Carrier) -> Call:
    async def call(url: str) -> None:
        async with gemini(url, carrier) as vendor:
            await embed(GeminiEmbeddingModel(vendor, CLOCK), GEMINI)

    return call


def gemini_list(carrier: Carrier) -> Call:
    async def call(url: str) -> None:
        async with gemini(url, carrier) as vendor:
            with failures.GeminiFailures(GEMINI.id, CLOCK.now):
                await vendor.transport.models(until=CLOCK.monotonic() + 50)

    return call


def gemini_calls(carrier: Carrier) -> dict[str, Row]:
    return {
        "chat": (gemini_chat(Grain.WHOLE, carrier), {}, MAX_BODY_BYTES, (SHORT, LONG)),
        "chat in a stream": (gemini_chat(Grain.STREAM, carrier), {}, MAX_BODY_BYTES, (COMMENTS, EVENTS, LONG)),
        "embeddings": (gemini_embed(carrier), {}, MAX_BODY_BYTES, (SHORT, LONG)),
        "models": (gemini_list(carrier), {}, MAX_LIST_BYTES, (SHORT, LONG)),
    }


ANSWER, LOOK = MAX_BODY_BYTES, transport.MAX_LOOK_BYTES
SHORT, LONG = b" \n" * 32_768, b"x" * 65_536
COMMENTS = (b":" + b" " * 1_022 + b"\n") * 64
LINES, EVENTS = json.dumps(line("x" * 65_536)).encode() + b"\n", sse(said({"text": "x" * 65_536}))
WITHOUT_LOADED = {**KNOWN, "/api/ps": {"models": []}}


def ollama_calls(by: str, connect: Connect) -> dict[str, Row]:
    looks: dict[str, Callable[[client.OllamaClient, float], Awaitable[object]]] = {
        "tags": lambda client, until: client.listed(until=until),
        "show": lambda client, until: client.shown("llama3.1", until=until),
        "ps": lambda client, until: client.loaded(until=until),
    }
    stream = ollama_chat(Grain.STREAM, connect)
    embeds = ollama_embed(connect)
    return {
        f"ollama by {by}, chat": (ollama_chat(Grain.WHOLE, connect), KNOWN, ANSWER, (SHORT, LONG)),
        f"ollama by {by}, chat in a stream": (stream, KNOWN, ANSWER, (LINES, LONG)),
        f"ollama by {by}, embeddings": (embeds, KNOWN, ANSWER, (SHORT, LONG)),
        f"ollama by {by}, the load of a chat model": (stream, WITHOUT_LOADED, ANSWER, (SHORT, LONG)),
        f"ollama by {by}, the load of an embedding model": (embeds, WITHOUT_LOADED, ANSWER, (SHORT, LONG)),
        **{
            f"ollama by {by}, {name}": (ollama_look(connect, ask), {}, LOOK, (SHORT, LONG))
            for name, ask in looks.items()
        },
    }


CALLS: dict[str, Row] = {
    **{name: row for by, connect in TRANSPORTS.items() for name, row in ollama_calls(by, connect).items()},
    **{f"gemini by rest, {name}": row for name, row in gemini_calls("rest").items()},
    **{f"gemini by sdk, {name}": row for name, row in gemini_calls("sdk").items()},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "flood"), [(name, flood) for name, (*_, floods) in CALLS.items() for flood in range(len(floods))]
)
async def test_no_call_reads_more_than_it_can_use(name: str, flood: int) -> None:
    call, known, limit, floods = CALLS[name]
    vendor = Endless(floods[flood], known)
    async with vendor.running():
        tracemalloc.start()
        try:
            with pytest.raises(ProviderBroken) as caught:
                await call(vendor.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await asyncio.wait_for(vendor.left.wait(), 5)
    assert caught.value.doubtful
    assert "larger than this gateway takes" in caught.value.message
    assert vendor.sent < limit + ON_THE_WAY
    assert peak < 2 * limit + ON_THE_WAY
    assert len([asked for asked in vendor.asked if asked.path not in known]) == 1


@pytest.mark.parametrize("provider", [*TRANSPORTS, "gemini"])
@pytest.mark.parametrize("grain", Grain)
async def test_nothing_is_decompressed(provider: str, grain: Grain) -> None:
    """A kilobyte of it could stand for a megabyte."""
    bomb = gzip.compress(bytes(1 << 24))
    vendor = Endless(bomb, KNOWN, {"Content-Encoding": "gzip"})
    call = gemini_chat(grain) if provider == "gemini" else ollama_chat(grain, TRANSPORTS[provider])
    async with vendor.running():
        tracemalloc.start()
        try:
            with pytest.raises(ProviderBroken):
                await call(vendor.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await asyncio.wait_for(vendor.left.wait(), 5)
    assert peak < 8 << 20
    assert vendor.asked[-1].headers["accept-encoding"] == "identity"
