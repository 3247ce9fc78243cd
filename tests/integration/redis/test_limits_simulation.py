"""The script says what the account says, through the simulation's losses, crashes, failovers and set clocks."""

import os
from concurrent.futures import ProcessPoolExecutor
from secrets import randbelow

import pytest

from . import limits_replay
from .limits_replay import replay

IN_CI, NIGHTLY = 2_000, 100_000


@pytest.mark.search
def test_two_thousand_schedules() -> None:
    replay(range(IN_CI))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_schedules_that_no_night_had_before() -> None:
    first, parts = randbelow(2**48), 20
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        size = NIGHTLY // parts
        for _ in pool.map(replay, [range(first + part * size, first + (part + 1) * size) for part in range(parts)]):
            pass


def test_the_replay_finds_a_script_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = limits_replay._command
    monkeypatch.setattr(limits_replay, "_command", lambda seed, quota, one: right(seed, quota, one)[:-3] + b"9\r\n")
    with pytest.raises(AssertionError, match="the script says"):
        replay(range(20))
