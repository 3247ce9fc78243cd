"""A vendor on a real socket that does what a test says, faults included, and keeps what it was asked."""

import asyncio
import json
import socket
import ssl
import struct
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final, TypeAlias

from typing_extensions import override

from .loopback import Loopback


@dataclass(frozen=True)
class Hold:
    """Say nothing until the client leaves."""


@dataclass(frozen=True)
class Wait:
    """Go on when the test says so, unless the client leaves before."""

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
Script: TypeAlias = Iterable[Step]
"""What happens on the wire from the head of an answer on. The connection stays open where nothing ends it."""

LAST: Final = b"0\r\n\r\n"


def head(status: int = 200, headers: Mapping[str, str] | None = None, *, framed: bool = True) -> bytes:
    framing = "Transfer-Encoding: chunked" if framed else "Connection: close"
    lines = [f"HTTP/1.1 {status} Said", framing, *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Nothing for nothing: a chunk of no bytes is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


@dataclass(frozen=True)
class Answer(Iterable[Step]):
    """`framed`: in HTTP chunks with an end; otherwise the end of the connection is the end of the answer."""

    steps: Sequence[Step]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framed: bool = True

    @override
    def __iter__(self) -> Iterator[Step]:
        yield head(self.status, self.headers, framed=self.framed)
        yield from map(_framed, self.steps) if self.framed else self.steps
        yield LAST if self.framed else Cut()


def whole(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer((data,), status, {"Content-Type": "application/json; charset=UTF-8"} | dict(headers or {}))


def _framed(step: Step) -> Step:
    match step:
        case bytes():
            return chunk(step)
        case Flood(data=data, times=times):
            return Flood(chunk(data), times)
    return step


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


Reaction: TypeAlias = Script | Callable[[Asked], Script]

BEFORE_THE_HEAD: Final[Script] = (Hold(),)
"""Takes the request, and answers nothing."""


class ScriptedVendor(Loopback):
    """Answers by `scripts`, one after the other, the last one for ever; a function gets what was asked."""

    def __init__(self, *scripts: Reaction, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.scripts: Sequence[Reaction] = list(scripts)
        self.asked: list[Asked] = []
        self.received = b""
        self.sent = 0
        """Bytes of answers."""
        self.parked = asyncio.Event()
        """It has said what it had to say, and holds the line."""
        self._played = 0

    def forget(self) -> None:
        self.asked.clear()
        self.received = b""

    @abstractmethod
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script: ...

    def scripted(self, asked: Asked) -> Script:
        script = self.scripts[min(self._played, len(self.scripts) - 1)]
        self._played += 1
        return script(asked) if callable(script) else script

    @override
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (asked := await self._read_request(reader)) is not None:
            self.asked.append(asked)
            self.open_calls += 1
            try:
                for step in await self.answer_to(asked, reader):
                    if not await self._do(step, reader, writer):
                        return
            except ConnectionError:
                self.left.set()
                raise
            finally:
                self.open_calls -= 1
        writer.write(b"HTTP/1.1 400 Odd\r\n\r\n")

    async def _read_request(self, reader: asyncio.StreamReader) -> Asked | None:
        """None for a TLS handshake, where none is spoken."""
        begin = await self._read(reader.readexactly(1))
        if begin == b"\x16":
            return None
        first, *lines = (begin + await self._read(reader.readuntil(b"\r\n\r\n"))).decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        content = await self._read(reader.readexactly(int(headers.get("content-length", "0"))))
        return Asked(method, path, headers, content)

    async def _read(self, reading: Awaitable[bytes]) -> bytes:
        data = await reading
        self.received += data
        return data

    async def _do(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False where nothing can follow."""
        match step:
            case bytes():
                await self._write(step, writer)
            case Flood(data=data, times=times):
                for again in repeat(data) if times is None else repeat(data, times):
                    await self._write(again, writer)
            case Wait(event=event):
                return await self.comes(event, reader)
            case Hold():
                self.parked.set()
                await reader.read(1)
                self.left.set()
                return False
            case Cut():
                return False
            case Reset():
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
        return True

    async def comes(self, event: asyncio.Event, reader: asyncio.StreamReader) -> bool:
        """False where the client left first."""
        waiting = asyncio.ensure_future(event.wait()), asyncio.ensure_future(reader.read(1))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)  # or one would still read when the next request comes
        if not event.is_set():
            self.left.set()
        return event.is_set()

    async def _write(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if writer.transport.get_write_buffer_size() > 65_536:
            self.parked.set()
        await writer.drain()
        self.sent += len(data)
