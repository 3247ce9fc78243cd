"""Nothing that a vendor sends grows without end."""

import asyncio
from collections.abc import Callable

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http import framing
from llm_gateway.adapters.outbound.vendor_http.errors import AnswerTooLarge, Malformed, VendorHttpError
from llm_gateway.adapters.outbound.vendor_http.framing import Framing, JsonLines, ServerSentEvents

from ..scripted_vendor import Answer, Flood, Hold, head
from ..waiting import eventually
from .calls import PATH, Way, both_ways, by_stream, by_whole, events_of, served, stream_of

LIMIT = 200_000
IN_FLIGHT = 8_000_000
"""What sockets' buffers may hold of an answer that is read no more."""


@both_ways
@pytest.mark.parametrize("framed", [True, False])
async def test_an_endless_answer_ends_at_its_bound(way: Way, framed: bool) -> None:
    endless = Answer((Flood(b'data: {"a":1}\n\n' * 50),), framed=framed)
    async with served(endless, max_body_bytes=LIMIT) as (server, http, clock):
        with pytest.raises(AnswerTooLarge):
            await way(http, clock)

        await eventually(lambda: not server.open_calls, within=0.5)
        assert server.sent < LIMIT + IN_FLIGHT


async def test_an_answer_may_be_just_as_long_as_its_bound() -> None:
    for size, told in ((LIMIT, True), (LIMIT, False)):
        text = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size if told else head()
        body = b"x" * size if told else b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"
        async with served((text, body), max_body_bytes=LIMIT) as (_, http, clock):
            assert len(await by_whole(http, clock)) == LIMIT
            with pytest.raises(AnswerTooLarge):
                await http.whole("GET", PATH, until=clock.monotonic() + 1.0, limit=LIMIT - 1)


@pytest.mark.parametrize(
    ("kind", "begin", "more"),
    [
        (ServerSentEvents, b"data: ", b"x" * 1_000),
        (ServerSentEvents, b"data: x\n", b"data: " + b"x" * 1_000 + b"\n"),
        (ServerSentEvents, b": ", b"x" * 1_000),
        (ServerSentEvents, b"{\n", b"x" * 1_000 + b"\n"),
        (JsonLines, b'{"a":"', b"x" * 1_000),
    ],
)
async def test_an_endless_event_ends_at_its_bound(
    kind: Callable[[], Framing], begin: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_EVENT_BYTES", LIMIT)
    async with served(Answer((begin, Flood(more)))) as (server, http, clock):
        with pytest.raises(AnswerTooLarge):
            await events_of(stream_of(http, clock, framing=kind()))

        await eventually(lambda: not server.open_calls, within=0.5)
        assert server.sent < LIMIT + IN_FLIGHT


@both_ways
@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"", b"x" * 1_000),
        (b"HTTP/1.1 200 ", b"x" * 1_000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1_000),
        (b"HTTP/1.1 200 OK\r\nX", b"x" * 1_000),
        (b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 100 + b"\r\n"),
        (head() + b"0\r\n", b"X: " + b"x" * 100 + b"\r\n"),
        (head() + b"0\r\nX: ", b"x" * 1_000),
    ],
    ids=["no line", "reason", "header", "name", "headers", "trailers", "trailer"],
)
async def test_an_endless_head_ends_at_its_bound(way: Way, begin: bytes, more: bytes) -> None:
    async with served((begin, Flood(more)), max_body_bytes=LIMIT) as (server, http, clock):
        with pytest.raises(VendorHttpError):
            await way(http, clock)

        await eventually(lambda: not server.open_calls, within=0.5)
        assert server.sent < IN_FLIGHT


@both_ways
@pytest.mark.parametrize("begin", [b"1;", b"0000"], ids=["extension", "size"])
async def test_an_endless_head_of_a_chunk_is_held_nowhere_and_ends_in_time(way: Way, begin: bytes) -> None:
    clock = ScriptedClock()
    async with served((head(), begin, Flood(b"0" * 1_000)), clock=clock) as (server, http, _):
        asking = asyncio.create_task(way(http, clock))
        await eventually(lambda: server.sent > IN_FLIGHT)
        await clock.advance(60.0)

        with pytest.raises(TimeoutError):
            await asking
        await eventually(lambda: not server.open_calls, within=0.5)


async def test_an_answer_that_nobody_reads_is_not_taken_from_the_vendor() -> None:
    async with served(Answer((Flood(b'data: {"a":1}\n\n' * 5_000),))) as (server, http, clock):
        stream = stream_of(http, clock)
        await stream.next()
        await server.parked.wait()
        for _ in range(100):
            await asyncio.sleep(0.001)

        assert server.sent < IN_FLIGHT
        await stream.aclose()
        await eventually(lambda: not server.open_calls, within=0.5)


async def test_lines_that_are_no_events_are_malformed() -> None:
    async with served(Answer((b"<html>\n", Hold()))) as (server, http, clock):
        with pytest.raises(Malformed):
            await by_stream(http, clock)

        await eventually(server.left.is_set, within=0.5)
