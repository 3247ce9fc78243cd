"""The native surface: chats, explanations, and what became of a request, for the key that asked it."""

from typing import Final

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import json

from llm_gateway.application.records import RequestId

from ..common.handling import ChatSurface, RequestHandling
from ..common.problems import NotFound
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from ..common.requests import api_keys
from .decisions_wire import decision_of
from .translate import NativeRenderer, from_explanation, to_call
from .wire import ChatBody

NATIVE_CHATS: Final = ChatSurface(
    decoder=json.Decoder(ChatBody),
    to_call=to_call,
    renderer=NativeRenderer,
    id_prefix="chat-",
)


async def explain(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """The plan for a chat: nothing is sent to a provider, and nothing charged."""
    client, _, call = await handling.read_chat(context_of(scope), receive, NATIVE_CHATS)
    return json_reply(json.encode(from_explanation(handling.services.explain_chat(call, client))))


async def find_decision(handling: RequestHandling, scope: HTTPScope, _: Receive) -> Reply:
    """Raises `NotFound` also for what another key asked, so that a key cannot learn whether it did."""
    client = await handling.services.authenticate(*api_keys(context_of(scope).fields))
    record = await handling.services.request_log.find(client.id, RequestId(scope["path_params"]["id"]))
    if record is None:
        raise NotFound("This key has no such request, or not any more.")
    return json_reply(json.encode(decision_of(record)), [(b"cache-control", b"no-store")])
