"""Answers with another status than 200: told by it, whatever becomes of their bodies."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.vendor_http.errors import MAX_REFUSAL_BYTES, HttpRefusal

from ..scripted_vendor import Answer, Cut, Flood, Hold, Reset, Step, Wait, chunk, head, whole
from ..waiting import eventually
from .calls import CountingClock, Server, Way, both_ways, served


@both_ways
@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 429, 500, 503, 599])
async def test_every_other_status_is_a_refusal_and_nothing_is_followed(way: Way, status: int) -> None:
    async with Server(whole(b"data: elsewhere\n\n")).running() as elsewhere:
        headers = {"Location": elsewhere.url, "Retry-After": "7", "Content-Length": "0"}
        said = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        async with served((f"HTTP/1.1 {status} Said\r\n".encode() + said + b"\r\n",)) as (server, http, clock):
            with pytest.raises(HttpRefusal) as refused:
                await way(http, clock)

            assert (refused.value.status, refused.value.retry_after, refused.value.body) == (status, "7", b"")
            assert len(server.asked) == 1
            assert elsewhere.connections == 0


@both_ways
async def test_a_refusal_holds_its_body_and_its_message_does_not(way: Way) -> None:
    async with served(whole(b'{"error":"the secret"}', 400)) as (server, http, clock):
        for _ in range(2):
            with pytest.raises(HttpRefusal) as refused:
                await way(http, clock)
            assert refused.value.body == b'{"error":"the secret"}'
            assert "secret" not in repr(refused.value)
            assert refused.value.retry_after is None

        assert server.connections == 1


@both_ways
async def test_of_an_endless_refusal_the_beginning_is_read(way: Way) -> None:
    async with served(Answer((Flood(b"x" * 1_000),), 500)) as (server, http, clock):
        with pytest.raises(HttpRefusal) as refused:
            await way(http, clock)

        assert refused.value.body == b"x" * MAX_REFUSAL_BYTES
        await eventually(lambda: not server.open_calls, within=0.5)


@both_ways
@pytest.mark.parametrize("then", [Cut(), Reset(), b"no chunk\r\n"])
async def test_a_refusal_whose_body_can_not_be_read_is_one_by_its_status(way: Way, then: Step) -> None:
    clock, began = CountingClock(), asyncio.Event()
    async with served((head(503), chunk(b"bu"), Wait(began), then, Hold()), clock=clock) as (_, http, _):
        asking = asyncio.create_task(way(http, clock))
        await eventually(lambda: clock.alarms == 2)  # it reads the body
        began.set()

        with pytest.raises(HttpRefusal) as refused:
            await asking
        assert (refused.value.status, refused.value.body) == (503, b"bu")


@both_ways
async def test_a_refusal_whose_body_does_not_end_is_told_after_five_seconds(way: Way) -> None:
    clock = CountingClock()
    async with served((head(429, {"Retry-After": "3"}), chunk(b"slow"), Hold()), clock=clock) as (server, http, _):
        asking = asyncio.create_task(way(http, clock))
        await server.parked.wait()
        await eventually(lambda: clock.alarms == 2)  # it reads the body
        await clock.advance(4.9)
        assert not asking.done()
        await clock.advance(0.2)

        with pytest.raises(HttpRefusal) as refused:
            await asking
        assert (refused.value.status, refused.value.retry_after, refused.value.body) == (429, "3", b"slow")
        assert asking.cancelling() == 0
        await eventually(server.left.is_set, within=0.5)
