"""One connection of redis-py, multiplexed: the commands of one turn of the loop are sent in one write.

Replies come in the order of the commands, so each goes to its caller, by its place in a queue. A caller that left
keeps that place, and the reply is dropped: a cancelled call can't leave a reply for another.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from typing_extensions import override

from .failures import StoreAway, StoreError, failure_of

RedisReply: TypeAlias = Any
"""bytes, int, None, or a list of replies."""

MAX_WAITING = 16_384
MAX_UNSENT_BYTES = 16 << 20
_MORE = object()


class CommandPipe(asyncio.Protocol):
    """Each call is answered, or fails with `StoreAway`, within `patience` seconds. A pipe so long silent is closed."""

    def __init__(self, lost: Callable[["CommandPipe"], None], patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._lost = lost
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._connection: AbstractConnection | None = None
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._asked: deque[tuple[asyncio.Future[RedisReply], float]] = deque()
        self._unsent: list[bytes] = []
        self._heard = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self.gone: asyncio.Future[None] = self._loop.create_future()
        """Done when the socket is closed."""

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

    def send(self, packed: bytes) -> "asyncio.Future[RedisReply]":
        """The reply to one command, as a future that raises `StoreAway` or `StoreRefused`."""
        transport = self._transport
        if transport is None:
            raise StoreAway("not asked: the connection is closed")
        if len(self._asked) >= MAX_WAITING or transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise StoreAway("not asked: too many calls are waiting")
        reply: asyncio.Future[RedisReply] = self._loop.create_future()
        now = self._loop.time()
        self._asked.append((reply, now))
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(packed)
        if self._alarm is None:
            self._wake(now + self._patience)
        return reply

    def close(self, why: str = "the connection was closed") -> None:
        """Every caller that waits gets `StoreAway`."""
        transport, self._transport = self._transport, None
        if self._alarm is not None:
            self._alarm.cancel()
        while self._asked:
            _settle(self._asked.popleft()[0], StoreAway(why))
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
        self.close("the connection broke off")
        self.gone.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _MORE:
                _settle(self._asked.popleft()[0], reply)
        except (hiredis.ProtocolError, IndexError):
            self.close("the server answered what nobody asked, or not in its protocol")

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None:
            self._transport.write(data)

    def _wake(self, when: float) -> None:
        self._alarm = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """Tell those whose time is up; close the pipe where nothing at all was heard for so long.

        Event loops hand out what has arrived before timers that are due: a loop that was held up blames no server.
        """
        self._alarm = None
        if not self._asked:
            return
        now = self._loop.time()
        # the sum that callers' times are told by too: a difference of floats can round to less
        if max(self._heard, self._asked[0][1]) + self._patience <= now:
            self.close("no answer in time")
            return
        for reply, sent in self._asked:
            if sent + self._patience > now:
                self._wake(sent + self._patience)
                return
            _settle(reply, StoreAway("no answer in time"))
        self._wake(self._heard + self._patience)


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
