"""Time in a suite: scripted, unless the adapter has a clock of its own."""

from functools import cached_property

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.ports.system import Clock


class Timed:
    """Override `clock` for an adapter that can't be given one; then `advance` really waits."""

    @cached_property
    def clock(self) -> Clock:
        return ScriptedClock()

    async def advance(self, seconds: float) -> None:
        if isinstance(self.clock, ScriptedClock):
            await self.clock.advance(seconds)
        else:
            await self.clock.sleep(seconds)

    async def set_clock(self, seconds: float) -> None:
        """Turn the clock so far, either way, without that time having passed. Skips where the clock is real."""
        if not isinstance(self.clock, ScriptedClock):
            pytest.skip("would set the machine's clock")
        await self.clock.advance(seconds)
