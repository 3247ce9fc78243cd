"""How the tests call Gemini's adapter."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import Carrier, GeminiClient
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.client import CONNECT_SECONDS
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain, Message, Text, UserMessage
from llm_gateway.domain.events import ChatEvent, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Reaction
from ..waiting import HANG_SECONDS
from .payloads import said
from .server import GeminiServer

KEY = "key-that-nobody-may-see"
PROMPT = "a prompt that nobody may see"
TO = Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD)
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
HELLO = said({"text": "Hel"})
WORLD = said({"text": "lo"}, finish="STOP", usage=USAGE)


class Carried:
    """What carries the calls of the clients that are made from here on: the fixture `carrier` sets it."""

    by: Carrier = "rest"


CARRIED: Final = Carried()


def client_at(
    url: str | None,
    clock: Clock | None = None,
    *,
    key: str | None = KEY,
    provider: str = "gemini",
    connect_seconds: float = CONNECT_SECONDS,
) -> GeminiClient:
    return GeminiClient(
        provider=provider,
        api_key=key,
        base_url=url,
        clock=clock or SystemClock(),
        carrier=CARRIED.by,
        connect_seconds=connect_seconds,
    )


def request(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=messages or (UserMessage(content=(Text(text=PROMPT),)),), **fields)


@asynccontextmanager
async def model_at(url: str, clock: Clock | None = None, **options: Any) -> AsyncIterator[GeminiChatModel]:
    client = client_at(url, clock)
    try:
        yield GeminiChatModel(client, clock or SystemClock(), **options)
    finally:
        await client.aclose()


def ask(
    model: GeminiChatModel,
    chat: ChatRequest | None = None,
    *,
    to: Endpoint = TO,
    grain: Grain = Grain.STREAM,
    seconds: float = HANG_SECONDS,
    clock: Clock | None = None,
) -> AsyncGenerator[ChatEvent, None]:
    deadline = Deadline((clock or SystemClock()).monotonic() + seconds)
    return flattened(
        model.events(to, chat or request(), grain=grain, deadline=deadline, headers={"traceparent": "00-1"})
    )


async def events_of(model: GeminiChatModel, chat: ChatRequest | None = None, **options: Any) -> list[ChatEvent]:
    async with aclosing(ask(model, chat, **options)) as events:
        return [event async for event in events]


@asynccontextmanager
async def served(
    *scripts: Reaction, clock: Clock | None = None, **options: float
) -> AsyncIterator[tuple[GeminiServer, GeminiChatModel]]:
    async with GeminiServer(*scripts).running() as server, model_at(server.url, clock, **options) as model:
        yield server, model
