"""An answer on its way to the client: folded to JSON, or framed as server-sent events."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

from litestar.types import Receive, Scope, Send
from msgspec import Struct, json

from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.events import ChatEvent, Collector, Finished, Started

from .exchange import Exchange, exchange_of
from .native_translate import from_delta, from_reply
from .problems import encode_problem, log_internal
from .rate_headers import Headers, rate_headers
from .replies import json_reply
from .watch import client_watched

KEEP_ALIVE = b": keep-alive\n\n"
_encode = json.Encoder().encode


class Pace(Struct, frozen=True, kw_only=True):
    """How patient the door is, in seconds."""

    body: float = 10.0
    keep_alive: float = 10.0


class AnswerMark(Struct, frozen=True, kw_only=True):
    """What the door gives an answer: an id of its own, and the time in Unix seconds."""

    id: str
    created: int


Ask = Callable[[], AbstractAsyncContextManager[Answer]]


class WholeReply:
    """The answer as one JSON body."""

    def __init__(self, ask: Ask, mark: AnswerMark) -> None:
        self._ask = ask
        self._mark = mark

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        async with self._ask() as answer:
            exchange.headers.update(rate_headers(answer.decision))
            if answer.ready:
                reply = await answer.reply()
            else:
                async with client_watched(receive):
                    reply = await answer.reply()
            exchange.headers.update(_provenance(answer))
            cached = answer.cache is CacheStatus.HIT
        body = from_reply(reply, id=self._mark.id, cached=cached, created=self._mark.created, whole=True)
        await json_reply(_encode(body))(scope, receive, send)


class StreamReply:
    """The answer as server-sent events: `delta`s, then one `done` or one `error`.

    The first event commits: a failure before it is raised, and becomes an ordinary error, unless the client has waited
    so long that the status line was sent without knowing.
    """

    def __init__(self, ask: Ask, mark: AnswerMark, pace: Pace) -> None:
        self._ask = ask
        self._mark = mark
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        frames = _Frames(send)
        async with self._ask() as answer:
            exchange.headers.update(rate_headers(answer.decision))
            if answer.ready:
                await self._write(answer, frames, exchange)
            else:
                async with client_watched(receive, tick=frames.tick, tick_seconds=self._pace.keep_alive):
                    await self._write(answer, frames, exchange)

    async def _write(self, answer: Answer, frames: "_Frames", exchange: Exchange) -> None:
        collector = Collector()
        try:
            async for event in answer:
                collector.add(event)
                await self._write_event(event, answer, frames, exchange)
            done = from_reply(
                collector.reply(),
                id=self._mark.id,
                cached=answer.cache is CacheStatus.HIT,
                created=self._mark.created,
                whole=False,
            )
        except Exception as error:
            if not frames.begun:
                raise
            log_internal(error, exchange.request_id)
            await frames.write(_frame(b"error", encode_problem(error, exchange.request_id)), last=True)
        else:
            await frames.write(_frame(b"done", _encode(done)), last=True)

    async def _write_event(self, event: ChatEvent, answer: Answer, frames: "_Frames", exchange: Exchange) -> None:
        match event:
            case Started():
                if not frames.begun:
                    exchange.headers.update(_provenance(answer))
            case Finished():
                pass
            case delta:
                await frames.write(_frame(b"delta", _encode(from_delta(delta))))


class _Frames:
    """Writes to one client. The lock keeps the comments of `tick` between frames."""

    def __init__(self, send: Send) -> None:
        self.begun = False
        self._send = send
        self._idle = True
        self._lock = asyncio.Lock()

    async def write(self, data: bytes, *, last: bool = False) -> None:
        async with self._lock:
            self._idle = False
            if not self.begun:
                self.begun = True
                await self._send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_HEADERS)})
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def tick(self) -> None:
        """A comment where nothing was written since the last tick."""
        if self._idle and not self._lock.locked():
            await self.write(KEEP_ALIVE)
        self._idle = True


_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]


def _frame(event: bytes, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event, data)


def _provenance(answer: Answer) -> Headers:
    """Who answers, and from where."""
    if answer.endpoint is None or answer.cache is None:
        return []
    return [
        (b"x-gateway-provider", _field(answer.endpoint.provider)),
        (b"x-gateway-model", _field(answer.endpoint.model)),
        (b"x-gateway-cache", answer.cache.value.encode()),
    ]


def _field(text: str) -> bytes:
    """A name as a header's value: what a header can't hold is percent-encoded."""
    return quote(text, safe="/:@+,;=!$&'()*~ ").encode()
