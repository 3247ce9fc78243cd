"""The native surface: `POST /api/v1/chat` and `POST /api/v1/explain`."""

from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client

from .door import Door
from .exchange import exchange_of
from .native_replies import NativeForm
from .native_translate import from_explanation, to_call
from .native_wire import ChatBody
from .replies import json_reply
from .steering import hint_of, timeout_of

_decoder = json.Decoder(ChatBody)


class NativeDoor:
    """What both handlers share."""

    def __init__(self, door: Door, explain_chat: ExplainChat) -> None:
        self._door = door
        self._explain_chat = explain_chat

    async def chat(self, request: Request[Any, Any, Any]) -> ASGIApp:
        """What answers a chat. Raises what refuses it, and leaves a record of that."""
        with self._door.refusals_recorded(request.scope):
            client, call = await self._read(request)
        return self._door.answer(request.scope, call, client, NativeForm(self._door.mark("chat-")))

    async def explain(self, request: Request[Any, Any, Any]) -> ASGIApp:
        client, call = await self._read(request)
        return json_reply(json.encode(from_explanation(self._explain_chat(call, client))))

    async def _read(self, request: Request[Any, Any, Any]) -> tuple[Client, ChatCall]:
        scope = request.scope
        client, body = await self._door.read(request, _decoder)
        return client, to_call(body, hint_of(scope, body.model_hint), timeout_of(scope))


def native_handlers(door: NativeDoor) -> list[HTTPRouteHandler]:
    @post("/api/v1/chat", status_code=200)
    async def chat(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/api/v1/chat"
        return await door.chat(request)

    @post("/api/v1/explain", status_code=200)
    async def explain(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/api/v1/explain"
        return await door.explain(request)

    return [chat, explain]
