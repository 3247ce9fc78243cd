"""A chat asked of a server, as the provider that the registry opens asks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from llm_gateway.adapters.outbound.openai.provider import opened
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.providers import Provider, ProviderOrder
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatReply, ChatRequest, Grain, Message, UserMessage
from llm_gateway.domain.events import ChatEvent, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..waiting import HANG_SECONDS

TO = Endpoint(id=EndpointId(provider="mine", model="able"), locality=Locality.ON_PREMISES)
SECRET = "a prompt that nobody may see"
KEY = "sk-secret"


@asynccontextmanager
async def provider_at(
    url: str, dialect: str = "generic", clock: Clock | None = None, **more: Any
) -> AsyncIterator[Provider]:
    order = ProviderOrder(name="mine", base_url=url, dialect=dialect, api_key=KEY, **{"model": "able", **more})
    made = opened(order, clock or SystemClock())
    assert made.close is not None
    try:
        yield made
    finally:
        await made.close()


def asking(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=messages or (UserMessage(content=SECRET),), **fields)


def events_of(
    provider: Provider,
    request: ChatRequest | None = None,
    grain: Grain = Grain.STREAM,
    *,
    seconds: float = HANG_SECONDS,
    clock: Clock | None = None,
    to: Endpoint = TO,
) -> AsyncIterator[ChatEvent]:
    assert provider.model is not None
    deadline = Deadline((clock or SystemClock()).monotonic() + seconds)
    return flattened(provider.model.events(to, request or asking(), grain=grain, deadline=deadline, headers={}))


async def reply_of(provider: Provider, request: ChatRequest | None = None, grain: Grain = Grain.STREAM) -> ChatReply:
    return await collect(events_of(provider, request, grain))


async def until_it_fails(events: AsyncIterator[ChatEvent], seen: list[ChatEvent]) -> None:
    async for event in events:
        seen.append(event)


def texts(events: Sequence[ChatEvent], kind: type[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))
