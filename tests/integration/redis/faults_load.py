"""The load of the fault runs: two gateway processes, a client below its limit, and one that is above its own."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

VENDORS = Path(__file__).parents[3] / "benchmarks" / "vendors.py"
MODEL = "whole-1"
KEY, SMALL_KEY = b"sk-fault-0123456789", b"sk-small-0123456789"
SMALL_CAPACITY, SMALL_RATE = 20, 10.0
SMALL_CLIENT = f"""
[[clients]]
name = "small"
keys = ["{SMALL_KEY.decode()}"]
requests = {{ capacity = {SMALL_CAPACITY}, refill_rate = {SMALL_RATE} }}
"""
CALLERS = 4
"""For each gateway and each client."""
PAUSE_SECONDS = 0.05
_PORT = re.compile(rb"(?:^|Listening on http://127\.0\.0\.1:)(\d+)\s*$")
GATEWAYS = 2


class Answered(Struct, frozen=True):
    """One request: when it was sent, how long it took, its status, and whether its quota was kept by policy."""

    port: int
    at: float
    seconds: float
    status: int
    degraded: bool
    small: bool


class Program:
    """A process that says its port."""

    def __init__(self, *command: str, folder: str, environ: Mapping[str, str]) -> None:
        self._command, self._folder, self._environ = command, folder, environ

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, cwd=self._folder, env=self._environ,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while not (found := _PORT.search(line := await self._process.stdout.readline())):
                assert line, f"{self._command} ended with {await self._process.wait()}"
        self.port = int(found[1])

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()


class Load:
    """Paced, because what is measured is the gateway's patience and not its speed. Every second prompt is a new one."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self.gateways: list[Program] = []
        self.answers: list[Answered] = []
        self._unique = count()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._folder = TemporaryDirectory()
        (Path(self._folder.name) / "llm-gateway.toml").write_text(SMALL_CLIENT)
        self._vendor = Program(str(VENDORS), folder=self._folder.name, environ={})
        await self._vendor.start()
        environ = {
            "API_KEYS": KEY.decode(),
            "PORT": "0",
            "RATE_LIMITER_CAPACITY": "1000000",
            "RATE_LIMITER_REFILL_RATE": "100000",
            "CACHE_TTL_SECONDS": "3600",
            "REDIS_URL": self._redis_url,
            "EXPECTED_REPLICAS": str(GATEWAYS),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{self._vendor.port}",
            "OLLAMA_MODEL": MODEL,
        }
        serve = ("-P", "-m", "llm_gateway", "serve")
        self.gateways += [Program(*serve, folder=self._folder.name, environ=environ) for _ in range(GATEWAYS)]
        await asyncio.gather(*(gateway.start() for gateway in self.gateways))
        for gateway in self.gateways:
            for key in (KEY, SMALL_KEY):
                for _ in range(CALLERS):
                    self._tasks.append(asyncio.create_task(self._caller(gateway.port, key)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(program.stop() for program in (*self.gateways, self._vendor)))
        self._folder.cleanup()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def between(self, began: float, ended: float, wanted: Callable[[Answered], bool]) -> list[Answered]:
        return [answer for answer in self.answers if began <= answer.at < ended and wanted(answer)]

    async def _caller(self, port: int, key: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in count():
                prompt = f"new {next(self._unique)}" if number % 2 else "the same"
                body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
                at = time.monotonic()
                writer.write(
                    b"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nx-api-key: %b\r\n"
                    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (key, len(body), body)
                )
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                self.answers.append(
                    Answered(
                        port=port,
                        at=at,
                        seconds=time.monotonic() - at,
                        status=int(head.split(b" ", 2)[1]),
                        degraded=b"x-gateway-limiter" in head,
                        small=key == SMALL_KEY,
                    )
                )
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            writer.close()
