"""Clients that leave at any moment leave nothing behind."""

import asyncio
import gc
from collections.abc import Callable
from random import Random

import pytest

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.chat_model import Script, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import ChatCall, ChatRequest, Grain, Text
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import GatewayError, ProviderBroken, ProviderThrottled
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.routing import Hint

from .witnesses import FarCache, FarLimiter
from .world import HELLO, World, call_of, client_of

SCRIPTS: list[Script] = [
    HELLO,
    [Wait(1), *HELLO],
    [TextDelta(text="One"), Wait(1), *answer("two three")],
    [*(TextDelta(text="word") for _ in range(80)), Wait(1), *HELLO],
    [Wait(0.5), ProviderThrottled("gemini", "slower")],
    [TextDelta(text="One"), Wait(0.5), ProviderBroken("gemini", "reset")],
]


LAST = "And now?"


def hearing(script: Script) -> Callable[[ChatRequest], Script]:
    """Plays the script, but to the last question."""
    return lambda request: HELLO if request.messages[0].content == (Text(text=LAST),) else script


class Crowd:
    """Clients by the hundred, of whom many ask the same, and most leave: at a moment drawn by chance, from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        clock = ScriptedClock()
        scripts = [hearing(self.chance.choice(SCRIPTS)) for _ in range(500)]
        self.world = World(
            gemini=[*scripts, HELLO],
            ollama=[*reversed(scripts), HELLO],
            clock=clock,
            limiter=FarLimiter(MemoryRateLimiter(clock), clock, 0.01),
            shared=FarCache(clock, 0.01),
        )
        self.clients = [
            client_of("a", tokens=10_000),
            client_of("b", concurrency=5),
            client_of("c"),
            client_of("d", tokens=200),
        ]

    def call(self) -> ChatCall:
        return call_of(
            f"{self.chance.randrange(20)}",
            hint=self.chance.choice((Hint.FAST, Hint.FAST, Hint.LOCAL, Hint.SECURE)),
            grain=self.chance.choice(tuple(Grain)),
            cache=CacheDirective(mode=self.chance.choice(tuple(CacheMode))),
            timeout=self.chance.choice((None, None, 0.7)),
            max_tokens=50,
        )

    async def visit(self, client: Client, patience: int) -> None:
        try:
            async with self.world.open(self.call(), client) as asked:
                read = 0
                async for _ in asked:
                    read += 1
                    if read == patience:
                        return
        except GatewayError:
            return

    async def come_and_go(self, visits: int) -> None:
        chance = self.chance
        for _ in range(visits // 100):
            here = [
                asyncio.create_task(self.visit(chance.choice(self.clients), chance.choice((1, 2, 30, 1000))))
                for _ in range(100)
            ]
            while any(not task.done() for task in here):
                await self.world.clock.advance(chance.choice((0, 0.01, 0.02, 0.3, 1.0)))
                for task in here:
                    if chance.random() < 0.3:
                        task.cancel()
            await asyncio.gather(*here, return_exceptions=True)
        await self.world.clock.advance(120)


async def nothing_is_left_of(visits: int) -> None:
    crowd = Crowd(seed=visits)
    await crowd.come_and_go(visits)
    world = crowd.world
    assert await world.at_rest()
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    records = world.observer.records
    assert len(records) == len(world.observer.requests)
    assert all(record.left or record.error or record.finish_reason for record in records)
    assert min(sum(record.left for record in records), sum(record.usage is not None for record in records)) > 100
    asking = asyncio.create_task(world.ask(call_of(LAST), client_of("new", tokens=1000, concurrency=1)))
    await world.clock.advance(10)
    assert asking.done()
    assert (await asking).reply.content == "Hello there"


@pytest.mark.search
async def test_two_thousand_departures_leave_nothing() -> None:
    await nothing_is_left_of(2_000)


@pytest.mark.nightly
async def test_ten_thousand_departures_leave_nothing() -> None:
    await nothing_is_left_of(10_000)
