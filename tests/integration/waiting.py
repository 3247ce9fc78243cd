"""Waiting in tests for what has no event, counted in turns of the loop: on a busy machine a turn takes longer."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import pytest

HANG_SECONDS: Final = 60.0
"""Ends what hangs. No verdict depends on it."""
_TURN_SECONDS: Final = 0.001
_LOOK_SECONDS: Final = 0.05


async def eventually(true: Callable[[], object], within: float = HANG_SECONDS) -> None:
    """Until something is so, looked at once a turn.

    `within` is in seconds of a loop that is never held up. What works in this process has as many turns in them on a
    busy machine as on an idle one, so a promise such as "within a second" holds or fails on both.
    """
    for _ in range(round(within / _TURN_SECONDS)):
        if true():
            return
        await asyncio.sleep(_TURN_SECONDS)
    assert true(), "it did not come about"


def wait_until(true: Callable[[], object]) -> None:
    """Until another process has made something so; for what has no loop to wait in."""
    until = time.monotonic() + HANG_SECONDS
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(_LOOK_SECONDS)


def pass_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Put the clock of the running loop forward: what is due by then is done in its next turn. Not for uvloop."""
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + seconds)
