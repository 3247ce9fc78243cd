"""A batch is one wake and one read, however many events it has, and nobody gets too much at once."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.backlog import Backlog
from llm_gateway.application.shared_answer import BYTES_AHEAD, EVENTS_AHEAD, TAKEN_BYTES, Hand, Reader, SharedAnswer
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.events import ChatEvent, TextDelta

from .sources import Source, answer_of, events_of, read


async def nothing(_: SharedAnswer) -> None: ...


async def landed() -> None: ...


def answer_and_reader() -> tuple[SharedAnswer, Reader]:
    answer = SharedAnswer(Backlog(), lambda: None)
    reader = Reader(answer, nothing, None, landed)
    answer.join(reader)
    return answer, reader


async def publish(answer: SharedAnswer, *events: ChatEvent) -> None:
    answer.collector.extend(events)
    if answer.publish(events):
        await answer.room()


async def test_a_reader_that_waits_takes_a_whole_batch_at_once() -> None:
    answer, reader = answer_and_reader()
    taking = asyncio.create_task(reader.take())
    await settle()
    events = answer_of(*"abcdefghij" * 10)
    await publish(answer, *events)
    assert await taking == events
    assert await reader.take() == ()


async def test_what_came_in_several_batches_meanwhile_is_taken_together() -> None:
    answer, reader = answer_and_reader()
    for event in events_of(*"abc"):
        await publish(answer, event)
    assert await anext(reader) == events_of()[0]
    assert await reader.take() == events_of(*"abc")[1:]


async def test_who_catches_up_takes_parts_and_lets_others_run() -> None:
    answer, reader = answer_and_reader()
    texts = [TextDelta(text=f"{number:01000}") for number in range(200)]
    publishing = asyncio.create_task(publish_each(answer, texts))
    await settle()
    ahead = Reader(answer, nothing, None, landed)
    answer.join(ahead)
    for _ in texts:
        await anext(ahead)
        await settle(1)
    await publishing

    turns, taken = 0, list[ChatEvent]()
    beside = asyncio.create_task(count(lambda: len(taken) < len(texts)))
    while len(taken) < len(texts):
        part = await reader.take()
        turns += 1
        assert sum(len(event.text) for event in part if isinstance(event, TextDelta)) <= TAKEN_BYTES
        taken += part
    assert taken == texts
    assert await beside >= turns - 2


async def publish_each(answer: SharedAnswer, events: list[TextDelta]) -> None:
    for event in events:
        await publish(answer, event)


async def count(goes_on: Callable[[], bool]) -> int:
    turns = 0
    while goes_on():
        turns += 1
        await asyncio.sleep(0)
    return turns


async def test_an_answer_of_large_events_is_ahead_by_bytes() -> None:
    flights, large = Flights(), TextDelta(text="x" * (BYTES_AHEAD // 4))
    source = Source(*[large] * EVENTS_AHEAD)
    reader = flights.join("key", source)
    await settle()
    assert source.sent == 4
    await anext(reader)
    await settle()
    assert source.sent == 5
    await reader.aclose()


async def test_a_batch_beyond_what_may_be_ahead_is_published_whole() -> None:
    answer, reader = answer_and_reader()
    events = [TextDelta(text="x")] * (EVENTS_AHEAD * 3)
    publishing = asyncio.create_task(publish(answer, *events))
    await settle()
    assert not publishing.done()
    assert await reader.take() == events
    await publishing
    await publish(answer, *answer_of()[1:])
    assert await read(reader) == answer_of()[1:]


class Hands:
    """What a reader was handed where it was published, as long as it is `free`."""

    def __init__(self) -> None:
        self.free = True
        self.events: list[ChatEvent] = []

    def __call__(self, batch: Sequence[ChatEvent]) -> bool:
        if self.free:
            self.events += batch
        return self.free


async def waiting(reader: Reader, hand: Hand) -> "asyncio.Task[Sequence[ChatEvent]]":
    taking = asyncio.create_task(reader.take(hand))
    await settle()
    return taking


async def test_a_lone_reader_that_waits_is_handed_what_comes_before_any_turn_of_the_loop() -> None:
    answer, reader = answer_and_reader()
    events = answer_of(*"abc")
    hands = Hands()
    taking = await waiting(reader, hands)
    for event in events[:-1]:
        answer.publish((event,))
    assert hands.events == events[:-1]
    assert not taking.done()
    answer.publish(events[-1:])
    assert await taking == events[-1:]
    assert await reader.take(hands) == ()


async def test_what_a_reader_can_not_be_handed_is_read() -> None:
    answer, reader = answer_and_reader()
    hands = Hands()
    taking = await waiting(reader, hands)
    answer.publish([TextDelta(text="a")])
    hands.free = False
    answer.publish([TextDelta(text="b")])
    hands.free = True
    answer.publish([TextDelta(text="c")])
    assert hands.events == [TextDelta(text="a")]
    assert await taking == [TextDelta(text="b"), TextDelta(text="c")]


async def test_of_several_readers_each_reads_for_itself() -> None:
    answer, reader = answer_and_reader()
    other = Reader(answer, nothing, None, landed)
    answer.join(other)
    hands = Hands()
    taking = [await waiting(one, hands) for one in (reader, other)]
    answer.publish([TextDelta(text="a")])
    assert [await one for one in taking] == [[TextDelta(text="a")]] * 2
    assert hands.events == []


async def test_a_reader_that_is_handed_all_is_woken_before_it_is_ahead() -> None:
    answer, reader = answer_and_reader()
    hands = Hands()
    taking = await waiting(reader, hands)
    for _ in range(EVENTS_AHEAD):
        answer.publish([TextDelta(text="x")])
    assert not taking.done()
    assert not answer.publish([TextDelta(text="y")])
    assert any([answer.publish([TextDelta(text="z")]) for _ in range(EVENTS_AHEAD)])
    assert (await taking)[0] == TextDelta(text="y")
    assert hands.events == [TextDelta(text="x")] * EVENTS_AHEAD


async def test_who_fails_at_what_it_is_handed_fails_alone() -> None:
    answer, reader = answer_and_reader()

    def fail(_: Sequence[ChatEvent]) -> bool:
        raise LookupError

    taking = await waiting(reader, fail)
    answer.publish([TextDelta(text="a")])
    with pytest.raises(LookupError):
        await taking
    assert not answer.ended


async def test_who_left_or_waits_for_one_event_is_handed_nothing() -> None:
    answer, reader = answer_and_reader()
    hands = Hands()
    taking = await waiting(reader, hands)
    taking.cancel()
    answer.publish([TextDelta(text="a")])
    assert await anext(reader) == TextDelta(text="a")
    single = asyncio.ensure_future(anext(reader))
    await settle()
    answer.publish([TextDelta(text="b")])
    assert await single == TextDelta(text="b")
    assert hands.events == []
