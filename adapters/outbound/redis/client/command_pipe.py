"""One connection of redis-py, multiplexed: the commands of one turn of the loop are sent in one write.

Replies come in the order of the commands, so each goes to its caller, by its place in a queue. A caller that left
keeps that place, and the reply is dropped: a cancelled call can't leave a reply for another.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from typing_extensions import override

from .failures import StoreAway, StoreError, StoreUnheard, failure_of

RedisReply: TypeAlias = Any
"""bytes, int, None, or a list of replies."""

MAX_WAITING = 16_384
MAX_UNSENT_BYTES = 16 << 20
LATE_SECONDS = 0.02
"""An alarm that rings so much later than it was set for tells of a loop that was held up."""
LOOK_AGAIN_SECONDS = 0.05
"""How long a server is given to have answered after such a hold-up."""
_MORE = object()


class PipeEnd(StrEnum):
    """`broken`: with calls that waited. `silent`: nothing came for a call's whole time. `closed`: all else."""

    CLOSED = "closed"
    BROKEN = "broken"
    SILENT = "silent"


class CommandPipe(asyncio.Protocol):
    """Each call is answered, or fails with `StoreUnheard`, within `patience` seconds, and a quick one in `look_up`.

    A pipe that was silent for all of `patience`, while somebody waited, is closed.
    """

    def __init__(self, lost: Callable[["CommandPipe"], None], patience: float, look_up: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._lost = lost
        self._patience = patience
        self._look_up = patience if look_up is None else look_up
        self._transport: asyncio.Transport | None = None
        self._connection: AbstractConnection | None = None
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._asked: deque[tuple[asyncio.Future[RedisReply], float]] = deque()
        self._quick: deque[tuple[asyncio.Future[RedisReply], float]] = deque()
        self._unsent: list[bytes] = []
        self._gathered = 0.0
        self._heard = 0.0
        self._due = 0.0
        self._looks_again = False
        self._alarm: asyncio.TimerHandle | None = None
        self.gone: asyncio.Future[None] = self._loop.create_future()
        """Done when the socket is closed."""
        self.end: PipeEnd | None = None

    def take_over(self, connection: AbstractConnection) -> None:
        """Send and receive over `connection` from now on. Nothing may be left to read there.

        redis-py reads one whole reply a call, for one caller, and has no other way to its socket than its streams.
        """
        writer = connection._writer
        if writer is None or writer.transport.is_closing():
            raise StoreAway("the connection broke off")
        self._connection = connection  # its streams would close the socket if they were forgotten
        writer.transport.set_protocol(self)
        self.connection_made(writer.transport)

    @property
    def closed(self) -> bool:
        return self._transport is None

    @property
    def waiting(self) -> int:
        """Replies that are still to come."""
        return len(self._asked)

    def send(self, packed: bytes, quick: bool = False) -> "asyncio.Future[RedisReply]":
        """The reply to one command, as a future that raises `StoreAway` or `StoreRefused`."""
        transport = self._transport
        if transport is None:
            raise StoreAway("not asked: the connection is closed")
        if len(self._asked) >= MAX_WAITING or transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise StoreAway("not asked: too many calls are waiting")
        reply: asyncio.Future[RedisReply] = self._loop.create_future()
        now = self._loop.time()
        asked = (reply, now)
        self._asked.append(asked)
        if not self._unsent:
            self._gathered = now
            self._loop.call_soon(self._flush)
        self._unsent.append(packed)
        if quick:
            self._quick.append(asked)
        if self._alarm is None or (quick and self._due > now + self._look_up):
            self._wake(now + self._look_up)
        return reply

    def close(self, why: str = "the connection was closed", end: PipeEnd = PipeEnd.CLOSED) -> None:
        """Every caller that waits gets `StoreUnheard`."""
        transport, self._transport = self._transport, None
        if self.end is None:
            self.end = end
        if self._alarm is not None:
            self._alarm.cancel()
        self._quick.clear()
        while self._asked:
            _settle(self._asked.popleft()[0], StoreUnheard(why))
        if transport is not None:
            transport.abort()
            if self._connection is not None:
                self._connection._close()
            self._lost(self)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.close("the connection broke off", PipeEnd.BROKEN if self._asked else PipeEnd.CLOSED)
        self.gone.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _MORE:
                _settle(self._asked.popleft()[0], reply)
        except (hiredis.ProtocolError, IndexError):
            self.close("the server answered what nobody asked, or not in its protocol", PipeEnd.BROKEN)

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        now = self._loop.time()
        if now - self._gathered > LATE_SECONDS:
            self._heard = now  # nobody was silent about what had not been sent
        if self._transport is not None:
            self._transport.write(data)

    def _wake(self, when: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._due = when
        self._alarm = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """Tell those whose time is up; close the pipe where nothing at all was heard for so long.

        Not all event loops hand out what has arrived before timers that are due: one that was held up looks once
        more, and blames no server for its own delay.
        """
        self._alarm = None
        if not self._asked:
            self._quick.clear()
            return
        now = self._loop.time()
        self._looks_again = not self._looks_again and now - self._due > LATE_SECONDS
        if self._looks_again:
            self._wake(now + LOOK_AGAIN_SECONDS)
            return
        # the sum that callers' times are told by too: a difference of floats can round to less
        silent = max(self._heard, self._asked[0][1]) + self._patience
        if silent <= now:
            self.close("no answer in time", PipeEnd.SILENT)
            return
        self._wake(min(silent, self._next_call(now), self._next_quick(now)))

    def _next_quick(self, now: float) -> float:
        """When the first of the quick calls is given up that is still waiting."""
        quick = self._quick
        while quick and (quick[0][0].done() or quick[0][1] + self._look_up <= now):
            _settle(quick.popleft()[0], StoreUnheard("no answer in time"))
        return quick[0][1] + self._look_up if quick else math.inf

    def _next_call(self, now: float) -> float:
        """The same of all calls. Who was given up keeps its place."""
        for reply, sent in self._asked:
            if sent + self._patience > now:
                return sent + self._patience
            _settle(reply, StoreUnheard("no answer in time"))
        return math.inf


def packed(*command: str | bytes | int) -> bytes:
    """A command as it is sent."""
    data: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub says: a tuple of one
    return data


def _settle(future: "asyncio.Future[RedisReply]", reply: RedisReply) -> None:
    if future.done():
        return
    if isinstance(reply, StoreError):
        future.set_exception(reply)
    elif isinstance(reply, hiredis.ReplyError):
        future.set_exception(failure_of(str(reply)))
    else:
        future.set_result(reply)
