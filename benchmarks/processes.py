"""The processes of a run: the vendors, and what is measured of each server from outside: CPU time, memory, its loop."""

import asyncio
import re
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from servers import CAPACITY, KEY, REFILL_RATE
from vendors import WHOLE

HERE = Path(__file__).parent
_PORT = re.compile(rb"(?:^|Listening on http://127\.0\.0\.1:)(\d+)\s*$")


class Server:
    """A process that says its port on standard output. Its log goes nowhere. Linux only, for its measures."""

    def __init__(self, *command: str, environ: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._environ = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "", **(environ or {})}
        self._folder = TemporaryDirectory(prefix="bench-")  # where neither `.env` nor TOML lies
        self._drain: asyncio.Task[bytes] | None = None

    async def spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, cwd=self._folder.name, env=self._environ
        )

    async def start(self) -> "Server":
        """Returns once it listens."""
        await self.spawn()
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while not (found := _PORT.search(line := await self._process.stdout.readline())):
                if not line:
                    raise RuntimeError(f"{' '.join(self._command)} ended with {await self._process.wait()}")
        self.port = int(found[1])
        self._drain = asyncio.create_task(self._process.stdout.read())
        return self

    def cpu_us(self) -> float:
        """Of all its threads since it began."""
        return time.clock_gettime_ns((~self._process.pid << 3) | 2) / 1000  # clock_getcpuclockid(3)

    def loop_us(self) -> float:
        """CPU time of the thread that the event loop runs in."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1000

    def pss_mib(self) -> float:
        """Its memory, of what it shares its share."""
        text = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) / 1024

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._drain is not None:
            await self._drain
        self._folder.cleanup()


def vendors() -> Server:
    return Server(sys.executable, str(HERE / "vendors.py"))


def bare() -> Server:
    return Server(sys.executable, str(HERE / "servers.py"), "bare")


def floor(vendor_port: int) -> Server:
    return Server(sys.executable, str(HERE / "servers.py"), "floor", f"http://127.0.0.1:{vendor_port}")


def gateway(
    vendor_port: int,
    transport: str,
    *,
    redis_url: str | None = None,
    python: Path = Path(sys.executable),
    port: int = 0,
) -> Server:
    """As it is served, with both vendors: metrics, records and log are on."""
    address = f"http://127.0.0.1:{vendor_port}"
    environ = {
        "API_KEYS": KEY,
        "PORT": str(port),
        "LOG_FORMAT": "json",
        "RATE_LIMITER_CAPACITY": str(CAPACITY),
        "RATE_LIMITER_REFILL_RATE": str(REFILL_RATE),
        "CACHE_TTL_SECONDS": "3600",
        "OLLAMA_BASE_URL": address,
        "OLLAMA_MODEL": WHOLE,
        "OLLAMA_TRANSPORT": transport,
        "GEMINI_API_KEY": "key",
        "GEMINI_BASE_URL": address,
        "GEMINI_MODEL": WHOLE,
        "GEMINI_TRANSPORT": transport,
    }
    if redis_url:
        environ["REDIS_URL"] = redis_url
    return Server(str(python), "-P", "-m", "llm_gateway", "serve", environ=environ)
