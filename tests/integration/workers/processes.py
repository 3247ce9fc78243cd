"""Several worker processes as an operator starts them, in an empty folder, with their own place for temporary files."""

import asyncio
import re
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from llm_gateway.adapters.outbound.telemetry.families import MetricFamily, decode_families

from ..cli.test_command_line import COMMAND, environment

KEY = "test-key-0123456789"


class Workers:
    """A running parent; its workers' folder is in `folder`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, errors: Path, url: str) -> None:
        self.process = process
        self.url = url
        self._folder = folder
        self._errors = errors

    @property
    def log(self) -> str:
        return self._errors.read_text()

    @property
    def place(self) -> Path:
        (place,) = self._folder.glob("llm-gateway-*")
        return place

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in tasks.read_text().split()]

    def counts(self, slot: int) -> list[MetricFamily]:
        return decode_families((self.place / f"{slot}.counts").read_bytes())


@asynccontextmanager
async def workers(folder: Path, toml: str = "", **variables: str) -> AsyncGenerator[Workers, None]:
    """The command, with its variables. Entered once a worker listens."""
    errors = folder / "errors"
    (folder / "llm-gateway.toml").write_text(toml)
    with errors.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "serve"),
            cwd=folder,
            env=environment(**({"TMPDIR": str(folder), "API_KEYS": KEY, "PORT": "0"} | variables)),
            stdout=asyncio.subprocess.PIPE,
            stderr=stream,
        )
    assert process.stdout is not None
    try:
        found = None
        async with asyncio.timeout(40):
            while not found and (line := await process.stdout.readline()):
                found = re.match(r"Listening on (http://\S+)", line.decode())
        assert found, errors.read_text()
        yield Workers(process, folder, errors, found[1])
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def client(url: str) -> httpx.AsyncClient:
    """Each request on a connection of its own, so that either worker may get it."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"x-api-key": KEY, "connection": "close"},
        transport=httpx.AsyncHTTPTransport(verify=False, limits=httpx.Limits(max_keepalive_connections=0)),
        timeout=20,
    )


async def scrape(asking: httpx.AsyncClient) -> dict[str, float]:
    """Every sample by its name and labels."""
    text = (await asking.get("/metrics")).raise_for_status().text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Until something in another process is so, which only asking tells."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
