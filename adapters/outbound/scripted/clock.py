"""Time that passes when a test says so."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count

from typing_extensions import override

from llm_gateway.application.ports.system import Alarm, Clock


class ScriptedClock(Clock):
    """Begins at 1,000 seconds, and at the Unix time 1,800,000,000. `advance` wakes sleepers whose time has come."""

    def __init__(self, monotonic: float = 1_000.0, now: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._offset = now - monotonic
        self._order = count()
        self._alarms: list[tuple[float, int, _ScriptedAlarm]] = []

    @override
    def monotonic(self) -> float:
        return self._monotonic

    @override
    def now(self) -> float:
        return self._monotonic + self._offset

    @override
    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        alarm = self.call_at(self._monotonic + seconds, woken.set)
        try:
            await woken.wait()
        finally:
            alarm.cancel()

    @override
    def timeout_at(self, when: float) -> AbstractAsyncContextManager[object]:
        return self._timeout(when)

    @override
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        alarm = _ScriptedAlarm(callback)
        if when <= self._monotonic:
            asyncio.get_running_loop().call_soon(alarm.ring)
        else:
            heapq.heappush(self._alarms, (when, next(self._order), alarm))
        return alarm

    async def advance(self, seconds: float) -> None:
        """Let time pass, in order, with everything that is due done before it passes on."""
        until = self._monotonic + seconds
        await settle()
        while self._alarms and self._alarms[0][0] <= until:
            when, _, alarm = heapq.heappop(self._alarms)
            self._monotonic = max(self._monotonic, when)
            if alarm.ring():
                await settle()
        self._monotonic = until

    def set_wall_clock(self, now: float) -> None:
        """As an operator does: the monotonic clock stays as it is."""
        self._offset = now - self._monotonic

    @asynccontextmanager
    async def _timeout(self, when: float) -> AsyncGenerator[None, None]:
        limit = asyncio.timeout(None)

        def ring() -> None:
            with suppress(RuntimeError):  # the block ended just as its time came
                limit.reschedule(0.0)

        alarm = self.call_at(when, ring)
        try:
            async with limit:
                yield
        finally:
            alarm.cancel()


class _ScriptedAlarm(Alarm):
    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    @override
    def cancel(self) -> None:
        self._callback = None

    def ring(self) -> bool:
        """Whether there was anything to call."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
        return callback is not None


async def settle(turns: int = 50) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
