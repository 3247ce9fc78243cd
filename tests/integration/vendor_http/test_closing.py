"""Leaving reaches the vendor within a second, wherever the call stands, and leaves nothing behind."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http.client import VendorHttp
from llm_gateway.adapters.outbound.vendor_http.errors import BrokenOff, Unconnected

from ..loopback import Loopback
from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Flood, Hold, Script, chunk, head, whole
from ..waiting import eventually
from .calls import PATH, Way, both_ways, by_stream, by_whole, http_to, served, stream_of

PARKED: Script = (head(), chunk(b"data: 1\n\n"), Hold())


async def test_a_parked_stream_is_closed_at_once() -> None:
    async with served(PARKED) as (server, http, clock):
        stream = stream_of(http, clock)
        await stream.next()
        await server.parked.wait()

        await stream.aclose()
        await stream.aclose()

        await eventually(server.left.is_set, within=0.5)
        with pytest.raises(BrokenOff):
            await stream.next()


@pytest.mark.parametrize("script", [BEFORE_THE_HEAD, (head(), Hold()), PARKED])
async def test_a_stream_that_another_task_waits_for_is_closed_at_once(script: Script) -> None:
    async with served(script) as (server, http, clock):
        stream = stream_of(http, clock)
        if script is PARKED:
            await stream.next()
        asking = asyncio.create_task(stream.next())
        await server.parked.wait()

        await stream.aclose()

        await eventually(server.left.is_set, within=0.5)
        with pytest.raises(BrokenOff):
            await asking
        assert asking.cancelling() == 0


async def test_a_stream_that_floods_is_closed_at_once() -> None:
    async with served(Answer((Flood(b"data: 1\n\n" * 5_000),))) as (server, http, clock):
        stream = stream_of(http, clock)
        await stream.next()
        await server.parked.wait()

        await stream.aclose()

        await eventually(lambda: not server.open_calls, within=0.5)


async def test_a_closed_stream_that_ended_leaves_its_connection_to_the_next() -> None:
    async with served(Answer((b"data: 1\n\n",))) as (server, http, clock):
        for _ in range(2):
            stream = stream_of(http, clock)
            while await stream.next() is not None:
                pass
            await stream.aclose()

        assert server.connections == 1


class Deaf(Loopback):
    """Takes connections, and reads nothing of what comes over them."""

    def __init__(self) -> None:
        super().__init__(receive_bytes=4_096)
        self.over = asyncio.Event()

    @override
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.over.wait()


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_call_whose_request_the_vendor_does_not_take_is_closed_at_once(streamed: bool) -> None:
    body = b"x" * 16_000_000
    clock = ScriptedClock()
    server = Deaf()
    async with server.running(), http_to(server.url, clock) as http:
        try:
            if streamed:
                asking: asyncio.Future[object] = asyncio.ensure_future(stream_of(http, clock, body=body).next())
            else:
                asking = asyncio.ensure_future(http.whole("POST", PATH, body, until=clock.monotonic() + 60.0))
            (protocol,) = await acquired(http, 1)
            for _ in range(50):  # until all buffers are full
                await asyncio.sleep(0.001)
            assert protocol.transport.get_write_buffer_size()
            closed = protocol.closed
            asking.cancel()
            await asyncio.wait((asking,))

            await eventually(closed.done, within=0.5)
        finally:
            server.over.set()


async def acquired(http: VendorHttp, number: int) -> Collection[Any]:
    """Its connections that calls have, once there are so many."""
    connector = http._session.connector
    assert connector is not None
    await eventually(lambda: sum(bool(getattr(one, "transport", None)) for one in connector._acquired) == number)
    return connector._acquired


@both_ways
async def test_many_calls_that_are_cancelled_anywhere_leave_nothing_behind(way: Way) -> None:
    scripts: list[Script] = [BEFORE_THE_HEAD, (head(), Hold()), PARKED, whole(b"data: 1\n\n")]
    async with served(*scripts * 75, whole(b"data: end\n\n")) as (server, http, clock):
        for turns in range(300):
            asking = asyncio.ensure_future(way(http, clock))
            for _ in range(turns % 30):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await eventually(lambda: not server.open_calls)
        while len(server.asked) < 300:
            await asyncio.gather(asyncio.wait_for(way(http, clock), 0.02), return_exceptions=True)
        connections = server.connections
        for _ in range(3):
            assert b"end" in await way(http, clock)

        assert server.connections <= connections + 1
        assert not await acquired(http, 0)


async def test_a_closed_client_sends_nothing_and_ends_what_is_open() -> None:
    async with served(PARKED) as (server, http, clock):
        stream = stream_of(http, clock)
        await stream.next()
        await http.aclose()

        await eventually(server.left.is_set, within=0.5)
        for way in (by_whole, by_stream):
            with pytest.raises(Unconnected):
                await way(http, clock)
        with pytest.raises(BrokenOff):
            await stream.next()
        assert server.connections == 1


@both_ways
async def test_a_call_ends_with_the_client_that_is_closed(way: Way) -> None:
    async with served((head(), chunk(b"dat"), Hold())) as (server, http, clock):
        asking = asyncio.create_task(way(http, clock))
        await server.parked.wait()
        await http.aclose()

        with pytest.raises(BrokenOff):
            await asking
        await eventually(server.left.is_set, within=0.5)
