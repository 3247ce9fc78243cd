"""Something that is done regularly while something else lasts."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType


class Ticks:
    """Calls `tick` every so many seconds as long as the block lasts, by one timer; never twice at the same time."""

    def __init__(self, tick: Callable[[], Coroutine[object, object, None]], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self._ticking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._seconds, self._due)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._ticking is not None:
            self._ticking.cancel()

    def _due(self) -> None:
        if self._ticking is None or self._ticking.done():
            self._ticking = self._loop.create_task(self._tick())
        self._timer = self._loop.call_later(self._seconds, self._due)
