"""What every surface does around a request: finds its client, records what it refuses, and answers."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import Struct, field, json
from msgspec.structs import replace

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.long_work import AT_ONCE_BYTES, off_the_loop
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import ChatCall, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall
from llm_gateway.domain.errors import Draining
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.survey import survey

from .chat_replies import Pace, StreamReply
from .content_coding import coding_of, decompressed
from .labels import Labels
from .message_count import check_count
from .presence import WhilePresent
from .read_bodies import ReadBodies
from .refusals import record_refusal
from .renderer import AnswerIdentity, ChatRenderer
from .replies import Reply
from .request_context import RequestContext, context_of
from .requests import Fields, api_keys, hint_of, keeps_nothing, read_body, says_of_calls, time_left, timeout_of
from .response_headers import located
from .whole_reply import WholeReply

_STREAM: Final = Grain.STREAM  # looking a member up takes as long as calling a function
T = TypeVar("T")
B = TypeVar("B", bound="ChatBodyIn")
C = TypeVar("C", ChatCall, EmbedCall)


class ChatBodyIn(Protocol):
    """What is read of every surface's body alike."""

    @property
    def model_hint(self) -> Hint | None: ...


class ChatSurface(Struct, Generic[B], frozen=True, kw_only=True, eq=False):
    """What a surface has of its own where it answers a chat.

    `to_call` makes a body a call, with the hint and the timeout that stand for the whole request. `renderer` makes what
    renders the one answer to a body. Ids of answers begin with `id_prefix`. `own_path` makes of a path in a chat
    completion, such as `tools[2].function.name`, the one of the same field in a body of this surface; what it does not
    know stays as it is. With `any_type` a body need not say that it is JSON.
    """

    decoder: "json.Decoder[B]"
    labels: Labels
    to_call: Callable[[B, Hint | None, timedelta | None], ChatCall]
    renderer: Callable[[AnswerIdentity, B], ChatRenderer]
    id_prefix: str
    check_count: Callable[[bytes, int], None] = check_count
    own_path: Callable[[B, str], str] | None = None
    any_type: bool = False

    def read(self, fields: Fields, max_messages: int, data: bytes) -> tuple[B, ChatCall]:
        """A body, and the call that it is. Pure. Raises `InvalidRequest` or `TooLarge`."""
        self.check_count(data, max_messages)
        body, labels = self.labels.decode(self.decoder, data)
        call = self.to_call(body, hint_of(fields, body.model_hint), timeout_of(fields))
        if keeps_nothing(fields):
            call = replace(call, cache=CacheDirective(mode=CacheMode.BYPASS))
        if labels:
            call = replace(call, ignored=(*call.ignored, *labels))
        if len(data) > AT_ONCE_BYTES:
            survey(call.request)
        return body, call


def _set_own_path(context: RequestContext, surface: ChatSurface[B], body: B, call: ChatCall) -> None:
    """Let what is found in the call from here on be told by the paths of the body. The surface's own are not."""
    of_body = surface.own_path
    if of_body is not None:
        own = frozenset(call.ignored)
        context.own_path = lambda path: path if path in own else of_body(body, path)


def _may_be_kept(read: tuple[object, ChatCall]) -> bool:
    """Unless it asks that nothing is."""
    return read[1].cache.mode is not CacheMode.BYPASS


def in_time(call: C, context: RequestContext) -> C:
    """The call with what is left of its own time. Raises `RequestTimeout` where none is."""
    if call.timeout is None or context.came is None:
        return call
    return replace(call, timeout=time_left(call.timeout, context.came))


class HttpOptions(Struct, frozen=True, kw_only=True):
    """`hosts` are the Host names that are served, in lower case and without port; None is any. Pages of `cors_origins`
    may ask from a browser; `*` is any.

    `max_bodies_bytes` is for all bodies under way. `max_messages` is for one chat: messages, parts, calls and tools.
    `ollama_door`: Ollama's own surface is served too.
    """

    version: str
    max_body_bytes: int
    max_bodies_bytes: int
    max_messages: int
    hosts: frozenset[str] | None = None
    cors_origins: Sequence[str] = ()
    metrics_token: str | None = None
    ollama_door: bool = False
    pace: Pace = Pace()


