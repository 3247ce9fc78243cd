"""Stands before a foreign server, and counts the calls that it has open."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from ..waiting import eventually

LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class Relay:
    """A call is open from its first byte until the last chunk of its answer, or the end of its connection. A server
    whose answers do not all come in chunks is asked to close the connection after each.
    """

    def __init__(self, port: int, *, chunked: bool) -> None:
        self._to = port
        self._asked_along = b"" if chunked else b"Connection: close\r\n"
        self._calls: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    @property
    def open(self) -> int:
        return len(self._calls)

    async def open_calls(self) -> int:
        """How many are open once those that end have ended."""
        await eventually(lambda: not self._calls)
        return self.open

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._connect(await reader.readuntil(b"\r\n"), reader, writer)
        finally:
            self._calls.discard(writer)
            self._writers.discard(writer)
            writer.close()

    async def _connect(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._calls.add(writer)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        far_writer.write(first + self._asked_along)
        try:
            await _either(self._ask(reader, writer, far_writer), self._answer(far_reader, writer))
        finally:
            far_writer.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, far_writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65_536):
            self._calls.add(writer)
            far_writer.write(data)
            await far_writer.drain()

    async def _answer(self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tail = b""
        while data := await far_reader.read(65_536):
            tail = (tail + data)[-len(LAST_CHUNK) :]
            if tail == LAST_CHUNK:
                self._calls.discard(writer)
            writer.write(data)
            await writer.drain()

    async def aclose(self) -> None:
        for writer in tuple(self._writers):  # a connection's task ends by its connection: 3.11 logs one cancelled
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _either(*ways: Coroutine[Any, Any, None]) -> None:
    """Until one side has closed: neither of the servers here answers a half-closed connection."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def relay(port: int, *, chunked: bool) -> AsyncIterator[Relay]:
    made = Relay(port, chunked=chunked)
    listener = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        listener.close()
        await made.aclose()
        await listener.wait_closed()
