"""A Gemini that does what a test says, on a real socket, faults included, and keeps what it was asked."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias

from ..waiting import eventually
from .rules import objection


@dataclass(frozen=True)
class Hold:
    """Say nothing until the client leaves."""


@dataclass(frozen=True)
class Wait:
    """Go on when the test says so."""

    event: asyncio.Event


@dataclass(frozen=True)
class Reset:
    """Reset the connection."""


@dataclass(frozen=True)
class Cut:
    """Close the connection, as if that were all."""


@dataclass(frozen=True)
class Flood:
    """The same bytes again and again, until the client leaves or `times` are sent."""

    data: bytes
    times: int | None = None


Step: TypeAlias = bytes | Hold | Wait | Reset | Cut | Flood


@dataclass(frozen=True)
class Answer:
    """`framed`: in HTTP chunks with an end; otherwise the end of the connection is the end of the answer."""

    steps: Sequence[Step]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framed: bool = True


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


Script: TypeAlias = Answer | Callable[[Asked], Answer]

BEFORE_THE_HEAD: Final = Answer((Hold(),), status=0)
"""Takes the request, and answers nothing."""


class GeminiServer:
    """Answers each request with the next script, and with the last one from then on; but what the vendor would refuse
    of a request, by its model, is refused.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts: list[Script] = list(scripts)
        self.asked: list[Asked] = []
        self.received = b""
        self.connections = 0
        self.open_calls = 0
        self.parked = asyncio.Event()
        """It has said what it had to say, and holds the line."""
        self.left = asyncio.Event()
        """A client left before its answer was whole."""
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._answered = 0
        self.open_calls = 0

    def forget(self) -> None:
        self.asked.clear()
        self.received = b""

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("not started")
        port = self._server.sockets[0].getsockname()[1]
        return f"http{'s' if self._tls else ''}://127.0.0.1:{port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["GeminiServer"]:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        try:
            yield self
        finally:
            self._server.close()
            for writer in tuple(self._writers):  # a connection's task ends by its connection: 3.11 logs one cancelled
                writer.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def quiet(self) -> int:
        """How many calls are open once those that end have ended."""
        await eventually(lambda: not self.open_calls)
        return self.open_calls

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        begin = await self._read(reader.readexactly(1))
        if begin == b"\x16":  # a TLS handshake, where none is spoken
            writer.write(b"HTTP/1.1 400 Odd\r\n\r\n")
            return False
        head = begin + await self._read(reader.readuntil(b"\r\n\r\n"))
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        content = await self._read(reader.readexactly(int(headers.get("content-length", "0"))))
        asked = Asked(method, path, headers, content)
        self.asked.append(asked)
        script = self.scripts[min(self._answered, len(self.scripts) - 1)]
        self._answered += 1
        answer = _refusal(asked) or (script(asked) if callable(script) else script)
        whole = False
        self.open_calls += 1
        try:
            with suppress(ConnectionError):
                whole = await self._answer(answer, reader, writer)
        finally:
            self.open_calls -= 1
        if not whole:
            self.left.set()
        return whole and answer.framed

    async def _read(self, reading: Awaitable[bytes]) -> bytes:
        data = await reading
        self.received += data
        return data

    async def _answer(self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """True where it was said to its end."""
        if answer.status:
            framing = "Transfer-Encoding: chunked" if answer.framed else "Connection: close"
            lines = [f"HTTP/1.1 {answer.status} Said", framing, *(f"{k}: {v}" for k, v in answer.headers.items())]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        for step in answer.steps:
            if not await self._say(step, answer.framed, reader, writer):
                return False
        if answer.framed:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _say(self, step: Step, framed: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False where nothing can follow."""
        match step:
            case bytes():
                await self._write(step, framed, writer)
            case Flood(data=data, times=times):
                for _ in count() if times is None else range(times):
                    await self._write(data, framed, writer)
            case Wait(event=event):
                await event.wait()
            case Hold():
                await writer.drain()
                self.parked.set()
                await reader.read(1)
                return False
            case Reset():
                await writer.drain()
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case Cut():
                await writer.drain()
                return False
        return True

    async def _write(self, data: bytes, framed: bool, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" if framed else data)
        if writer.transport.get_write_buffer_size() > 65_536:
            self.parked.set()
        await writer.drain()


def _refusal(asked: Asked) -> Answer | None:
    """What the vendor would answer to a request that breaks its rules, whatever the script says."""
    words = objection(asked.path, asked.content)
    if words is None:
        return None
    body = {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}
    return Answer((json.dumps(body).encode(),), status=400, headers={"Content-Type": "application/json"})
