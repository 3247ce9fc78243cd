"""Who reads a flight sees the whole of it, whoever else joins, and only the last to leave ends it."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.shared_answer import EVENTS_AHEAD
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.events import TextDelta

from .sources import End, Source, answer_of, events_of, read, whole


async def test_one_call_answers_everyone_who_asks_meanwhile() -> None:
    flights, leader, other = Flights(), whole("a", "b"), Source()
    readers = [flights.join("key", source) for source in (leader, other, other)]
    assert await asyncio.gather(*map(read, readers)) == [answer_of("a", "b")] * 3
    assert (leader.calls, other.calls) == (1, 0)
    assert [reader.leads for reader in readers] == [True, False, False]
    await settle()
    assert len(flights) == 0


async def test_a_late_reader_sees_the_same_events_from_the_first_on() -> None:
    flights, source = Flights(), Source(*events_of("a"))
    first = flights.join("key", source)
    assert [await anext(first) for _ in range(2)] == events_of("a")
    second = flights.join("key", Source())
    source.then(*answer_of("a", "b")[2:], End())
    assert await read(second) == answer_of("a", "b")
    assert await read(first) == answer_of("a", "b")[2:]


async def test_different_keys_and_no_key_never_share() -> None:
    flights = Flights()
    sources = [whole("a"), whole("b"), whole("c"), whole("d")]
    readers = [flights.join(key, source) for key, source in zip((1, 2, None, None), sources, strict=True)]
    told = await asyncio.gather(*map(read, readers))
    assert told == [answer_of(word) for word in "abcd"]
    assert [source.calls for source in sources] == [1, 1, 1, 1]


async def test_who_joins_after_the_last_event_and_before_the_flight_ended_has_it_replayed() -> None:
    flights, source = Flights(), Source(*answer_of("a"))
    assert await read(flights.join("key", source)) == answer_of("a")
    assert source.open == 1, "the answer is still being stored"
    late = Source()
    assert await read(flights.join("key", late)) == answer_of("a")
    assert late.calls == 0
    source.then(End())
    await settle()
    assert (source.open, len(flights)) == (0, 0)


async def test_after_the_end_the_same_key_begins_anew() -> None:
    flights = Flights()
    assert await read(flights.join("key", whole("a"))) == answer_of("a")
    await settle()
    assert await read(flights.join("key", whole("b"))) == answer_of("b")


async def test_a_leaders_leaving_touches_nobody() -> None:
    flights, source = Flights(), Source(*events_of("a"))
    leader, follower = flights.join("key", source), flights.join("key", Source())
    await anext(leader)
    await leader.aclose()
    await settle()
    assert source.open == 1
    source.then(*answer_of("a", "b")[2:], End())
    assert await read(follower) == answer_of("a", "b")


@pytest.mark.parametrize("words", [[], ["a"]], ids=["before", "after"])
async def test_the_last_to_leave_has_the_call_closed_before_it_is_gone(words: list[str]) -> None:
    flights, source = Flights(), Source(*(events_of(*words) if words else []))
    source.closing_turns = 3
    readers = [flights.join("key", source), flights.join("key", Source())]
    await settle()
    await readers[0].aclose()
    assert source.open == 1
    await readers[1].aclose()
    assert (source.open, len(flights)) == (0, 0)


async def test_a_flight_whose_reader_left_at_once_never_calls() -> None:
    flights, source = Flights(), whole("a")
    await flights.join("key", source).aclose()
    assert (source.calls, len(flights)) == (0, 0)


async def test_who_asks_again_while_a_left_call_is_closing_gets_a_call_of_its_own() -> None:
    flights, old, new = Flights(), Source(*events_of("old")), whole("new")
    old.closing_turns = 10
    reader = flights.join("key", old)
    await anext(reader)
    leaving = asyncio.create_task(reader.aclose())
    await asyncio.sleep(0)
    assert await read(flights.join("key", new)) == answer_of("new")
    await leaving


async def test_a_reader_that_never_read_can_be_closed() -> None:
    flights, source = Flights(), Source(*answer_of("a"), End())
    silent, other = flights.join("key", source), flights.join("key", Source())
    assert await read(other) == answer_of("a")
    await silent.aclose()
    await silent.aclose()
    await settle()
    assert len(flights) == 0


async def test_a_cancelled_reader_leaves_nothing_once_it_is_closed() -> None:
    flights, source = Flights(), Source()
    reader = flights.join("key", source)
    reading = asyncio.create_task(read(reader))
    await settle()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (source.open, len(flights)) == (0, 0)


async def test_a_cancelled_reader_does_not_end_the_others() -> None:
    flights, source = Flights(), Source(*events_of("a"))
    reading = [asyncio.create_task(read(flights.join("key", source))) for _ in range(3)]
    await settle()
    reading[0].cancel()
    await settle()
    source.then(*answer_of("a")[2:], End())
    assert await asyncio.gather(*reading[1:]) == [answer_of("a")] * 2
    assert reading[0].cancelled()


async def test_a_flight_stays_close_to_its_fastest_reader() -> None:
    flights = Flights()
    words = [f"{number}" for number in range(100)]
    source = whole(*words)
    fast, slow = flights.join("key", source), flights.join("key", Source())
    await settle()
    assert source.sent == EVENTS_AHEAD
    for taken in range(1, 60):
        await anext(fast)
        await settle(3)
        assert source.sent == EVENTS_AHEAD + taken
    await fast.aclose()
    assert await read(slow) == answer_of(*words)


async def test_a_flight_that_waits_for_its_readers_ends_when_they_leave() -> None:
    flights, source = Flights(), whole(*"abcdefghij" * 10)
    reader = flights.join("key", source)
    await settle()
    await reader.aclose()
    assert (source.open, len(flights)) == (0, 0)


async def test_the_last_event_is_never_held_back_for_a_slow_reader() -> None:
    flights, source = Flights(), whole(*"a" * (EVENTS_AHEAD - 2))
    reader = flights.join("key", source)
    await settle()
    assert source.open == 0, "the call ended, and what it held is free"
    assert isinstance((await read(reader))[1], TextDelta)
