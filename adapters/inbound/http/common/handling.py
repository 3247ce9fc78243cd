"""What every surface does around a request: finds its client, records what it refuses, and answers."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar

from litestar.types import ASGIApp
from msgspec import Struct, json

from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.ports.observation import Observer
from llm_gateway.application.ports.system import Clock, Entropy
from llm_gateway.application.records import RequestRecord
from llm_gateway.domain.chat import ChatCall, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Draining
from llm_gateway.domain.routing import Hint, Task

from .chat_replies import Pace, StreamReply, WholeReply
from .drain import Drain
from .renderer import AnswerIdentity, ChatRenderer
from .request_context import HttpRequest, RequestContext, context_of
from .requests import api_key, check_said_once, decode, hint_of, read_body, timeout_of
from .wire import ChatFields

T = TypeVar("T")
B = TypeVar("B", bound=ChatFields)


class ChatSurface(Struct, Generic[B], frozen=True, kw_only=True):
    """What a surface has of its own where it answers a chat.

    `to_call` makes a body a call, with the hint and the timeout that stand for the whole request. `renderer` makes what
    renders the one answer to a body. Ids of answers begin with `id_prefix`.
    """

    decoder: "json.Decoder[B]"
    to_call: Callable[[B, Hint | None, timedelta | None], ChatCall]
    renderer: Callable[[AnswerIdentity, B], ChatRenderer]
    id_prefix: str


LARGE_BODY_BYTES = 64 * 1024


class RequestHandling:
    """Reads requests, and answers chats, for every surface in the same way."""

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

    async def client(self, context: RequestContext) -> Client:
        """The client whose key the request has. Raises `Draining`, `Unauthenticated` or `DirectoryUnavailable`."""
        if self._drain.begun:
            raise Draining
        return await self._authenticate(api_key(context.fields))

    async def read(self, request: HttpRequest, decoder: "json.Decoder[T]") -> tuple[Client, T]:
        """The client, and the body. Raises what refuses either."""
        context = context_of(request.scope)
        client = await self.client(context)
        data = await read_body(
            context.fields, request.receive, context.body, max_bytes=self._max_body_bytes, seconds=self._pace.body
        )
        if len(data) > LARGE_BODY_BYTES:
            async with self._large_bodies:  # one a turn of the event loop: each takes it for milliseconds from here on
                await asyncio.sleep(0)
        body = decode(decoder, data)
        check_said_once(data)
        return client, body

    @contextmanager
    def refusals_recorded(self, context: RequestContext, task: Task = Task.CHAT) -> Iterator[None]:
        """What is raised in its block is a request that came no further, and leaves its record here."""
        began = self._clock.monotonic()
        try:
            yield
        except BaseException as error:
            refused = type(error).__name__ if isinstance(error, Exception) else None
            seconds = self._clock.monotonic() - began
            record = RequestRecord(id=context.id, task=task, error=refused, left=refused is None, seconds=seconds)
            context.recorded(record)
            self._observer.begin(context.id, context.texts).end(record)
            raise

    async def chat(self, surface: ChatSurface[B], request: HttpRequest) -> ASGIApp:
        """What answers a chat, in the grain that it asks for. Raises what refuses it, and leaves a record of that."""
        context = context_of(request.scope)
        with self.refusals_recorded(context):
            client, body = await self.read(request, surface.decoder)
            hint, timeout = hint_of(context.fields, body.model_hint), timeout_of(context.fields)
            call = surface.to_call(body, hint, timeout)
        identity = AnswerIdentity(id=surface.id_prefix + self._entropy.new_id(), created=int(self._clock.now()))
        renderer = surface.renderer(identity, body)
        ask = partial(self._answer_chat, call, client, id=context.id, headers=context.texts, on_record=context.recorded)
        if call.grain is Grain.STREAM:
            return StreamReply(context, ask, renderer, self._pace)
        return WholeReply(context, ask, renderer)
