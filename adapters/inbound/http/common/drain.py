"""A graceful end: nothing new is taken, what runs may finish for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


class Drain:
    """Counts requests under way, and waits for them. Lives in one event loop."""

    def __init__(self) -> None:
        self.begun = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def __call__(self, seconds: float, end_rest: Callable[[], Awaitable[None]]) -> None:
        """From now on `begun`. Returns once nothing is under way; after `seconds`, `end_rest` ends what still is."""
        self.begun = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            await end_rest()
