"""An answer on its way to the client as server-sent events. It ends when the client leaves."""

import asyncio

from litestar.types import Receive, Scope, Send
from msgspec import Struct, field

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.events import Finished, Started

from .presence import WhilePresent
from .problems import log_internal
from .renderer import ChatRenderer
from .request_context import RequestContext
from .response_headers import Headers, provenance
from .ticks import Ticks
from .whole_reply import Ask

KEEP_ALIVE = b": keep-alive\n\n"
SEND_BYTES = 64 * 1024
"""How much is gathered at most before it is sent."""
_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]


class Pace(Struct, frozen=True, kw_only=True):
    """How long the adapter waits for a client, in seconds."""

    body: float = 10.0
    keep_alive: float = 10.0


class StreamReply(Struct, frozen=True):
    """The answer as server-sent events.

    The first event commits: a failure before it is raised, and becomes an ordinary error, unless the client has waited
    so long that the status line was sent without knowing.
    """

    context: RequestContext
    ask: Ask
    renderer: ChatRenderer
    pace: Pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(send)
        async with self.ask() as answer:
            self.context.headers.update(self.context.error_style.rate_headers(answer.decision))
            if answer.ready:
                await self._write(answer, stream)
            else:
                with WhilePresent(self.context.presence, receive), Ticks(stream.tick, self.pace.keep_alive):
                    await self._write(answer, stream)

    async def _write(self, answer: Answer, stream: "EventStream") -> None:
        context, renderer = self.context, self.renderer
        try:
            async for event in answer:
                frame = b""
                match event:
                    case Started():
                        if not stream.begun:
                            context.headers.update(provenance(answer.endpoint, answer.cache, answer.ignored))
                    case Finished():
                        pass
                    case delta:
                        frame = renderer.delta(delta, answer)
                await stream.write(frame, wait=answer.more)
            last = renderer.done(await answer.reply(), answer)
        except Exception as error:
            if not stream.begun:
                raise
            log_internal(error, context.id)
            last = renderer.failed(error, context.id)
        await stream.write(last, last=True)


class EventStream(Struct):
    """Frames for one client. Those that are there at the same time go out in one send, which costs as much as for one.

    `begun`: the answer is a stream, whatever happens from now on. `sent`: its status line is out. `idle`: nothing was
    sent since the last tick. The lock keeps the comments of `tick` between sends.
    """

    send: Send
    begun: bool = False
    sent: bool = False
    idle: bool = True
    frames: list[bytes] = field(default_factory=list)
    size: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def write(self, frame: bytes, *, wait: bool = False, last: bool = False) -> None:
        """Sends it with all that waits. With `wait` it waits itself, for the next one, while they are few."""
        if frame:
            self.begun = True
            self.frames.append(frame)
            self.size += len(frame)
        if not self.frames or (wait and self.size < SEND_BYTES):
            return
        async with self.lock:
            data = b"".join(self.frames)
            self.frames.clear()
            self.size = 0
            self.idle = False
            if not self.sent:
                self.sent = True
                await self.send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_HEADERS)})
            await self.send({"type": "http.response.body", "body": data, "more_body": not last})

    async def tick(self) -> None:
        """Sends a comment where nothing was sent since the last tick."""
        if self.idle and not self.lock.locked():
            await self.write(KEEP_ALIVE)
        self.idle = True
