"""The machine's own time and chance."""

import asyncio
import os
import random
import sys
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
_ids: list[str] = []
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_ids.clear)  # to ask which process it is each time is a call to the system


class SystemEntropy(Entropy):
    """The machine's random numbers; ids are 32 hexadecimal digits.

    Ids are drawn several at a time: to ask the system for one can cost as much as to look an answer up. A process that
    is forked draws its own.
    """

    @override
    def fraction(self) -> float:
        return random.random()

    @override
    def new_id(self) -> str:
        while True:
            try:
                return _ids.pop()
            except IndexError:
                drawn = os.urandom(16 * _IDS_A_DRAW).hex()
                _ids.extend(drawn[begin : begin + 32] for begin in range(0, len(drawn), 32))
