"""A flight that fails, is refused by its leader's quota, or is ended: each reader ends exactly once."""

import asyncio
import traceback
from collections.abc import Sequence

import pytest

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.shared_answer import Reader
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.errors import Draining, ProviderBroken, ProviderThrottled, QuotaExceeded
from llm_gateway.domain.events import ChatEvent

from .sources import Source, answer_of, broken, events_of, read, refused, whole


async def ends_of(readers: Sequence[Reader]) -> list[list[ChatEvent] | BaseException]:
    return await asyncio.gather(*map(read, readers), return_exceptions=True)


async def test_a_failure_before_the_first_event_reaches_each_waiter() -> None:
    flights = Flights()
    source, other = Source(broken()), whole("never")
    ends = await ends_of([flights.join("key", one) for one in (source, other, other)])
    assert [type(end) for end in ends] == [ProviderBroken] * 3
    assert other.calls == 0
    await settle()
    assert len(flights) == 0


async def test_a_failure_after_the_first_event_breaks_every_reader_after_what_came() -> None:
    flights, source = Flights(), Source(*events_of("a"), broken())
    fast, slow = flights.join("key", source), flights.join("key", Source())
    for reader in (fast, slow):
        assert [await anext(reader) for _ in range(2)] == events_of("a")
        with pytest.raises(ProviderBroken):
            await anext(reader)
        await reader.aclose()


async def test_who_joins_a_flight_in_the_turn_in_which_it_fails_has_an_end_too() -> None:
    for turns in range(8):
        flights = Flights()
        first = asyncio.create_task(read(flights.join("key", Source(broken()))))
        for _ in range(turns):
            await asyncio.sleep(0)
        second = asyncio.create_task(read(flights.join("key", whole("a"))))
        ends = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(ends[0], ProviderBroken)
        assert isinstance(ends[1], ProviderBroken) or ends[1] == answer_of("a")


async def test_a_leaders_quota_ends_its_own_request_alone_and_a_follower_leads() -> None:
    flights, poor, rich, third = Flights(), Source(refused()), whole("a"), Source()
    readers = [flights.join("key", source) for source in (poor, rich, third)]
    ends = await ends_of(readers)
    assert isinstance(ends[0], QuotaExceeded)
    assert ends[1:] == [answer_of("a")] * 2
    assert (poor.calls, rich.calls, third.calls) == (1, 1, 0)
    assert readers[1].leads
    assert not readers[2].leads


async def test_every_quota_may_be_exhausted() -> None:
    flights = Flights()
    sources = [Source(refused()) for _ in range(3)]
    ends = await ends_of([flights.join("key", source) for source in sources])
    assert [type(end) for end in ends] == [QuotaExceeded] * 3
    assert [source.calls for source in sources] == [1, 1, 1]
    await settle()
    assert len(flights) == 0


async def test_who_joins_in_the_turn_in_which_the_last_leader_is_refused_gets_an_answer() -> None:
    for turns in range(8):
        flights = Flights()
        poor = asyncio.create_task(read(flights.join("key", Source(refused()))))
        for _ in range(turns):
            await asyncio.sleep(0)
        rich = asyncio.create_task(read(flights.join("key", whole("a"))))
        with pytest.raises(QuotaExceeded):
            await poor
        assert await rich == answer_of("a")


async def test_a_leader_that_left_hands_its_refusal_to_nobody() -> None:
    flights, poor = Flights(), Source()
    leader, follower = flights.join("key", poor), flights.join("key", whole("a"))
    await settle()
    await leader.aclose()
    poor.then(refused())
    assert await read(follower) == answer_of("a")


async def test_closing_the_flights_ends_every_reader_with_draining() -> None:
    flights = Flights()
    waiting, begun, done = Source(), Source(*events_of("a")), Source(*answer_of("b"))
    for source in (waiting, begun, done):
        source.closing_turns = 3
    reading = [
        asyncio.create_task(read(flights.join(key, source))) for key, source in ((1, waiting), (2, begun), (None, done))
    ]
    await settle()
    await flights.aclose()
    assert waiting.open == begun.open == done.open == len(flights) == 0
    ends = await asyncio.gather(*reading, return_exceptions=True)
    assert [type(end) for end in ends[:2]] == [Draining] * 2
    assert ends[2] == answer_of("b"), "its answer was whole already"


async def test_a_reader_gets_what_has_come_before_it_gets_draining() -> None:
    flights = Flights()
    reader = flights.join("key", Source(*events_of("a")))
    await settle()
    await flights.aclose()
    assert [await anext(reader) for _ in range(2)] == events_of("a")
    with pytest.raises(Draining):
        await anext(reader)
    await reader.aclose()


async def test_closed_flights_start_nothing() -> None:
    flights = Flights()
    await flights.aclose()
    with pytest.raises(Draining):
        flights.join("key", Source())


async def test_closing_twice_at_once_waits_for_the_same_end() -> None:
    flights, source = Flights(), Source()
    source.closing_turns = 5
    reader = flights.join("key", source)
    await settle()
    await asyncio.gather(reader.aclose(), flights.aclose(), flights.aclose())
    assert (source.open, len(flights)) == (0, 0)


async def test_readers_of_one_failure_do_not_share_what_each_adds_to_it() -> None:
    flights = Flights()
    failure = ProviderThrottled("gemini", "later")
    readers = [flights.join("key", Source(failure)) for _ in range(200)]
    ends = await ends_of(readers)
    assert all(isinstance(end, ProviderThrottled) and end.message == failure.message for end in ends)
    assert all(end.provider == "gemini" for end in ends if isinstance(end, ProviderThrottled))
    depths = [len(traceback.extract_tb(end.__traceback__)) for end in ends if isinstance(end, BaseException)]
    assert max(depths) < 12
    assert len(traceback.extract_tb(failure.__traceback__)) < 12
    first = ends[0]
    assert isinstance(first, BaseException)
    first.add_note("of this reader alone")
    assert not any(hasattr(end, "__notes__") for end in ends[1:])


async def test_a_fault_of_ours_reaches_every_reader_too() -> None:
    flights = Flights()
    ends = await ends_of([flights.join("key", Source(ValueError("a bug"))) for _ in range(2)])
    assert [repr(end) for end in ends] == ["ValueError('a bug')"] * 2


async def test_an_error_after_the_last_event_is_nobodys() -> None:
    flights, source = Flights(), Source(*answer_of("a"), broken())
    assert await read(flights.join("key", source)) == answer_of("a")
    await settle()
    assert (source.open, len(flights)) == (0, 0)


def test_a_flight_whose_task_is_cancelled_from_outside_ends_its_readers() -> None:
    async def main() -> None:
        flights = Flights()
        reader = flights.join("key", Source())
        await settle()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(Draining):
            await read(reader)

    asyncio.run(main())
