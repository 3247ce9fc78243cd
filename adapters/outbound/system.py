"""The machine's own time and chance."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from typing_extensions import override

from llm_gateway.application.ports.system import Alarm, Clock, Entropy


class SystemClock(Clock):
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)
    now = staticmethod(time.time)

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @override
    def timeout_at(self, when: float) -> AbstractAsyncContextManager[object]:
        # a delay, because an event loop's own time need not be the monotonic clock
        return asyncio.timeout(max(0.0, when - time.monotonic()))

    @override
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        return asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), callback)


_IDS_A_DRAW = 256


class SystemEntropy(Entropy):
    """The machine's random numbers; ids are 32 hexadecimal digits.

    Ids are drawn several at a time: to ask the system for one can cost as much as to look an answer up. A process that
    is forked draws its own.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._process = 0

    @override
    def fraction(self) -> float:
        return random.random()

    @override
    def new_id(self) -> str:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._ids.clear()
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                drawn = os.urandom(16 * _IDS_A_DRAW).hex()
                self._ids.extend(drawn[begin : begin + 32] for begin in range(0, len(drawn), 32))
