"""The native surface: `POST /api/v1/chat` and `POST /api/v1/explain`."""

import re
from datetime import timedelta
from functools import partial
from json import loads
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope
from msgspec import json

from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.ports import Clock, Entropy, Observer, RequestId
from llm_gateway.application.records import RequestRecord
from llm_gateway.domain.chat import ChatCall, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Draining, InvalidRequest
from llm_gateway.domain.routing import Hint

from .chat_replies import AnswerMark, Pace, StreamReply, WholeReply
from .drain import Drain
from .exchange import exchange_of
from .native_translate import from_explanation, to_call
from .native_wire import ChatBody
from .replies import json_reply
from .requests import api_key, decode, headers, read_body, text_headers

_decoder = json.Decoder(ChatBody)
_NUMBER = re.compile(rb"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_ROUTING = ("model", "model_hint")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


class NativeDoor:
    """What both handlers share."""

    def __init__(
        self,
        authenticate: Authenticate,
        answer_chat: AnswerChat,
        explain_chat: ExplainChat,
        observer: Observer,
        clock: Clock,
        entropy: Entropy,
        drain: Drain,
        *,
        max_body_bytes: int,
        pace: Pace,
    ) -> None:
        self._authenticate = authenticate
        self._answer_chat = answer_chat
        self._explain_chat = explain_chat
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._drain = drain
        self._max_body_bytes = max_body_bytes
        self._pace = pace

    async def chat(self, request: Request[Any, Any, Any]) -> ASGIApp:
        """What answers a chat. Raises what refuses it, and leaves a record of that."""
        scope = request.scope
        id = RequestId(exchange_of(scope).request_id)
        named = text_headers(scope)
        began = self._clock.monotonic()
        try:
            client, call = await self._read(request)
        except BaseException as error:
            refused = type(error).__name__ if isinstance(error, Exception) else None
            self._observer.begin(id, named).end(
                RequestRecord(error=refused, left=refused is None, seconds=self._clock.monotonic() - began)
            )
            raise
        ask = partial(self._answer_chat, call, client, id=id, headers=named)
        mark = AnswerMark(id=f"chat-{self._entropy.new_id()}", created=int(self._clock.now()))
        return StreamReply(ask, mark, self._pace) if call.grain is Grain.STREAM else WholeReply(ask, mark)

    async def explain(self, request: Request[Any, Any, Any]) -> ASGIApp:
        client, call = await self._read(request)
        return json_reply(json.encode(from_explanation(self._explain_chat(call, client))))

    async def _read(self, request: Request[Any, Any, Any]) -> tuple[Client, ChatCall]:
        scope = request.scope
        if self._drain.begun:
            raise Draining
        client = await self._authenticate(api_key(scope))
        data = await read_body(scope, request.receive, max_bytes=self._max_body_bytes, seconds=self._pace.body)
        body = decode(_decoder, data)
        _check_said_once(data)
        return client, to_call(body, _hint(scope, body.model_hint), _timeout(scope))


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


def _hint(scope: Scope, stated: Hint | None) -> Hint | None:
    """The body's hint and the headers' as one: `secure` wins, and others must not differ."""
    try:
        hints = {Hint(value.decode("latin-1").strip()) for value in headers(scope, b"x-gateway-hint")}
    except ValueError:
        raise InvalidRequest.at("X-Gateway-Hint", f"must be one of {', '.join(Hint)}") from None
    if stated is not None:
        hints.add(stated)
    if Hint.SECURE in hints:
        return Hint.SECURE
    if len(hints) > 1:
        raise InvalidRequest.at("X-Gateway-Hint", "differs from model_hint, or stands there twice")
    return next(iter(hints), None)


def _check_said_once(data: bytes) -> None:
    """Of a field that is said twice, decoding takes the last: `secure` must not be lost that way."""
    if not (data.count(b'"model_hint"') > 1 or data.count(b'"model"') > 1 or _ESCAPED_LETTER.search(data)):
        return
    names = [name for name, _ in loads(data, object_pairs_hook=tuple)]
    for name in _ROUTING:
        if names.count(name) > 1:
            raise InvalidRequest.at(name, "stands there twice")


def _timeout(scope: Scope) -> timedelta | None:
    values = headers(scope, b"x-gateway-timeout")
    if not values:
        return None
    seconds = float(values[0]) if len(values) == 1 and _NUMBER.fullmatch(values[0]) else 0.0
    if not 0.001 <= seconds <= 86_400:
        raise InvalidRequest.at("X-Gateway-Timeout", "must be seconds, from 0.001 to 86400")
    return timedelta(seconds=seconds)
