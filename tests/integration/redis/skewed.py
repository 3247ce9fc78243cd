"""A real server whose own clock a test sets: libfaketime stands between it and the machine's."""

import os
import time
from glob import glob
from pathlib import Path

from typing_extensions import override

from ..waiting import HANG_SECONDS
from .valkey import Valkey

LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"
SLACK = 0.0005
"""Seconds by which the two clocks are read apart."""


class Skew:
    """What programs with `environ` read of how far their wall clock is ahead of the machine's, in seconds."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "skew"
        self.set(0.0)

    def set(self, seconds: float) -> None:
        self.seconds = round(seconds, 3)
        (new := self._told.with_suffix(".new")).write_text(f"{self.seconds:+.3f}s\n")
        new.replace(self._told)

    @property
    def environ(self) -> dict[str, str]:
        (library,) = glob(LIBRARY)
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


class SkewedValkey(Valkey):
    """`TIME`, scripts and what expires go by a clock that is `skew` seconds ahead of the machine's."""

    def __init__(self, folder: Path, **options: str) -> None:
        super().__init__(folder, **options)
        self._clock = Skew(folder)

    @property
    def skew(self) -> float:
        return self._clock.seconds

    def set_skew(self, seconds: float) -> None:
        """Returns once it is so: the library reads what it is told a few looks late."""
        self._clock.set(seconds)
        until = time.monotonic() + HANG_SECONDS
        while True:
            before = time.time()
            told, micros = self.ask("TIME")
            if before - SLACK <= int(told) + int(micros) / 1e6 - self.skew <= time.time() + SLACK:
                return
            assert time.monotonic() < until

    @override
    def environ(self) -> dict[str, str]:
        return os.environ | self._clock.environ
