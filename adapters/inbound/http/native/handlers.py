"""The native surface: chats, explanations, and what became of requests, for the key that asked them."""

from typing import Final

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import json

from llm_gateway.application.ports.stores import MAX_LISTED
from llm_gateway.application.records import RequestId

from ..common.handling import ChatSurface, RequestHandling
from ..common.problems import NotFound
from ..common.queries import limit_of, query_of
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from ..common.requests import api_keys
from ..common.response_headers import Headers
from .decisions_wire import LISTED, decision_of, decisions_of
from .translate import NativeRenderer, from_explanation, to_call
from .wire import LABELS, ChatBody

NATIVE_CHATS: Final = ChatSurface(
    decoder=json.Decoder(ChatBody),
    labels=LABELS,
    to_call=to_call,
    renderer=NativeRenderer,
    id_prefix="chat-",
)
_NOT_STORED: Final[Headers] = [(b"cache-control", b"no-store")]


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
    return json_reply(json.encode(decision_of(record)), _NOT_STORED)


async def list_decisions(handling: RequestHandling, scope: HTTPScope, _: Receive) -> Reply:
    """The key's own latest requests. Raises `InvalidRequest` for a `limit` that is none."""
    client = await handling.services.authenticate(*api_keys(context_of(scope).fields))
    limit = limit_of(query_of(scope["query_string"]), LISTED, MAX_LISTED)
    records = await handling.services.request_log.latest(client.id, limit)
    return json_reply(json.encode(decisions_of(records)), _NOT_STORED)
