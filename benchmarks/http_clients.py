"""What HTTP clients take of the processor under a vendor adapter's work, for ADR-0024: `http_clients.py [rounds]`.

Only those that are installed beside aiohttp are measured: pyreqwest, httpx2 and niquests are no dependencies here. The
vendor is a process of its own. CPU of this process alone, medians of rounds in turn.
"""

import asyncio
import importlib
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

import aiohttp
import uvloop

from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.client import VendorHttp
from llm_gateway.adapters.outbound.vendor_http.framing import ServerSentEvents

BODY: Final = b'{"messages":[{"role":"user","content":"%s"}]}' % (b"x" * 1_000)
EVENT: Final = b'data: {"candidates":[{"content":{"parts":[{"text":"%s"}]}}]}\r\n\r\n' % (b"y" * 100)
CALLS: Final = 1_600
AT_ONCE: Final = 32
CHUNKS: Final = 1_000
PAUSE_SECONDS: Final = 0.001

Ask: TypeAlias = Callable[[], Awaitable[object]]
Client: TypeAlias = Callable[[str, AsyncExitStack], Awaitable[tuple[Ask, Ask]]]
"""Gives a call for a whole answer and one that reads a stream to its end."""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not reader.at_eof() and (head := await reader.readuntil(b"\r\n\r\n")):
        await reader.readexactly(len(BODY))
        if head.startswith(b"POST /whole"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
            continue
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(CHUNKS):
            writer.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
            await asyncio.sleep(PAUSE_SECONDS)
        writer.write(b"0\r\n\r\n")


def _vendor(listener: socket.socket) -> None:
    async def serve() -> None:
        async with await asyncio.start_server(_answer, sock=listener) as server:
            await server.serve_forever()

    uvloop.run(serve())


async def _ours(url: str, stack: AsyncExitStack) -> tuple[Ask, Ask]:
    clock = SystemClock()
    http = VendorHttp(url, clock)
    stack.push_async_callback(http.aclose)

    async def streamed() -> None:
        now = clock.monotonic()
        stream = http.stream(
            "/stream", BODY, framing=ServerSentEvents(), first_by=now + 60.0, until=now + 60.0, idle=60.0
        )
        while await stream.next() is not None:
            pass

    return lambda: http.whole("POST", "/whole", BODY, until=clock.monotonic() + 60.0), streamed


async def _aiohttp(url: str, stack: AsyncExitStack) -> tuple[Ask, Ask]:
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))

    async def whole() -> None:
        async with session.post(f"{url}/whole", data=BODY) as response:
            await response.read()

    async def streamed() -> None:
        async with session.post(f"{url}/stream", data=BODY) as response:
            await _split(response.content.iter_any())

    return whole, streamed


async def _httpx2(url: str, stack: AsyncExitStack) -> tuple[Ask, Ask]:
    httpx2 = importlib.import_module("httpx2")
    client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=None))

    async def whole() -> None:
        (await client.post(f"{url}/whole", content=BODY)).read()

    async def streamed() -> None:
        async with client.stream("POST", f"{url}/stream", content=BODY) as response:
            await _split(response.aiter_bytes())

    return whole, streamed


async def _niquests(url: str, stack: AsyncExitStack) -> tuple[Ask, Ask]:
    niquests = importlib.import_module("niquests")
    session = await stack.enter_async_context(niquests.AsyncSession(pool_maxsize=AT_ONCE))
    session.trust_env = False

    async def whole() -> None:
        assert (await session.post(f"{url}/whole", data=BODY)).content

    async def streamed() -> None:
        response = await session.post(f"{url}/stream", data=BODY, stream=True)
        await _split(await response.iter_content(-1))

    return whole, streamed


async def _pyreqwest(url: str, stack: AsyncExitStack) -> tuple[Ask, Ask]:
    client = importlib.import_module("pyreqwest.client")
    session = await stack.enter_async_context(client.ClientBuilder().no_proxy().build())

    async def whole() -> None:
        await (await session.post(f"{url}/whole").body_bytes(BODY).build().send()).bytes()

    async def streamed() -> None:
        async with session.post(f"{url}/stream").body_bytes(BODY).build_streamed() as response:
            while (data := await response.body_reader.read_chunk()) is not None:
                bytes(data).split(b"\n")

    return whole, streamed


async def _split(read: AsyncIterator[bytes]) -> None:
    async for data in read:
        data.split(b"\n")


CLIENTS: Final[dict[str, Client]] = {
    "aiohttp": _aiohttp,
    "vendor_http": _ours,
    "httpx2": _httpx2,
    "niquests": _niquests,
    "pyreqwest": _pyreqwest,
}


async def _cpu_us(work: Callable[[], Awaitable[object]], count: int) -> float:
    before = time.process_time()
    await work()
    return (time.process_time() - before) / count * 1e6


async def _measure(client: Client, url: str) -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        whole, streamed = await client(url, stack)

        async def one_after_the_other() -> None:
            for _ in range(CALLS // AT_ONCE):
                await whole()

        async def calls() -> None:
            await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

        await asyncio.gather(*(whole() for _ in range(AT_ONCE)))
        return await _cpu_us(calls, CALLS), await _cpu_us(streamed, CHUNKS)


async def run(rounds: int, port: int) -> None:
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, client in CLIENTS.items():
            try:
                found.setdefault(name, []).append(await _measure(client, f"http://127.0.0.1:{port}"))
            except ModuleNotFoundError as absent:
                print(f"{name}: {absent.name} is not installed", file=sys.stderr)
    for name, times in found.items():
        whole, chunk = (statistics.median(one) for one in zip(*times, strict=True))
        print(f"{name:12} {whole:7.0f} us a call {chunk:7.1f} us a chunk")


def main() -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    vendor = multiprocessing.get_context("fork").Process(target=_vendor, args=(listener,), daemon=True)
    vendor.start()
    try:
        uvloop.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5, listener.getsockname()[1]))
    finally:
        vendor.terminate()
        vendor.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
