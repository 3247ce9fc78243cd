"""Time in a suite: scripted, unless the adapter has a clock of its own."""

from functools import cached_property

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
