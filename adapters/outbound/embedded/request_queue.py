"""The queue of requests in front of the engine: one at a time, so many waiting, and an estimate of how long."""

import asyncio
from datetime import timedelta

from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderThrottled, ProviderTimeout
from llm_gateway.domain.resilience import Deadline

from .limits import FIRST_GUESS_SECONDS, MAX_WAITING, PROVIDER

_WEIGHT_OF_LATEST = 0.3


class RequestQueue:
    """First come, first served. Every `enter` that returned is answered by one `leave`."""

    def __init__(self, clock: Clock, meter: QueueMeter | None = None) -> None:
        self._clock = clock
        self._meter = meter
        self._turn = asyncio.Lock()
        self.waiting = 0
        self._average = FIRST_GUESS_SECONDS
        self._began: float | None = None

    def wait_seconds(self) -> float:
        """The likely wait of a request that would come now."""
        if not self._turn.locked():
            return 0.0
        ran = 0.0 if self._began is None else self._clock.monotonic() - self._began
        return max(0.0, self._average - ran) + self.waiting * self._average

    async def enter(self, deadline: Deadline) -> None:
        """Wait for the turn. Raises `ProviderThrottled` at once where it would not come in time."""
        wait = self.wait_seconds()
        if self.waiting >= MAX_WAITING or wait > deadline.remaining(self._clock.monotonic()):
            message = f"{self.waiting + 1} requests are before this one"
            raise ProviderThrottled(PROVIDER, message, retry_after=timedelta(seconds=max(1.0, wait)))
        self.waiting += 1
        came = self._clock.monotonic()
        try:
            async with self._clock.timeout_at(deadline.at):
                await self._turn.acquire()
        except TimeoutError:
            raise ProviderTimeout(PROVIDER, "its turn did not come in time") from None
        finally:
            self.waiting -= 1
            if self._meter is not None:
                self._meter.waited(PROVIDER, self._clock.monotonic() - came)

    def begin(self) -> None:
        """The engine is at work for whoever has the turn."""
        self._began = self._clock.monotonic()

    def leave(self) -> None:
        """The engine is free. A generation that was broken off counts too: the queue moves on by those as well."""
        if self._began is not None:
            took = self._clock.monotonic() - self._began
            self._average += _WEIGHT_OF_LATEST * (took - self._average)
            self._began = None
        self._turn.release()
