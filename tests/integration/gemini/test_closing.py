"""How Gemini's calls end: closed at once by who leaves, and by each limit of patience."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import AsyncGeneratorType
from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta, collect

from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Cut, Flood, Hold, Reset, Wait
from ..waiting import eventually
from .calls import HELLO, TO, WORLD, ask, events_of, served
from .payloads import said, sse, stream

pytestmark = pytest.mark.usefixtures("carrier")


async def tell(events: AsyncGenerator[ChatEvent, None], told: "asyncio.Queue[ChatEvent]") -> None:
    async with aclosing(events):
        async for event in events:
            told.put_nowait(event)


async def test_what_becomes_of_the_connection_after_the_mark_no_longer_matters() -> None:
    clock = ScriptedClock()
    for then in (Reset(), Cut()):
        async with served(stream(HELLO, WORLD, then=(then,))) as (_, model):
            told = await events_of(model)
            assert isinstance(told[-1], Finished)
    async with served(stream(HELLO, WORLD, then=(Hold(),)), clock=clock) as (server, model):
        so_far: asyncio.Queue[ChatEvent] = asyncio.Queue()
        waiting = asyncio.create_task(tell(ask(model, clock=clock), so_far))
        for _ in (Started, TextDelta, TextDelta):
            await so_far.get()
        assert await advance_until_done(clock, waiting) <= 3.0
        assert isinstance(so_far.get_nowait(), Finished)
        await eventually(server.left.is_set, within=0.5)


async def test_what_comes_after_the_mark_is_read_and_the_connection_used_again() -> None:
    event = asyncio.Event()
    mark, usage = said({"text": "lo"}, finish="STOP"), {"usageMetadata": {"promptTokenCount": 3}}
    async with served(stream(HELLO, mark, then=(Wait(event), sse(usage)))) as (server, model):
        told: asyncio.Queue[ChatEvent] = asyncio.Queue()
        waiting = asyncio.create_task(tell(ask(model), told))
        for _ in (Started, TextDelta, TextDelta):
            await told.get()
        event.set()
        await waiting
        finished = told.get_nowait()
        assert isinstance(finished, Finished)
        assert finished.usage.prompt_tokens == 3
        await events_of(model)
        assert server.connections == 1


def parts_forever() -> Answer:
    return Answer((Flood(sse(HELLO)),), headers={"Content-Type": "text/event-stream"})


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("answer", [BEFORE_THE_HEAD, Answer((Hold(),))], ids=["no head", "no body"])
async def test_cancelling_who_waits_for_the_first_byte_closes_the_call(grain: Grain, answer: Answer) -> None:
    async with served(answer) as (server, model):
        waiting = asyncio.create_task(events_of(model, grain=grain))
        await server.parked.wait()
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await eventually(server.left.is_set, within=0.5)


async def test_cancelling_who_waits_in_the_middle_closes_the_call() -> None:
    async with served(stream(HELLO, then=(Hold(),))) as (server, model):
        told: asyncio.Queue[ChatEvent] = asyncio.Queue()
        waiting = asyncio.create_task(tell(ask(model), told))
        for _ in (Started, TextDelta):
            await told.get()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await eventually(server.left.is_set, within=0.5)


@pytest.mark.parametrize("answer", [stream(HELLO, then=(Hold(),)), parts_forever()], ids=["silent", "sending"])
async def test_closing_between_two_events_closes_the_call(answer: Answer) -> None:
    async with served(answer) as (server, model):
        events = ask(model)
        assert await anext(events) == Started(endpoint=TO.id)
        assert await anext(events) == TextDelta(text="Hel")
        await server.parked.wait()
        await events.aclose()
        await eventually(server.left.is_set, within=0.5)


def unfinished() -> int:
    return sum(isinstance(each, AsyncGeneratorType) and each.ag_frame is not None for each in gc.get_objects())


async def test_closing_leaves_nothing_to_the_garbage_collector() -> None:
    block = b"".join(sse(HELLO) for _ in range(50))  # read at once, and parsed one by one
    async with served(Answer((block, Hold()))) as (server, model):
        gc.collect()
        gc.disable()
        try:
            before = unfinished()
            async with aclosing(ask(model)) as events:
                await anext(events)
                await server.parked.wait()
                assert unfinished() > before
            assert unfinished() == before
        finally:
            gc.enable()


async def test_a_thousand_that_leave_hurt_nobody() -> None:
    async with served(stream(HELLO, then=(Hold(),))) as (server, model):

        async def leave(number: int) -> None:
            if number % 2:
                async with aclosing(ask(model)) as events:
                    await anext(events)
                return
            waiting = asyncio.create_task(events_of(model))
            await asyncio.sleep(number % 7 / 1_000)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

        for start in range(0, 1_000, 50):
            await asyncio.gather(*(leave(number) for number in range(start, start + 50)))
        server.scripts = [stream(HELLO, WORLD)]
        assert (await collect(ask(model))).content == "Hello"


async def advance_until_done(clock: ScriptedClock, task: "asyncio.Task[Any]", step: float = 1.0) -> float:
    began = clock.monotonic()
    while not task.done():
        await clock.advance(step)
    return clock.monotonic() - began


@pytest.mark.parametrize(
    ("answer", "grain", "first", "seconds"),
    [
        (BEFORE_THE_HEAD, Grain.STREAM, 0, 120),
        (stream(said(), then=(Hold(),)), Grain.STREAM, 0, 120),  # says something, and no content
        (stream(HELLO, then=(Hold(),)), Grain.STREAM, 2, 60),
        (BEFORE_THE_HEAD, Grain.WHOLE, 0, 600),
        (Answer((b'{"candidates": [', Hold())), Grain.WHOLE, 0, 600),
    ],
    ids=["first byte", "first content", "next part", "whole", "rest"],
)
async def test_each_wait_has_its_own_limit(answer: Answer, grain: Grain, first: int, seconds: float) -> None:
    clock = ScriptedClock()
    async with served(answer, clock=clock) as (server, model):
        told: asyncio.Queue[ChatEvent] = asyncio.Queue()
        waiting = asyncio.create_task(tell(ask(model, grain=grain, clock=clock, seconds=600), told))
        await server.parked.wait()
        for _ in range(first):
            await told.get()
        took = await advance_until_done(clock, waiting)
        with pytest.raises(ProviderTimeout):
            await waiting
        assert seconds <= took <= seconds + 1
        await eventually(server.left.is_set, within=0.5)


async def test_the_deadline_ends_a_stream_that_never_pauses() -> None:
    async with served(parts_forever()) as (server, model):
        with pytest.raises(ProviderTimeout):
            await events_of(model, seconds=0.3)
        await eventually(lambda: not server.open_calls, within=0.5)


async def test_a_slow_reader_is_not_held_against_the_model() -> None:
    clock = ScriptedClock()
    async with served(stream(HELLO, WORLD), clock=clock) as (_, model):
        told = []
        async with aclosing(ask(model, clock=clock, seconds=20)) as events:
            async for event in events:
                told.append(event)
                await clock.advance(100.0)
        assert isinstance(told[-1], Finished)
