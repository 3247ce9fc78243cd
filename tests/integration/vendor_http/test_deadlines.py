"""How long a vendor is waited for, by an injected clock and with one alarm a call."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http.stream import VendorStream

from ..scripted_vendor import BEFORE_THE_HEAD, LAST, Hold, Step, Wait, chunk, head
from ..waiting import eventually
from .calls import CountingClock, Way, both_ways, events_of, served, stream_of


async def time_out(clock: ScriptedClock, asking: "asyncio.Future[Any]", after: float) -> None:
    """It waits so long, and no longer."""
    await clock.advance(after - 0.1)
    assert not asking.done()
    await clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await asking


async def parked(stream: VendorStream) -> "asyncio.Task[Sequence[bytes] | None]":
    return asyncio.create_task(stream.next())


@both_ways
@pytest.mark.parametrize("said", [(), (head(),), (head(), chunk(b"dat"))])
async def test_an_answer_that_does_not_begin_is_given_up_at_its_time(way: Way, said: tuple[Step, ...]) -> None:
    clock = ScriptedClock()
    async with served((*said, Hold()), clock=clock) as (server, http, _):
        asking = asyncio.create_task(way(http, clock))
        await server.parked.wait()
        await time_out(clock, asking, 60.0)

        assert asking.cancelling() == 0
        await eventually(server.left.is_set, within=0.5)


@both_ways
async def test_nothing_is_sent_where_the_time_is_up_already(way: Way) -> None:
    clock = ScriptedClock()
    async with served(BEFORE_THE_HEAD, clock=clock) as (server, http, _):
        with pytest.raises(TimeoutError):
            await http.whole("GET", "/", until=clock.monotonic())
        with pytest.raises(TimeoutError):
            await stream_of(http, clock, first=0.0).next()

        assert server.connections == 0


async def test_a_pause_may_last_as_long_as_agreed_and_each_read_starts_it_anew() -> None:
    clock, one, two = ScriptedClock(), asyncio.Event(), asyncio.Event()
    script = (head(), chunk(b"data: 1\n\n"), Wait(one), chunk(b"data: "), Wait(two), chunk(b"2\n\n"), Hold())
    async with served(script, clock=clock) as (server, http, _):
        stream = stream_of(http, clock, idle=30.0)
        assert await stream.next() == [b"1"]
        asking = await parked(stream)
        await clock.advance(29.0)
        one.set()
        await eventually(lambda: server.sent > len(head()) + 20)
        for _ in range(50):  # until the part has been read
            await asyncio.sleep(0.001)
        await clock.advance(29.0)
        two.set()
        assert await asking == [b"2"]

        await time_out(clock, await parked(stream), 30.0)


async def test_an_answer_in_drops_ends_at_its_time() -> None:
    clock = ScriptedClock()
    drops = [asyncio.Event() for _ in range(100)]
    script = [step for drop in drops for step in (Wait(drop), chunk(b"data: 1\n\n"))]
    async with served((head(), *script), clock=clock) as (_, http, _):
        stream = stream_of(http, clock, idle=30.0, total=200.0)
        for drop in drops[:9]:
            asking = await parked(stream)
            await clock.advance(20.0)
            drop.set()
            assert await asking == [b"1"]

        await time_out(clock, await parked(stream), 20.0)


async def test_the_readers_time_is_not_the_vendors() -> None:
    clock, more = ScriptedClock(), asyncio.Event()
    script = (head(), chunk(b"data: 1\n\n"), Wait(more), chunk(b"data: 2\n\n"), LAST)
    async with served(script, clock=clock) as (_, http, _):
        stream = stream_of(http, clock, idle=30.0, total=40.0)
        await stream.next()
        await clock.advance(10_000.0)
        asking = await parked(stream)
        await clock.advance(29.0)
        more.set()

        assert await asking == [b"2"]
        assert await stream.next() is None


async def test_deadlines_can_be_moved_between_two_reads() -> None:
    clock = ScriptedClock()
    async with served((head(), chunk(b"data: 1\n\n"), Hold()), clock=clock) as (_, http, _):
        stream = stream_of(http, clock, first=120.0)
        await stream.next()
        assert stream.first_by is None

        stream.first_by = clock.monotonic() + 90.0
        await time_out(clock, await parked(stream), 90.0)


async def test_a_stream_has_one_alarm_however_many_its_reads() -> None:
    clock = CountingClock()
    more = [asyncio.Event() for _ in range(100)]
    script = [step for event in more for step in (chunk(b"data: 1\n\n"), Wait(event))]
    async with served((head(), *script, LAST), clock=clock) as (_, http, _):
        stream = stream_of(http, clock)
        for event in more:
            assert await stream.next() == [b"1"]
            event.set()
        assert await stream.next() is None

        assert clock.alarms <= 2  # the first event's, and the one for all pauses


async def test_a_timeout_that_comes_while_the_reader_works_does_not_reach_the_reader() -> None:
    clock, more = ScriptedClock(), asyncio.Event()
    script = (head(), chunk(b"data: 1\n\n"), Wait(more), chunk(b"data: 2\n\n"), LAST)
    async with served(script, clock=clock) as (_, http, _):
        stream = stream_of(http, clock, first=1.0, idle=1.0)
        await stream.next()
        task = asyncio.current_task()
        await clock.advance(100.0)
        more.set()

        assert await events_of(stream) == [b"2"]
        assert task is not None
        assert task.cancelling() == 0


@both_ways
async def test_a_cancelled_call_is_cancelled_and_closed(way: Way) -> None:
    clock = ScriptedClock()
    for script in (BEFORE_THE_HEAD, (head(), chunk(b"dat"), Hold())):
        async with served(script, clock=clock) as (server, http, _):
            asking = asyncio.create_task(way(http, clock))
            await server.parked.wait()
            asking.cancel()

            with pytest.raises(asyncio.CancelledError):
                await asking
            await eventually(server.left.is_set, within=0.5)


@both_ways
async def test_a_call_that_is_cancelled_as_its_time_comes_is_cancelled(way: Way) -> None:
    clock = ScriptedClock()
    async with served(BEFORE_THE_HEAD, clock=clock) as (server, http, _):
        asking = asyncio.create_task(way(http, clock))
        await server.parked.wait()
        asking.get_loop().call_soon(asking.cancel)
        await clock.advance(60.0)

        with pytest.raises(asyncio.CancelledError):
            await asking
