"""The machine's clocks."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager

from typing_extensions import override

from llm_gateway.application.ports.system import Clock


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
