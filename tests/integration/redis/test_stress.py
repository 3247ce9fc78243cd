"""Many processes at once on one quota: in no window of time more than the capacity and what was regained."""

import asyncio
import json
import sys
import time
from bisect import insort
from pathlib import Path
from secrets import token_hex

import pytest

from ..waiting import HANG_SECONDS
from .valkey import Valkey

ROOT = Path(__file__).parents[3]
CAPACITY, RATE = 25, 100.0
MILLISECOND = 0.001


async def stress(url: str, processes: int, callers: int, seconds: float) -> tuple[list[tuple[float, float]], int]:
    arguments = [url, f"stress-{token_hex(8)}", str(CAPACITY), str(RATE), str(callers)]
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.stress_worker",
            *arguments,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    async with asyncio.timeout(seconds + HANG_SECONDS):
        for worker in workers:
            assert worker.stdout is not None
            assert await worker.stdout.readline() == b"ready\n"
        until = str(time.monotonic() + seconds).encode()
        told = await asyncio.gather(*(worker.communicate(until) for worker in workers))
        parts = [json.loads(line) for line, _ in told]
    return [tuple(one) for part in parts for one in part["admitted"]], sum(part["refused"] for part in parts)


def test_no_window_admits_more_than_it_may(server: Valkey) -> None:
    _check(server, processes=2, callers=20, seconds=0.7)


@pytest.mark.nightly
def test_no_window_admits_more_than_it_may_with_four_processes_of_fifty_callers(server: Valkey) -> None:
    _check(server, processes=4, callers=50, seconds=8)


def _check(server: Valkey, processes: int, callers: int, seconds: float) -> None:
    admitted, refused = asyncio.run(stress(server.url, processes, callers, seconds))
    assert len(admitted) > CAPACITY
    assert refused >= processes * callers
    worst = max(_excesses(admitted))
    assert worst <= 0, f"{worst} more than may be, of {len(admitted)}"


def _excesses(admitted: list[tuple[float, float]]) -> list[float]:
    """For each window from one asking to one hearing, what certainly passed within it above what may."""
    heard: list[float] = []
    excesses = []
    for asked, answered in sorted(admitted, reverse=True):
        insort(heard, answered)
        excesses += [
            number - CAPACITY - RATE * (end - asked + MILLISECOND)  # the server counts in whole ones
            for number, end in enumerate(heard, 1)
        ]
    return excesses


def test_the_check_finds_one_too_many() -> None:
    bucket = [(number / RATE, number / RATE + 0.0001) for number in range(1 - CAPACITY, 100)]
    fair = [(max(0.0, asked), max(0.0, asked) + 0.0001) for asked, _ in bucket]
    assert max(_excesses(fair)) <= 0
    assert max(_excesses([*fair, (0.1, 0.1001), (0.1, 0.1001)])) > 0
