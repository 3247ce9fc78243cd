"""The machine's time and chance, and the scripted ones, keep their contracts."""

import asyncio
import os
import subprocess
import sys
from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.system import SystemClock, SystemEntropy
from llm_gateway.testing import ClockContract, EntropyContract, ScriptedClock, SeededEntropy, settle


class TestSystemClock(ClockContract):
    @override
    def make(self) -> SystemClock:
        return SystemClock()


class TestScriptedClock(ClockContract):
    @cached_property
    def scripted(self) -> ScriptedClock:
        return ScriptedClock()

    @override
    def make(self) -> ScriptedClock:
        return self.scripted

    @override
    async def advance(self, seconds: float) -> None:
        await self.scripted.advance(seconds)


class TestSystemEntropy(EntropyContract):
    @override
    def make(self) -> SystemEntropy:
        return SystemEntropy()


class TestSeededEntropy(EntropyContract):
    @override
    def make(self) -> SeededEntropy:
        return SeededEntropy(7)


def test_ids_are_never_the_same() -> None:
    entropy = SystemEntropy()

    assert len({entropy.new_id() for _ in range(10_000)}) == 10_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_has_ids_of_its_own() -> None:
    code = "import os; make = SystemEntropy().new_id; make(); os.fork(); os.write(1, f'{make()} '.encode())"
    imports = f"from {SystemEntropy.__module__} import SystemEntropy; "

    told = subprocess.run((sys.executable, "-c", imports + code), capture_output=True, check=True, timeout=60)

    assert len(set(told.stdout.split())) == 2


def test_seeded_chance_is_the_same_for_the_same_seed_only() -> None:
    one, same, other = SeededEntropy(1), SeededEntropy(1), SeededEntropy(2)

    assert [one.new_id(), one.fraction()] == [same.new_id(), same.fraction()]
    assert SeededEntropy(1).new_id() != other.new_id()


async def test_scripted_time_passes_in_order_and_what_is_due_is_done_before_it_passes_on() -> None:
    clock, seen = ScriptedClock(), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float, again: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.monotonic()))
        await clock.sleep(again)
        seen.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper("a", 3.0, 2.0)), asyncio.create_task(sleeper("b", 1.0, 3.0))]
    await clock.advance(4.5)
    assert seen == [("b", 1_001.0), ("a", 1_003.0), ("b", 1_004.0)]
    await clock.advance(0.5)

    assert seen[-1] == ("a", 1_005.0)
    await asyncio.gather(*tasks)


async def test_a_scripted_timeout_whose_time_comes_as_its_block_ends_is_quiet() -> None:
    clock = ScriptedClock()
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
    for turns in range(45, 60):  # `advance` itself begins with 50 turns
        gate = asyncio.Event()

        async def block(until: float, gate: asyncio.Event = gate) -> None:
            async with clock.timeout_at(until):
                await gate.wait()

        blocked = asyncio.create_task(block(clock.monotonic() + 1.0))
        await settle()
        passing = asyncio.create_task(clock.advance(1.0))
        await settle(turns)
        gate.set()
        await passing
        await asyncio.gather(blocked, return_exceptions=True)

    assert faults == []
