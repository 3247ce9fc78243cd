"""A listener that takes a bounded number of connections a turn, and refuses where no descriptor is left for one."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

BATCH: Final = 32
"""Connections that one turn of the event loop accepts: a thousand at once must not keep it from who is there."""
RETRY_SECONDS: Final = 0.1
_NO_MORE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BODY: Final = (
    b'{"detail":"This gateway has no file descriptor left for a connection.","code":"overloaded","status":503}'
)
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)

log = logging.getLogger("llm_gateway.http")


class Listener:
    """Accepts on one socket, in the running event loop.

    uvloop's own accepts whatever waits in one turn, and closes its listener where no descriptor is left.
    """

    def __init__(self, listening: socket.socket, new_protocol: Callable[[], asyncio.Protocol]) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._new_protocol = new_protocol
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[object]] = set()
        self._spare = _spare()
        self._serving = True
        self._short = False
        self._loop.add_reader(listening, self._accept)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return (self._socket,) if self._serving else ()

    def is_serving(self) -> bool:
        return self._serving

    def close(self) -> None:
        if not self._serving:
            return
        self._serving = False
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._spare is not None:
            os.close(self._spare)

    async def begun(self) -> None:
        """Once whatever was accepted is a connection."""
        if self._beginning:
            await asyncio.wait(self._beginning)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for once it is closed."""

    def _accept(self) -> None:
        for _ in range(BATCH):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_MORE:
                    raise
                self._refuse()
                return
            self._short = False
            connection.setblocking(False)
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._new_protocol, connection)
        except OSError:  # it was lost in the meantime, or there is no descriptor for more of it
            connection.close()

    def _refuse(self) -> None:
        """One that waits, by the descriptor that is kept for that; the rest waits a moment."""
        if not self._short:
            self._short = True
            log.error("no file descriptor is left for a connection: they are refused with 503")
        if self._spare is not None:
            os.close(self._spare)
            try:
                connection, _ = self._socket.accept()
            except OSError:
                pass
            else:
                with connection:
                    _say(connection)
        self._spare = _spare()
        self._loop.remove_reader(self._socket)
        self._loop.call_later(RETRY_SECONDS if self._spare is None else 0, self._again)

    def _again(self) -> None:
        if self._serving:
            self._loop.add_reader(self._socket, self._accept)


def _spare() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None


def _say(connection: socket.socket) -> None:
    """What can be said at once. What came is read, as closing before would take the answer back."""
    connection.setblocking(False)
    try:
        connection.send(_REFUSAL)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    except OSError:
        return
