"""An answer on its way to the client: as one JSON body, or as server-sent events."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from litestar.types import Receive, Scope, Send
from msgspec import Struct

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import ChatEvent, Delta, Finished, Started

from .cancel_on_disconnect import cancel_on_disconnect
from .problems import log_internal
from .rate_headers import Headers
from .replies import json_reply, provenance
from .request_context import RequestContext, context_of

KEEP_ALIVE = b": keep-alive\n\n"
SEND_BYTES = 64 * 1024
"""How much is gathered at most before it is sent."""


class Pace(Struct, frozen=True, kw_only=True):
    """How long the adapter waits for a client, in seconds."""

    body: float = 10.0
    keep_alive: float = 10.0


class AnswerIdentity(Struct, frozen=True, kw_only=True):
    """What the adapter gives an answer: an id of its own, and the time in Unix seconds."""

    id: str
    created: int


class ChatRenderer(Protocol):
    """How a surface words one answer. `whole` gives a JSON body, the others frames of an event stream.

    A stream's calls are each delta in order, then `done`; `failed` ends it instead wherever it breaks off.
    """

    @abstractmethod
    def whole(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        """Empty where this surface has no word for it."""
        ...

    @abstractmethod
    def done(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def failed(self, error: Exception, request_id: str) -> bytes: ...


Ask = Callable[[], AbstractAsyncContextManager[Answer]]


class WholeReply:
    """The answer as one JSON body."""

    def __init__(self, ask: Ask, renderer: ChatRenderer) -> None:
        self._ask = ask
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        async with self._ask() as answer:
            context.headers.update(context.error_style.rate_headers(answer.decision))
            if answer.ready:
                reply = await answer.reply()
            else:
                async with cancel_on_disconnect(receive):
                    reply = await answer.reply()
            context.headers.update(provenance(answer.endpoint, answer.cache))
        await json_reply(self._renderer.whole(reply, answer))(scope, receive, send)


class StreamReply:
    """The answer as server-sent events.

    The first event commits: a failure before it is raised, and becomes an ordinary error, unless the client has waited
    so long that the status line was sent without knowing.
    """

    def __init__(self, ask: Ask, renderer: ChatRenderer, pace: Pace) -> None:
        self._ask = ask
        self._renderer = renderer
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        frames = _Frames(send)
        async with self._ask() as answer:
            context.headers.update(context.error_style.rate_headers(answer.decision))
            if answer.ready:
                await self._write(answer, frames, context)
            else:
                async with cancel_on_disconnect(receive, tick=frames.tick, tick_seconds=self._pace.keep_alive):
                    await self._write(answer, frames, context)

    async def _write(self, answer: Answer, frames: "_Frames", context: RequestContext) -> None:
        try:
            async for event in answer:
                self._add(event, answer, frames, context)
                if frames.full or not answer.more:
                    await frames.flush()
            done = self._renderer.done(await answer.reply(), answer)
        except Exception as error:
            if not frames.begun:
                raise
            log_internal(error, context.request_id)
            frames.add(self._renderer.failed(error, context.request_id))
        else:
            frames.add(done)
        await frames.flush(last=True)

    def _add(self, event: ChatEvent, answer: Answer, frames: "_Frames", context: RequestContext) -> None:
        match event:
            case Started():
                if not frames.begun:
                    context.headers.update(provenance(answer.endpoint, answer.cache))
            case Finished():
                pass
            case delta:
                frames.add(self._renderer.delta(delta, answer))


class _Frames:
    """Frames for one client. Those that are there at the same time go out in one send, which costs as much as for one.

    The lock keeps the comments of `tick` between sends. `begun`: the answer is a stream, whatever happens from now on.
    """

    def __init__(self, send: Send) -> None:
        self.begun = False
        self._send = send
        self._frames: list[bytes] = []
        self._size = 0
        self._headed = False
        self._idle = True
        self._lock = asyncio.Lock()

    @property
    def full(self) -> bool:
        return self._size >= SEND_BYTES

    def add(self, frame: bytes) -> None:
        if frame:
            self.begun = True
            self._frames.append(frame)
            self._size += len(frame)

    async def flush(self, *, last: bool = False) -> None:
        if not self._frames:
            return
        async with self._lock:
            data = b"".join(self._frames)
            self._frames.clear()
            self._size = 0
            self._idle = False
            if not self._headed:
                self._headed = True
                await self._send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_HEADERS)})
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def tick(self) -> None:
        """A comment where nothing was written since the last tick."""
        if self._idle and not self._lock.locked():
            self.add(KEEP_ALIVE)
            await self.flush()
        self._idle = True


_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]
