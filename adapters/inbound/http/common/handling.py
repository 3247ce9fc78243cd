"""What every surface does around a request: learns who asks, records what it refuses, and answers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from litestar import Request
from litestar.types import ASGIApp, Scope
from msgspec import json

from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.ports.observation import Observer
from llm_gateway.application.ports.system import Clock, Entropy
from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.chat import ChatCall, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Draining
from llm_gateway.domain.routing import Task

from .chat_replies import AnswerIdentity, ChatRenderer, Pace, StreamReply, WholeReply
from .drain import Drain
from .request_context import context_of
from .request_options import check_said_once
from .requests import api_key, decode, read_body, text_headers

T = TypeVar("T")

LARGE_BODY_BYTES = 64 * 1024


class RequestHandling:
    def __init__(
        self,
        authenticate: Authenticate,
        answer_chat: AnswerChat,
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
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._drain = drain
        self._max_body_bytes = max_body_bytes
        self._pace = pace
        self._large_bodies = asyncio.Lock()

    async def client(self, scope: Scope) -> Client:
        """Who asks. Raises `Draining`, `Unauthenticated` or `DirectoryUnavailable`."""
        if self._drain.begun:
            raise Draining
        return await self._authenticate(api_key(scope))

    async def read(self, request: Request[Any, Any, Any], decoder: "json.Decoder[T]") -> tuple[Client, T]:
        """Who asks, and what. Raises what refuses either."""
        client = await self.client(request.scope)
        share = context_of(request.scope).body
        data = await read_body(
            request.scope, request.receive, share, max_bytes=self._max_body_bytes, seconds=self._pace.body
        )
        if len(data) > LARGE_BODY_BYTES:
            async with self._large_bodies:  # one a turn of the event loop: each takes it for milliseconds from here on
                await asyncio.sleep(0)
        body = decode(decoder, data)
        check_said_once(data)
        return client, body

    @contextmanager
    def refusals_recorded(self, scope: Scope, task: Task = Task.CHAT) -> Iterator[None]:
        """What is raised in its block is a request that came no further, and leaves its record here."""
        began = self._clock.monotonic()
        try:
            yield
        except BaseException as error:
            refused = type(error).__name__ if isinstance(error, Exception) else None
            context = context_of(scope)
            context.record = RequestRecord(
                id=RequestId(context.request_id),
                task=task,
                error=refused,
                left=refused is None,
                seconds=self._clock.monotonic() - began,
            )
            self._observer.begin(context.record.id, text_headers(scope)).end(context.record)
            raise

    def identity(self, prefix: str) -> AnswerIdentity:
        return AnswerIdentity(id=prefix + self._entropy.new_id(), created=int(self._clock.now()))

    def answer(self, scope: Scope, call: ChatCall, client: Client, renderer: ChatRenderer) -> ASGIApp:
        """What answers a chat, in the grain that it asked for."""
        context = context_of(scope)
        id, named = RequestId(context.request_id), text_headers(scope)
        ask = partial(self._answer_chat, call, client, id=id, headers=named, on_record=context.recorded)
        return StreamReply(ask, renderer, self._pace) if call.grain is Grain.STREAM else WholeReply(ask, renderer)
