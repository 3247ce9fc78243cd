"""Time that passes when a test says so."""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count

from typing_extensions import override

from llm_gateway.application.ports.system import Clock


class ScriptedClock(Clock):
    """Begins at 1,000 seconds, and at the Unix time 1,800,000,000. `advance` wakes sleepers whose time has come."""

    def __init__(self, monotonic: float = 1_000.0, now: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._offset = now - monotonic
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    @override
    def monotonic(self) -> float:
        return self._monotonic

    @override
    def now(self) -> float:
        return self._monotonic + self._offset

    @override
    async def sleep(self, seconds: float) -> None:
        await self._wake_at(self._monotonic + seconds)

    @override
    def timeout_at(self, when: float) -> AbstractAsyncContextManager[object]:
        return self._timeout(when)

    async def advance(self, seconds: float) -> None:
        """Let time pass, in order, with everything that is due done before it passes on."""
        until = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            when, _, sleeper = heapq.heappop(self._sleepers)
            self._monotonic = max(self._monotonic, when)
            if not sleeper.done():
                sleeper.set_result(None)
                await settle()
        self._monotonic = until

    async def _wake_at(self, when: float) -> None:
        if when <= self._monotonic:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), sleeper))
        await sleeper

    @asynccontextmanager
    async def _timeout(self, when: float) -> AsyncGenerator[None, None]:
        limit = asyncio.timeout(None)

        def ring(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled():
                with suppress(RuntimeError):  # the block ended just as its time came
                    limit.reschedule(0.0)

        alarm = asyncio.create_task(self._wake_at(when))
        alarm.add_done_callback(ring)
        try:
            async with limit:
                yield
        finally:
            alarm.cancel()


async def settle(turns: int = 50) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
