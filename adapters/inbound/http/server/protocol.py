"""uvicorn's HTTP protocol with the bounds that it lacks: on a request's head, on its rest, and on a slow reader."""

import asyncio
import time
from operator import itemgetter
from typing import Any, cast

from litestar.types import ASGIApp
from msgspec import Struct
from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ..common.presence import EXTENSION, Presence
from ..common.requests import CAME
from .joined_writes import JoinedWrites
from .upgrades import HttpWithoutUpgrades

_name_of = itemgetter(0)
_HEAD_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PROBE_SECONDS = (0.0, 0.02, 0.1, 0.5)
"""After a client ended its side: the first write makes a host that has nobody there any more answer with a reset, and
the next one after it finds that out.
"""

MAX_WAITING = 8
"""Requests that may wait behind the one that is being answered before no more are read."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one connection may take of memory and, in seconds, of time.

    `rest_seconds` is for what is left of a body whose request was answered already: closing at once would take the
    answer from a client that still sends. `last_seconds` is for the first request of a connection that was accepted
    just before the server ended: it may be on its way.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 256
    head_seconds: float = 10.0
    rest_seconds: float = 5.0
    last_seconds: float = 0.5
    stalled_seconds: float = 30.0


class BoundedHttpProtocol(HttpWithoutUpgrades):
    """Closes a connection whose request is larger or slower than that, or whose client stopped reading.

    A client that has ended its own side of the connection gets its answer if it is still there.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep_alive_seconds: float = self.config.timeout_keep_alive
        self._idle_since: float | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.access_log &= self.config.access_log  # uvicorn writes one wherever its logger has a handler, whoever's
        self._bounds = bounds
        self._head_bytes = 0
        self._head_tail = b""
        self._in_head = True
        self._arrival: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None
        self._presence = Presence()
        self._ended = False
        self._last = False
        self._probe: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_within(self._bounds.head_seconds)

    @override
    def shutdown(self) -> None:
        """Closes an idle connection at once, and one that nobody has asked on yet after its first request."""
        if self.cycle is None:
            self._last = True
            self._expect_within(self._bounds.last_seconds)
        else:
            super().shutdown()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn notifies the last request of the connection only, which may not be the one that is being answered."""
        self._expect_within(None)
        self._stop_stall()
        for timer in (self._probe, self._idle):
            if timer is not None:
                timer.cancel()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
            self._presence.leave()
        super().connection_lost(exc)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        joined = JoinedWrites(cast("ASGIApp", app), cycle)
        self._presence = Presence(sent=not cycle.more_body, body=joined, take_sent=joined.take_sent)
        cycle.scope["extensions"] = {EXTENSION: cast("dict[object, object]", self._presence)}
        super()._start_asgi_task(cycle, cast("ASGI3Application", joined))

    @override
    def data_received(self, data: bytes) -> None:
        in_head = self._in_head
        if in_head:
            self._head_bytes += len(data)
            excess = self._head_bytes - self._bounds.head_bytes
            if excess > 0:
                met = self._head_tail + data
                if met.find(_HEAD_END, 0, len(met) - excess) < 0:
                    self._refuse_head()
                    return
        super().data_received(data)
        if in_head and self._head_bytes:  # most heads come whole
            self._head_tail = (self._head_tail + data)[1 - len(_HEAD_END) :]
            if self._arrival is None:
                self._expect_within(self._bounds.head_seconds)
        if 0 < len(self.pipeline) <= MAX_WAITING and len(self.cycle.body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()  # or it would go unnoticed that the client left

    @override
    def eof_received(self) -> bool:  # type: ignore[override]
        """Goes on with the answer: who ends one side of a connection may read on (RFC 9112, section 9.6).

        Who closed the whole looks the same till something is written, which only HTTP/1.1 has something for.
        """
        if not self._answering or not self._in_head or self.cycle.scope["http_version"] != "1.1":
            return False
        self._ended = True
        self._look_for_client(0)
        return True

    def _look_for_client(self, turn: int) -> None:
        """Makes the connection fail where nobody is there: by an interim answer, or a comment in the stream."""
        self._probe = None
        if self._answered is None or self.transport.is_closing():
            return
        if not self._answered.response_started:
            self.transport.write(_CONTINUE)
        elif (body := self._presence.body) is not None and self._presence.idle_part and body.free:
            body.write(self._presence.idle_part)
        if turn + 1 < len(_PROBE_SECONDS):
            self._probe = self.loop.call_later(_PROBE_SECONDS[turn + 1], self._look_for_client, turn + 1)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """Drops fields after a body."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    @override
    def on_headers_complete(self) -> None:
        """Too many fields make the parser fail, which is a 400."""
        if len(self.headers) > self._bounds.head_fields:
            raise ValueError("too many header fields")
        if b"expect" in map(_name_of, self.headers):
            self.expect_100_continue = dict(self.headers)[b"expect"].lower() == b"100-continue"
        self.scope["state"][CAME] = time.monotonic()
        self._in_head = False
        self._head_bytes = 0
        self._head_tail = b""
        self._expect_within(None)
        super().on_headers_complete()
        if self._last:
            self.cycle.keep_alive = False

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._expect_within(None)
        if self.cycle is self._answered:
            self._presence.sent = True
            self.flow.resume_reading()  # or it would go unnoticed that the client left

    @override
    def on_response_complete(self) -> None:
        unread = not self._in_head and not self.pipeline
        self._presence.body, self._presence.take_sent = None, bytes  # or what serves this request would be a cycle
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self._go_on()
        if self._ended and not self._answering:
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._watch_reader()
        if unread:
            # a client that still waits for "100 Continue" will not send its body now
            self._expect_within(0 if self.expect_100_continue else self._bounds.rest_seconds)

    def _go_on(self) -> None:
        """With the request that waits, or with waiting for one."""
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self._keep_alive_seconds, self._check_idle)

    def _check_idle(self) -> None:
        """One timer serves a connection's requests: to set and to stop one for each costs as much as a look-up."""
        self._idle = None
        if self._idle_since is None:
            return
        left = self._idle_since + self._keep_alive_seconds - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._check_idle)
        else:
            self.timeout_keep_alive_handler()

    @override
    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse_head(self) -> None:
        if not self.transport.is_closing():
            self._refuse(431, f"The head of a request may have {self._bounds.head_bytes} bytes.")

    def _refuse(self, status: int, text: str) -> None:
        """Answers, unless another answer is on its way, into which nothing may be written, and closes."""
        if self._answering and self.cycle is self._answered and not self.cycle.response_started and not self._in_head:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._presence.leave()
        elif self._answering:
            self.transport.close()
            return
        fields = (b"content-type: text/plain; charset=utf-8", b"x-content-type-options: nosniff", b"connection: close")
        head = b"\r\n".join((*fields, b"content-length: %d" % len(text)))
        self.transport.write(STATUS_LINE[status] + head + _HEAD_END + text.encode())
        self.transport.close()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stall()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_within(self, seconds: float | None) -> None:
        """Gives up a connection on which what is expected now does not arrive in time; None expects nothing."""
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._arrival = None
        if self._in_head and self._answering:  # what came of the next head must not cut this answer
            self._expect_within(self._bounds.head_seconds)
        elif not self.transport.is_closing():
            self.transport.close()

    def _watch_reader(self) -> None:
        self._stop_stall()
        unread = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(self._bounds.stalled_seconds, self._check_reader, unread)

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _check_reader(self, before: int) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread and unread >= before:
            self.transport.abort()
        elif unread:
            self._watch_reader()
