"""Several processes' metrics are one: the same totals whoever is asked, and none falls when a process ends."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.telemetry import sharing
from llm_gateway.adapters.outbound.telemetry.families import MetricFamily, encode_families
from llm_gateway.adapters.outbound.telemetry.sharing import SharedMetrics

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")


class Process:
    """What one process has counted, and what is under way in it."""

    def __init__(self, folder: Path, slot: int, slots: int = 2) -> None:
        self.total = 0.0
        self.under_way = 0.0
        self.shared = SharedMetrics(self.collect, folder, slot, slots)

    def collect(self) -> bytes:
        return encode_families(
            [
                MetricFamily("asked", "counter", "Asked", {("asked_total", (("of", "a"),)): self.total}),
                MetricFamily("under_way", "gauge", "Under way", {("under_way", ()): self.under_way}),
            ]
        )

    async def told(self) -> tuple[float, float]:
        """The total and the gauge, of all processes, as this one tells them."""
        lines = (await self.shared.render()).decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return float(values['asked_total{of="a"}']), float(values["under_way"])


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("w")  # short: the path of a Unix socket has about a hundred characters


@asynccontextmanager
async def two(folder: Path) -> AsyncGenerator[tuple[Process, Process], None]:
    one, other = Process(folder, 0), Process(folder, 1)
    async with one.shared(), other.shared():
        yield one, other


async def test_whoever_is_asked_tells_the_same(folder: Path) -> None:
    async with two(folder) as (one, other):
        one.total, other.total = 3, 4
        one.under_way, other.under_way = 1, 2
        assert await one.told() == await other.told() == (7, 3)


async def test_what_has_ended_keeps_its_counts_and_loses_its_gauges(folder: Path) -> None:
    one, other = Process(folder, 0), Process(folder, 1)
    async with one.shared():
        async with other.shared():
            other.total, other.under_way = 4, 2
        assert await one.told() == (4, 0)


async def test_a_successor_goes_on_from_what_its_predecessor_told_and_no_total_falls(folder: Path) -> None:
    async with two(folder) as (one, other):
        one.total, other.total = 1, 10
        assert (await one.told())[0] == 11
        (folder / "1.sock").unlink()  # as after a kill: nobody answers, and nothing was written at an end
        other.total = 1_000
        assert (await one.told())[0] == 11
        successor = Process(folder, 1)
        async with successor.shared():
            assert (await one.told())[0] == 11
            successor.total = 5
            assert await one.told() == await successor.told() == (16, 0)


async def test_one_that_does_not_answer_in_time_is_counted_as_it_last_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(folder) as (one, other):
        other.total, other.under_way = 4, 2
        assert await one.told() == (4, 2)
        (folder / "1.sock").unlink()
        monkeypatch.setattr(sharing, "ASK_SECONDS", 0.05)
        held: list[asyncio.StreamWriter] = []
        silent = await asyncio.start_unix_server(lambda reader, writer: held.append(writer), folder / "1.sock")
        assert await one.told() == (4, 0)
        silent.close()
        for writer in held:
            writer.close()
            await writer.wait_closed()


async def test_a_folder_that_is_gone_takes_no_metrics_with_it(folder: Path) -> None:
    one = Process(folder, 0, slots=1)
    async with one.shared():
        one.total = 2
        shutil.rmtree(folder)
        assert await one.told() == (2, 0)


async def test_counts_are_written_down_while_nobody_asks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "KEEP_SECONDS", 0.001)
    one = Process(folder, 0)
    one.total = 2
    async with one.shared():
        async with asyncio.timeout(5):
            while not (folder / "0.counts").exists():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.001)
    assert (await Process(folder, 0).told())[0] == 2
