"""The native surface: `POST /api/v1/chat` and `POST /api/v1/explain`."""

from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client

from ..common.handling import RequestHandling
from ..common.replies import json_reply
from ..common.request_context import HttpRequest
from ..common.request_options import hint_of, timeout_of
from .renderer import NativeRenderer
from .translate import from_explanation, to_call
from .wire import ChatBody

_decoder = json.Decoder(ChatBody)


class NativeHandlers:
    """Answers chats, and explains how one would be routed."""

    def __init__(self, handling: RequestHandling, explain_chat: ExplainChat) -> None:
        self._handling = handling
        self._explain_chat = explain_chat

    async def chat(self, request: HttpRequest) -> ASGIApp:
        """What answers a chat. Raises what refuses it, and leaves a record of that."""
        with self._handling.refusals_recorded(request.scope):
            client, call = await self._read(request)
        return self._handling.answer(request.scope, call, client, NativeRenderer(self._handling.identity("chat-")))

    async def explain(self, request: HttpRequest) -> ASGIApp:
        client, call = await self._read(request)
        return json_reply(json.encode(from_explanation(self._explain_chat(call, client))))

    async def _read(self, request: HttpRequest) -> tuple[Client, ChatCall]:
        scope = request.scope
        client, body = await self._handling.read(request, _decoder)
        return client, to_call(body, hint_of(scope, body.model_hint), timeout_of(scope))
