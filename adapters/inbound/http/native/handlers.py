"""The native surface: `POST /api/v1/chat` and `POST /api/v1/explain`."""

from typing import Final

from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.explain_chat import ExplainChat

from ..common.handling import ChatSurface, RequestHandling
from ..common.replies import json_reply
from ..common.request_context import HttpRequest, context_of
from ..common.requests import hint_of, timeout_of
from .translate import NativeRenderer, from_explanation, to_call
from .wire import ChatBody

NATIVE_CHATS: Final = ChatSurface(
    decoder=json.Decoder(ChatBody),
    to_call=to_call,
    renderer=NativeRenderer,
    id_prefix="chat-",
)


class NativeHandlers:
    """Explains how a chat would be routed."""

    def __init__(self, handling: RequestHandling, explain_chat: ExplainChat) -> None:
        self._handling = handling
        self._explain_chat = explain_chat

    async def explain(self, request: HttpRequest) -> ASGIApp:
        """The plan for a chat: nothing is sent to a provider, and nothing charged."""
        fields = context_of(request.scope).fields
        client, body = await self._handling.read(request, NATIVE_CHATS.decoder)
        call = to_call(body, hint_of(fields, body.model_hint), timeout_of(fields))
        return json_reply(json.encode(from_explanation(self._explain_chat(call, client))))
