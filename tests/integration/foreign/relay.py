"""Stands before a foreign server, and counts the calls that it has open."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from typing_extensions import override

from ..loopback import Loopback

LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class Relay(Loopback):
    """A call is open from its first byte until the last chunk of its answer, or the end of its connection. A server
    whose answers do not all come in chunks is asked to close the connection after each.
    """

    def __init__(self, port: int, *, chunked: bool) -> None:
        super().__init__()
        self._to = port
        self._asked_along = b"" if chunked else b"Connection: close\r\n"
        self._calls: set[asyncio.StreamWriter] = set()

    @override
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._connect(await reader.readuntil(b"\r\n"), reader, writer)
        finally:
            self._ended(writer)

    def _began(self, writer: asyncio.StreamWriter) -> None:
        self._calls.add(writer)
        self.open_calls = len(self._calls)

    def _ended(self, writer: asyncio.StreamWriter) -> None:
        self._calls.discard(writer)
        self.open_calls = len(self._calls)

    async def _connect(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._began(writer)
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
            self._began(writer)
            far_writer.write(data)
            await far_writer.drain()

    async def _answer(self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tail = b""
        while data := await far_reader.read(65_536):
            tail = (tail + data)[-len(LAST_CHUNK) :]
            if tail == LAST_CHUNK:
                self._ended(writer)
            writer.write(data)
            await writer.drain()


async def _either(*ways: Coroutine[Any, Any, None]) -> None:
    """Until one side has closed: neither of the servers here answers a half-closed connection."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
