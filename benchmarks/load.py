"""The clients: requests over connections that stay, as cheap as can be, with every answer checked."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import msgspec
from msgspec import Struct
from servers import KEY
from typing_extensions import override

TEXT = b"event: delta"
_END = b"0\r\n\r\n"
_TAIL = 1024


class Answered(Struct, frozen=True):
    """Seconds until the first text and the end of an answer. `whole`: it did not end in an error."""

    status: int
    whole: bool
    cache: str
    first: float
    end: float


def chat(model: str, content: str, *, stream: bool = False) -> bytes:
    return conversation(model, [content], stream=stream)


def conversation(model: str, contents: Sequence[str], *, stream: bool = False) -> bytes:
    """Turns of the user's and the model's, beginning with the user's."""
    messages = [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(contents)]
    return post({"model": model, "stream": stream, "messages": messages})


def post(body: object) -> bytes:
    data = msgspec.json.encode(body)
    head = (
        f"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n"
        f"connection: keep-alive\r\nuser-agent: bench/1.0\r\nx-api-key: {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Connection(asyncio.Protocol):
    """Requests one after the other. `texts` came in the events of their streams."""

    def __init__(self) -> None:
        self.texts = 0
        self._answer: asyncio.Future[Answered] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("cut before its answer was whole"))

    async def ask(self, data: bytes) -> Answered:
        self._answer = asyncio.get_running_loop().create_future()
        self._head = self._tail = b""
        self._left: int | None = None
        self._first = 0.0
        self._began = time.perf_counter()
        self._transport.write(data)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    @override
    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._tail += data
            head, end, data = self._tail.partition(b"\r\n\r\n")
            if not end:
                return
            self._head, self._tail = head.lower(), b""
            length = self._head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._left = int(length) if length else -1
        if not self._first and (self._left >= 0 or TEXT in data):
            self._first = time.perf_counter()
        if self._left >= 0:
            self._left -= len(data)
            if self._left == 0:
                self._done()
        else:
            self.texts += data.count(TEXT)
            self._tail = (self._tail + data)[-_TAIL:]
            if self._tail.endswith(_END):
                self._done(whole=b"event: done" in self._tail)

    def _done(self, whole: bool = True) -> None:
        assert self._answer is not None
        self._answer.set_result(
            Answered(
                status=int(self._head[9:12]),
                whole=whole,
                cache=self._head.partition(b"x-gateway-cache: ")[2].partition(b"\r\n")[0].decode(),
                first=self._first - self._began,
                end=time.perf_counter() - self._began,
            )
        )


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    async with clients(port, 1) as (connection,):
        yield connection


@asynccontextmanager
async def clients(port: int, number: int) -> AsyncIterator[Sequence[Connection]]:
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(number)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


@contextmanager
def awake() -> Iterator[None]:
    """Within its block this process never sleeps.

    The kernel has a server that writes to a process which sleeps pay for waking its core, which on a virtual machine is
    an exit to its host. How often that is depends on how busy the client is, and not on what the server does.
    """
    loop = asyncio.get_running_loop()

    over = False

    def again() -> None:
        if not over:
            loop.call_soon(again)

    again()
    try:
        yield
    finally:
        over = True


async def load(
    connections: Sequence[Connection],
    requests: Iterator[bytes],
    *,
    apart: float = 0.0,
    cache: str = "",
    failing: bool = False,
) -> list[Answered]:
    """Sends every request, one at a time on each connection, and reads every answer whole.

    The connections begin so many seconds `apart`. Raises where an answer is not 200 and whole, but for `failing`, or
    has another word for the cache than `cache`.
    """
    answers: list[Answered] = []

    async def client(number: int, connection: Connection) -> None:
        await asyncio.sleep(number * apart)
        for data in requests:
            answer = await connection.ask(data)
            wrong = cache and answer.cache not in (cache, "")
            if wrong or not (failing or (answer.status == 200 and answer.whole)):
                raise RuntimeError(f"answered {answer}")
            answers.append(answer)

    async with asyncio.timeout(300), asyncio.TaskGroup() as tasks:
        for number, connection in enumerate(connections):
            tasks.create_task(client(number, connection))
    return answers
