"""uvicorn's HTTP protocol with the bounds that it lacks: on a request's head, on its rest, and on a slow reader."""

import asyncio
import time
from typing import Any, cast

from litestar.types import ASGIApp
from msgspec import Struct
from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..common.presence import EXTENSION, Presence
from ..common.requests import CAME, TIMEOUT
from .joined_writes import JoinedWrites

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

MAX_WAITING = 8
"""Requests that may wait behind the one that is being answered before no more are read."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one connection may take of memory and, in seconds, of time.

    A senselessly long key is still answered with 401, hence the size of a head. `rest_seconds` is for what is left
    of a body whose request was answered already: closing at once would take the answer from a client that still sends.
    """

    head_bytes: int = 2 * 1024 * 1024
    head_fields: int = 256
    head_seconds: float = 10.0
    rest_seconds: float = 5.0
    stalled_seconds: float = 30.0


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request is larger or slower than that, or whose client stopped reading.

    A head's bytes are counted by the data that came before its end, so that the bound is exact to one read. Waiting
    between requests is uvicorn's.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log &= self.config.access_log  # uvicorn writes one wherever its logger has a handler, whoever's
        self._bounds = bounds
        self._head_bytes = 0
        self._in_head = True
        self._arrival: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None
        self._presence = Presence()

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_within(self._bounds.head_seconds)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn notifies the last request of the connection only, which may not be the one that is being answered."""
        self._expect_within(None)
        self._stop_stall()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
            self._presence.leave()
        super().connection_lost(exc)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        joined = JoinedWrites(cast("ASGIApp", app), cycle)
        self._presence = Presence(sent=not cycle.more_body, body=joined)
        cycle.scope["extensions"] = {EXTENSION: cast("dict[object, object]", self._presence)}
        super()._start_asgi_task(cycle, cast("ASGI3Application", joined))

    @override
    def data_received(self, data: bytes) -> None:
        in_head = self._in_head
        self._head_bytes += len(data) if in_head else 0
        super().data_received(data)
        if in_head and self._head_bytes and self._arrival is None:  # most heads come whole
            self._expect_within(self._bounds.head_seconds)
        if self._in_head and self._head_bytes > self._bounds.head_bytes and not self.transport.is_closing():
            if not self._answering:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
        if 0 < len(self.pipeline) <= MAX_WAITING and len(self.cycle.body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()  # or it would go unnoticed that the client left

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """Drops fields after a body; too many of them before it make the parser fail, which is a 400."""
        if not self._in_head:
            return
        if len(self.headers) >= self._bounds.head_fields:
            raise ValueError("too many header fields")
        name = name.lower()
        if name == b"expect":
            super().on_header(name, value)
        else:
            self.headers.append((name, value))
            if name == TIMEOUT:
                self.scope["state"][CAME] = time.monotonic()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._expect_within(None)
        super().on_headers_complete()

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
        self._presence.body = None
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_reader()
        if unread:
            # a client that still waits for "100 Continue" will not send its body now
            self._expect_within(0 if self.expect_100_continue else self._bounds.rest_seconds)

    @override
    def send_400_response(self, msg: str) -> None:
        if self._answering:  # another answer is on its way: nothing may be written into it
            self.transport.close()
        else:
            super().send_400_response(msg)

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
