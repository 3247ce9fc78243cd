"""An answer on its way to the client as a stream. It ends when the client leaves."""

import asyncio
from collections.abc import Sequence
from functools import partial

from litestar.types import Receive, Scope, Send
from msgspec import Struct, field

from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.long_work import events_weight, off_the_loop, reply_weight
from llm_gateway.domain.events import ChatEvent, Finished, Started

from .presence import WhilePresent
from .problems import log_internal
from .renderer import ChatRenderer
from .request_context import RequestContext
from .response_headers import Headers, provenance, queued
from .ticks import Ticks
from .whole_reply import Ask

_STREAM_HEADERS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]


class Pace(Struct, frozen=True, kw_only=True):
    """How long the adapter waits for a client, in seconds."""

    body: float = 10.0
    keep_alive: float = 10.0


class StreamReply(Struct, frozen=True):
    """The answer as a stream, in the renderer's frames.

    The first event commits: a failure before it is raised, and becomes an ordinary error, unless the client has waited
    so long that the status line was sent without knowing.
    """

    context: RequestContext
    ask: Ask
    renderer: ChatRenderer
    pace: Pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(send, self.renderer.content_type, self.renderer.keep_alive)
        if self.context.presence is not None:
            self.context.presence.idle_part = stream.keep_alive
        async with self.ask() as answer:
            self.context.headers.update(self.context.error_style.rate_headers(answer.decision))
            if answer.ready:
                await self._write(answer, stream)
            else:
                tick = partial(self._tick, answer, stream)
                with WhilePresent(self.context.presence, receive), Ticks(tick, self.pace.keep_alive):
                    await self._write(answer, stream)

    async def _tick(self, answer: Answer, stream: "EventStream") -> None:
        if not stream.begun:
            self.context.headers.update(queued(answer.queued))
        await stream.tick()

    async def _write(self, answer: Answer, stream: "EventStream") -> None:
        context, renderer = self.context, self.renderer
        presence = context.presence
        last = b""

        def hand(events: Sequence[ChatEvent]) -> bool:
            """Once the answer has begun, and as long as the client takes it: `send` would do the same, a turn later."""
            body = presence.body if presence is not None else None
            if body is None or not body.free:
                return False
            if frames := renderer.deltas(events, answer):
                stream.idle = False
                body.write(frames)
            return True

        try:
            while not last:
                events = await answer.take(hand)
                if events and isinstance(events[0], Started):
                    if not stream.begun:
                        ignored = context.own_paths(answer.ignored)
                        context.headers.update(provenance(answer.endpoint, answer.cache, ignored))
                        context.headers.update(queued(answer.queued))
                    # a stored answer comes at once, however large
                    frames = await off_the_loop(events_weight(events), partial(renderer.deltas, events, answer))
                else:
                    frames = renderer.deltas(events, answer)
                if events and not isinstance(events[-1], Finished):
                    await stream.write(frames)
                else:
                    reply = await answer.reply()
                    # some surfaces say the whole answer again at its end
                    last = frames + await off_the_loop(reply_weight(reply), partial(renderer.done, reply, answer))
        except Exception as error:
            if not stream.begun:
                context.headers.update(queued(answer.queued))
                raise
            log_internal(error, context.id)
            last = renderer.failed(context.own_error(error), context.id)
        await stream.write(last, last=True)


class EventStream(Struct):
    """Frames for one client. Those that are written together go out in one send, which costs as much as for one.

    `begun`: the answer is a stream, whatever happens from now on. `sent`: its status line is out. `idle`: nothing was
    sent since the last tick. `writing` holds `keep_alive` between sends, and `ticking` holds sends between those.
    """

    send: Send
    content_type: bytes
    keep_alive: bytes
    begun: bool = False
    sent: bool = False
    idle: bool = True
    writing: bool = False
    ticking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def write(self, frames: bytes, *, last: bool = False) -> None:
        """In one send; nothing where there is no frame."""
        if not frames:
            return
        self.begun = self.writing = True
        self.idle = False
        if self.ticking.locked():
            async with self.ticking:
                pass
        if not self.sent:
            await self._begin()
        await self.send({"type": "http.response.body", "body": frames, "more_body": not last})
        self.writing = False

    async def tick(self) -> None:
        """Sends `keep_alive` where nothing was sent since the last tick."""
        if self.idle and not self.writing:
            self.begun = True
            async with self.ticking:
                if not self.sent:
                    await self._begin()
                await self.send({"type": "http.response.body", "body": self.keep_alive, "more_body": True})
        self.idle = True

    async def _begin(self) -> None:
        self.sent = True
        headers = [(b"content-type", self.content_type), *_STREAM_HEADERS]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