class RequestHandling(Struct, frozen=True, kw_only=True):
    """What every handler is given. Reads requests, and answers chats, for every surface in the same way.

    `drain` is set once the gateway ends: what runs may finish, nothing new is taken. `since` is when this server began,
    in Unix seconds. `pages` are the replies that never change, by path.
    """

    services: GatewayServices
    options: HttpOptions
    drain: asyncio.Event
    since: int
    pages: Mapping[str, Reply]
    scrape: asyncio.Lock = field(default_factory=asyncio.Lock)
    read_bodies: ReadBodies = field(default_factory=ReadBodies)

    async def page(self, scope: HTTPScope, _: Receive) -> Reply:
        return self.pages[scope["path"]]

    async def client(self, context: RequestContext) -> Client:
        """The client whose key the request has. Raises `Draining`, `Unauthenticated` or `DirectoryUnavailable`."""
        if self.drain.is_set():
            raise Draining
        return await self.services.authenticate(*api_keys(context.fields))

    async def read(
        self, context: RequestContext, receive: Receive, read: Callable[[bytes], T], *, any_type: bool = False
    ) -> tuple[Client, T]:
        """The client, and what is read of the body, which is a pure function's. Raises what refuses either.

        With `any_type` the body need not say that it is JSON.
        """
        client = await self.client(context)
        data = await self._body(context, receive, any_type=any_type)
        if len(data) <= AT_ONCE_BYTES:
            return client, read(data)
        return client, await off_the_loop(len(data), partial(read, data))

    async def read_chat(
        self, context: RequestContext, receive: Receive, surface: ChatSurface[B]
    ) -> tuple[Client, B, ChatCall]:
        """The client, the body, and the call that it is. Raises what refuses any of them."""
        client = await self.client(context)
        data = await self._body(context, receive, any_type=surface.any_type)
        read = partial(surface.read, context.fields, self.options.max_messages)
        if len(data) > AT_ONCE_BYTES:
            body, call = await off_the_loop(len(data), partial(read, data))
        elif says_of_calls(context.fields):
            body, call = read(data)
        else:
            body, call = self.read_bodies.read(surface, client.namespace, data, read, _may_be_kept)
        return client, body, call

    async def _body(self, context: RequestContext, receive: Receive, *, any_type: bool) -> bytes:
        most, seconds = self.options.max_body_bytes, self.options.pace.body
        coding = coding_of(context.fields)
        sent = context.presence.take_sent if context.presence is not None and context.presence.sent else None
        data = await read_body(
            context.fields, receive, context.body, max_bytes=most, seconds=seconds, sent=sent, any_type=any_type
        )
        if coding is not None:
            data = await off_the_loop(most, partial(decompressed, data, coding, most))
            context.body.take(len(data))
        return data.removeprefix(BOM_UTF8)

    async def count(self, surface: ChatSurface[B], scope: HTTPScope, receive: Receive) -> int:
        """The tokens of a chat's prompt; whether they are estimated stands in a header. Raises what refuses it."""
        context = context_of(scope)
        client, body, call = await self.read_chat(context, receive, surface)
        _set_own_path(context, surface, body, call)
        with WhilePresent(context.presence, receive):
            counted = await self.services.count_tokens(in_time(call, context), client)
        context.headers.update(located(counted.endpoint, estimated=counted.estimated))
        return counted.tokens

    async def chat(self, surface: ChatSurface[B], scope: HTTPScope, receive: Receive) -> ASGIApp:
        """What answers a chat, in the grain that it asks for. Raises what refuses it, and leaves a record of that."""
        context = context_of(scope)
        began = self.services.clock.monotonic()
        try:
            client, body, call = await self.read_chat(context, receive, surface)
            call = in_time(call, context)
        except BaseException as error:
            record_refusal(self.services, context, error, began)
            raise
        return self.answer(surface, context, client, body, call)

    def identity(self, surface: ChatSurface[B]) -> AnswerIdentity:
        """That of an answer that begins now."""
        id = surface.id_prefix + self.services.entropy.new_id()
        return AnswerIdentity(id=id, created=int(self.services.clock.now()))

    def answer(
        self, surface: ChatSurface[B], context: RequestContext, client: Client, body: B, call: ChatCall
    ) -> ASGIApp:
        """What answers a chat that was read."""
        _set_own_path(context, surface, body, call)
        renderer = surface.renderer(self.identity(surface), body)
        answer_chat = self.services.answer_chat
        ask = partial(answer_chat, call, client, id=context.id, headers=context.texts, on_record=context.recorded)
        if call.grain is _STREAM:
            return StreamReply(context, ask, renderer, self.options.pace)
        return WholeReply(context, ask, renderer)
