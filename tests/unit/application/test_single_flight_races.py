"""Readers, calls and departures whose turns in the event loop fall anyhow: seeded, so that a failure repeats."""

import asyncio
from collections import Counter
from random import Random

import pytest

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.shared_answer import SharedAnswer
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.errors import ProviderBroken, QuotaExceeded
from llm_gateway.domain.events import ChatEvent, TextDelta

from .sources import FINISHED, broken, refused

KEYS = ("a", "b", None)


class Upstream:
    """What one reader would produce: some events with pauses, then an end, a failure or a refusal, drawn by chance."""

    def __init__(self, name: str, chance: Random, active: Counter[object], key: object) -> None:
        self.name = name
        self.calls = 0
        self.outcome: str | None = None
        self._chance = chance
        self._active = active
        self._key = key

    async def __call__(self, answer: SharedAnswer) -> None:
        self.calls += 1
        self.enter()
        try:
            await self.pause()
            if self._chance.random() < 0.3:
                self.outcome = "refused"
                raise refused()
            for number in range(self._chance.choice((0, 1, 2, 5, 40))):
                if answer.publish((TextDelta(text=f"{self.name}/{number}"),)):
                    await answer.room()
                await self.pause()
            if self._chance.random() < 0.3:
                self.outcome = "broken"
                raise broken()
            answer.publish((FINISHED,))
            await self.pause()
        finally:
            self._active[self._key] -= 1
            await self.pause()

    def enter(self) -> None:
        """A key has one call; a call without one is alone in any case."""
        self._active[self._key] += 1
        assert self._key is None or self._active[self._key] == 1

    async def pause(self) -> None:
        for _ in range(self._chance.choice((0, 0, 0, 1, 2, 3))):
            await asyncio.sleep(0)


async def visit(flights: Flights, key: str | None, upstream: Upstream, chance: Random) -> None:
    """Read a flight, to its end or a part of it, and check what was seen of it."""
    await upstream.pause()
    reader = flights.join(key, upstream)
    patience = chance.choice((0, 1, 2, 1000, 1000, 1000))
    seen: list[ChatEvent] = []
    end = "left"
    try:
        await upstream.pause()
        while len(seen) < patience:
            try:
                seen.append(await anext(reader))
            except StopAsyncIteration:
                end = "finished"
                break
            await upstream.pause()
    except QuotaExceeded:
        end = "refused"
    except ProviderBroken:
        end = "broken"
    finally:
        await reader.aclose()
    texts = [event.text for event in seen if isinstance(event, TextDelta)]
    leader = texts[0].split("/")[0] if texts else ""
    assert texts == [f"{leader}/{number}" for number in range(len(texts))], "one call's events, from the first on"
    assert (end == "finished") <= (seen[-1:] == [FINISHED]), "nothing ends without its mark"
    assert end != "refused" or (not seen and upstream.outcome == "refused"), "a refusal is its own"
    assert not (patience > 0 and upstream.outcome == "refused" and end in ("finished", "broken"))


async def explore(seed: int) -> None:
    chance = Random(seed)
    active: Counter[object] = Counter()
    flights = Flights()
    upstreams, visits = [], []
    for number in range(chance.randint(2, 8)):
        key = chance.choice(KEYS)
        upstream = Upstream(f"{number}", chance, active, key)
        upstreams.append(upstream)
        visits.append(asyncio.create_task(visit(flights, key, upstream, chance)))
    for task in visits:
        if chance.random() < 0.2:
            for _ in range(chance.randint(0, 6)):
                await asyncio.sleep(0)
            task.cancel()
    ends = await asyncio.gather(*visits, return_exceptions=True)
    faults = [end for end in ends if end is not None and not isinstance(end, asyncio.CancelledError)]
    assert not faults, f"seed {seed}: {faults}"
    await settle(10)
    assert len(flights) == 0, f"seed {seed}"
    assert active.total() == 0, f"seed {seed}"
    assert all(upstream.calls <= 1 for upstream in upstreams), f"seed {seed}"
    assert asyncio.all_tasks() == {asyncio.current_task()}, f"seed {seed}"


@pytest.mark.search
async def test_no_interleaving_loses_a_reader() -> None:
    for seed in range(1_000):
        await explore(seed)


@pytest.mark.nightly
async def test_no_interleaving_of_very_many_loses_a_reader() -> None:
    for seed in range(1_000, 20_000):
        await explore(seed)
