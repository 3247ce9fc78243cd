"""A server on loopback that counts what it has open, and ends it with itself."""

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from .waiting import eventually


class Loopback(ABC):
    """`receive_bytes` is the receive buffer of its sockets, where a test needs a small one."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, receive_bytes: int | None = None) -> None:
        self.url = ""
        self.connections = 0
        self.open_calls = 0
        self.left = asyncio.Event()
        """A client left before its answer was whole."""
        self._tls = tls
        self._receive_bytes = receive_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Self]:
        bound = socket.socket(proto=socket.IPPROTO_TCP)  # or asyncio leaves Nagle's algorithm on: 40 ms an answer
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_bytes is not None:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        bound.bind(("127.0.0.1", port))
        listener = await asyncio.start_server(self._connected, sock=bound, ssl=self._tls)
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{bound.getsockname()[1]}"
        try:
            yield self
        finally:
            listener.close()
            for writer in tuple(self._writers):  # a connection's task ends by its connection: 3.11 logs one cancelled
                writer.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def quiet(self) -> int:
        """How many calls are open once those that end have ended."""
        await eventually(lambda: not self.open_calls)
        return self.open_calls

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.serve(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
