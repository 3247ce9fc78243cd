"""What holds for every `Clock`."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest

from llm_gateway.application.ports.system import Clock

SLACK = 0.05
"""Seconds by which a real clock may be early, and its two times apart."""
HANG_SECONDS = 60.0
"""Ends a wait that hangs. No verdict depends on it."""


@pytest.mark.asyncio
class ClockContract(ABC):
    """`make` is asked once a test; override `advance` where the clock has to be told to go on."""

    step = 0.1

    @abstractmethod
    def make(self) -> Clock: ...

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def test_time_passes_and_the_two_times_pass_alike(self) -> None:
        clock = self.make()
        first, began, second = clock.monotonic(), clock.now(), clock.monotonic()

        await self.advance(self.step)

        third, ended, fourth = clock.monotonic(), clock.now(), clock.monotonic()
        assert third - second >= self.step - SLACK
        assert third - second - SLACK < ended - began < fourth - first + SLACK

    async def test_now_is_a_unix_time_of_this_century(self) -> None:
        assert 1_600_000_000 < self.make().now() < 4_200_000_000

    async def test_a_sleeper_wakes_after_its_time_and_not_before(self) -> None:
        clock = self.make()
        until = clock.monotonic() + self.step
        sleeper = asyncio.create_task(clock.sleep(self.step))

        await self.advance(self.step / 4)
        assert not sleeper.done() or clock.monotonic() >= until - SLACK
        await self.advance(self.step)

        await sleeper
        assert clock.monotonic() >= until - SLACK

    @pytest.mark.parametrize("seconds", [0.0, -1.0])
    async def test_a_sleep_of_no_time_ends_without_time_passing(self, seconds: float) -> None:
        async with asyncio.timeout(HANG_SECONDS):
            await self.make().sleep(seconds)

    async def test_a_timeout_strikes_when_its_time_is_reached(self) -> None:
        clock = self.make()
        until = clock.monotonic() + self.step
        waiting = asyncio.create_task(self._wait_for_ever(clock, until))

        await self.advance(self.step / 4)
        assert not waiting.done() or clock.monotonic() >= until - SLACK
        await self.advance(self.step)

        with pytest.raises(TimeoutError):
            await waiting

    async def test_a_timeout_that_is_past_strikes_at_once(self) -> None:
        clock = self.make()

        with pytest.raises(TimeoutError):
            await self._wait_for_ever(clock, clock.monotonic() - 1.0)

    async def test_a_timeout_leaves_alone_what_ends_in_time(self) -> None:
        clock = self.make()
        until = clock.monotonic() + self.step

        try:
            async with clock.timeout_at(until):
                await asyncio.sleep(0)
        except TimeoutError:
            assert clock.monotonic() >= until - SLACK
        await self.advance(self.step * 2)

    async def test_a_cancelled_task_is_cancelled_also_within_a_timeout(self) -> None:
        clock = self.make()
        waiting = asyncio.create_task(self._wait_for_ever(clock, clock.monotonic() + 60.0))
        await asyncio.sleep(0)

        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def test_an_alarm_rings_once_when_its_time_is_reached(self) -> None:
        clock, rung = self.make(), list[float]()
        until = clock.monotonic() + self.step
        clock.call_at(until, lambda: rung.append(clock.monotonic()))

        await self.advance(self.step / 4)
        assert not rung or rung[0] >= until - SLACK
        await self.advance(self.step)

        await self._until(rung)
        assert len(rung) == 1
        assert rung[0] >= until - SLACK

    async def test_an_alarm_whose_time_is_past_rings_in_a_later_turn(self) -> None:
        clock, rung = self.make(), list[bool]()

        clock.call_at(clock.monotonic() - 1.0, lambda: rung.append(True))
        assert not rung

        await self._until(rung)

    async def test_a_cancelled_alarm_does_not_ring(self) -> None:
        clock, rung = self.make(), list[bool]()
        alarms = [clock.call_at(clock.monotonic() + seconds, lambda: rung.append(True)) for seconds in (0.0, self.step)]

        for alarm in (*alarms, *alarms):
            alarm.cancel()

        await self.advance(self.step * 2)
        assert not rung

    async def _until(self, rung: Sequence[object]) -> None:
        async with asyncio.timeout(HANG_SECONDS):
            while not rung:
                await self.advance(self.step / 4)

    async def _wait_for_ever(self, clock: Clock, until: float) -> None:
        async with asyncio.timeout(HANG_SECONDS), clock.timeout_at(until):
            await asyncio.get_running_loop().create_future()
