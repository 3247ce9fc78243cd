"""A graceful end: nothing new is taken, what runs may finish for a while."""

import asyncio
from collections.abc import Awaitable, Callable


class Drain:
    """Whether a gateway is ending. Lives in one event loop."""

    def __init__(self) -> None:
        self.begun = False

    async def __call__(
        self, seconds: float, idle: Callable[[], Awaitable[None]], end_rest: Callable[[], Awaitable[None]]
    ) -> None:
        """From now on `begun`. Returns once `idle` does; after `seconds`, `end_rest` ends what is still under way."""
        self.begun = True
        try:
            async with asyncio.timeout(seconds):
                await idle()
        except TimeoutError:
            await end_rest()
