"""Several processes' metrics as one: each tells its own over a private socket, and whoever is scraped adds them up."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from msgspec import MsgspecError

from .families import MetricFamily, counted, decode_families, encode_families, merge_families, render_families

log = logging.getLogger("llm_gateway.telemetry")

ASK_SECONDS = 1.0
"""What each of the others has for its answer; after that its last known counts stand for it."""
KEEP_SECONDS = 5.0
"""How often each process writes its counts down: what one that is killed can lose beside what was not scraped yet."""


class SharedMetrics:
    """The process in one of several slots of a folder that is theirs alone.

    What a process tells it has written down before. So its successor in the slot begins where it ended, and no total
    that was once scraped ever falls. Two processes must not be in one slot at a time.
    """

    def __init__(self, collect: Callable[[], bytes], folder: Path, slot: int, slots: int) -> None:
        self._collect = collect
        self._folder = folder
        self._slot = slot
        self._others = [other for other in range(slots) if other != slot]
        self._inherited = self._kept(slot)
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncGenerator[None, None]:
        """Answers the other processes, until it is left."""
        path = self._path(self._slot, "sock")
        path.unlink(missing_ok=True)  # of a predecessor that was killed
        server = await asyncio.start_unix_server(self._answer, path)
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            server.close()
            await self._tell()

    async def render(self) -> bytes:
        """Prometheus's text of all processes together."""
        others = await asyncio.gather(*(self._ask(other) for other in self._others))
        own = decode_families(await self._tell())
        merged = sorted(merge_families([own, *others]), key=lambda family: family.name)
        return await asyncio.to_thread(render_families, merged)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                writer.write(await self._tell())
                await writer.drain()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await self._tell()

    async def _tell(self) -> bytes:
        """What this process and its predecessors in the slot have, written down before anyone hears of it."""
        async with self._lock:
            return await asyncio.to_thread(self._written_down)

    def _written_down(self) -> bytes:
        data = encode_families(merge_families([decode_families(self._collect()), self._inherited]))
        new = self._path(self._slot, "new")
        try:
            new.write_bytes(data)
            os.replace(new, self._path(self._slot, "counts"))
        except OSError as error:  # a full disk: the metrics go on, and only a successor would miss something
            log.warning("the counts can't be written down: %s", error.strerror)
        return data

    async def _ask(self, slot: int) -> list[MetricFamily]:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._path(slot, "sock"))
                try:
                    return decode_families(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, MsgspecError):
            return self._kept(slot)

    def _kept(self, slot: int) -> list[MetricFamily]:
        """The counts that a slot's process wrote down last; nothing where none did."""
        try:
            return counted(decode_families(self._path(slot, "counts").read_bytes()))
        except FileNotFoundError:
            return []

    def _path(self, slot: int, kind: str) -> Path:
        return self._folder / f"{slot}.{kind}"
