"""How late the event loop comes to a timer: what a blocked loop costs everyone in it."""

import asyncio

from .catalogue import LOOP_LAG
from .instruments import Instruments

EVERY_SECONDS = 0.5


class LoopLag:
    """Measures the loop that it was started in, until it is closed."""

    def __init__(self, instruments: Instruments) -> None:
        self._histogram = instruments.histogram(LOOP_LAG)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._wait(asyncio.get_running_loop())

    async def aclose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + EVERY_SECONDS
        self._timer = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._histogram.record(max(0.0, loop.time() - due))
        self._wait(loop)
