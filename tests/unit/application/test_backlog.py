"""What waits for slow readers is bounded over all answers: who has most waiting is cut, and nobody else."""

import asyncio

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.backlog import Backlog
from llm_gateway.application.shared_answer import EVENTS_AHEAD, Reader, SharedAnswer
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.errors import SlowReader
from llm_gateway.domain.events import EVENT_OVERHEAD_BYTES, TextDelta

from .sources import FINISHED, End, Source, answer_of, read, whole

MOST_BYTES = 8_000


def text(size: int) -> TextDelta:
    """An event that takes so many bytes."""
    return TextDelta(text="x" * (size - EVENT_OVERHEAD_BYTES))


class Waiting(RuleBasedStateMachine):
    """Answers and readers that come, read and go in any order, beside a plain count of what each has not read."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.backlog = Backlog(MOST_BYTES)
        self.batches: dict[SharedAnswer, list[list[int]]] = {}
        self.read_of: dict[Reader, int] = {}
        """How many batches each has read."""

    def waiting(self, answer: SharedAnswer, reader: Reader) -> int:
        return sum(map(sum, self.batches[answer][self.read_of[reader] :]))

    def longest(self) -> dict[SharedAnswer, int]:
        return {
            answer: max(self.waiting(answer, reader) for reader in answer.readers)
            for answer in self.batches
            if answer.readers
        }

    def after(self, before: dict[SharedAnswer, list[Reader]]) -> None:
        """Only those who had most waiting were cut, and they know."""
        cut = [(answer, one) for answer, readers in before.items() for one in readers if one not in answer.readers]
        left = max(self.longest().values(), default=0)
        for answer, reader in cut:
            assert self.waiting(answer, reader) >= left
            with pytest.raises(SlowReader):
                self.runner.run(reader.begin())

    def here(self) -> dict[SharedAnswer, list[Reader]]:
        return {answer: list(answer.readers) for answer in self.batches}

    @rule()
    def begin(self) -> None:
        if len(self.batches) < 5:
            self.batches[SharedAnswer(self.backlog, lambda: None)] = []

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(list(self.batches)))
        if not answer.events and self.batches[answer]:
            return  # its last reader was cut, and a flight lets nobody join any more

        async def nothing(_: SharedAnswer) -> None: ...

        async def land() -> None: ...

        reader = Reader(answer, nothing, None, land)
        self.read_of[reader] = 0
        before = self.here() | {answer: [*answer.readers, reader]}
        answer.join(reader)
        self.after(before)

    @precondition(lambda self: any(answer.readers for answer in self.batches))
    @rule(data=st.data(), sizes=st.lists(st.integers(EVENT_OVERHEAD_BYTES, 4_000), min_size=1, max_size=3))
    def publish(self, data: st.DataObject, sizes: list[int]) -> None:
        answer = data.draw(st.sampled_from([one for one in self.batches if one.readers]))
        furthest = max(reader.position for reader in answer.readers)
        if len(answer.events) + len(sizes) - furthest >= EVENTS_AHEAD:
            return  # it would wait
        self.batches[answer].append(sizes)
        batch = [text(size) for size in sizes]
        before = self.here()
        answer.collector.extend(batch)
        answer.publish(batch)
        self.after(before)

    @precondition(lambda self: any(answer.readers for answer in self.batches))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from([one for one in self.batches if one.readers]))
        reader = data.draw(st.sampled_from(list(answer.readers)))
        while reader.more:
            self.runner.run(reader.take())
        self.read_of[reader] = len(self.batches[answer])

    @precondition(lambda self: any(answer.readers for answer in self.batches))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from([one for one in self.batches if one.readers]))
        self.runner.run(data.draw(st.sampled_from(list(answer.readers))).aclose())

    @invariant()
    def it_is_what_the_slowest_have_not_read(self) -> None:
        assert self.backlog.bytes == sum(self.longest().values())

    @invariant()
    def it_is_bounded(self) -> None:
        assert 0 <= self.backlog.bytes <= MOST_BYTES

    @override
    def teardown(self) -> None:
        for answer, readers in self.here().items():
            for reader in readers:
                self.runner.run(reader.aclose())
            assert answer.waiting == 0
        assert self.backlog.bytes == 0
        self.runner.close()


@pytest.mark.search
def test_what_waits_is_counted_and_bounded_in_any_order() -> None:
    run_state_machine_as_test(Waiting)


async def test_the_slowest_reader_is_cut_and_the_others_read_on() -> None:
    flights = Flights(most_waiting_bytes=1_000)
    source = Source(text(600))
    slow, fast = flights.join("key", source), flights.join("key", Source())
    await settle()
    assert await fast.take() == [text(600)]
    source.then(text(600), FINISHED, End())
    await settle()
    assert await read(fast) == [text(600), FINISHED]
    with pytest.raises(SlowReader):
        await slow.take()
    await slow.aclose()
    assert (flights.backlog.bytes, len(flights)) == (0, 0)


async def test_an_answer_that_only_slow_readers_want_is_given_up_and_what_it_held_is_free() -> None:
    flights = Flights(most_waiting_bytes=1_000)
    stuck, other = Source(text(900)), Source(text(500))
    reader, quick = flights.join("stuck", stuck), flights.join("other", other)
    await settle()
    assert stuck.open == 0, "its call is closed"
    assert (await quick.take(), flights.backlog.bytes, len(flights)) == ([text(500)], 0, 1)
    assert await read(flights.join("stuck", whole("again"))) == answer_of("again")
    for one in (reader, quick):
        await one.aclose()
    await settle()
    assert (other.open, len(flights)) == (0, 0)


async def test_an_answer_that_is_whole_is_stored_though_its_reader_was_cut() -> None:
    flights = Flights(most_waiting_bytes=1_000)
    source = Source(text(990), FINISHED)
    reader = flights.join("key", source)
    filler = flights.join(None, Source(text(500)))
    await settle()
    assert source.open == 1, "it goes on to be stored"
    source.then(End())
    await settle()
    assert source.open == 0
    for one in (reader, filler):
        await one.aclose()


async def test_a_reader_who_comes_late_to_a_large_answer_may_be_too_much() -> None:
    flights = Flights(most_waiting_bytes=1_000)
    sources = [Source(), Source()]
    first = [flights.join(number, source) for number, source in enumerate(sources)]
    for reader, source in zip(first, sources, strict=True):
        source.then(text(600))
        assert await reader.take() == [text(600)]
    late = [flights.join(number, Source()) for number in range(2)]
    cut = [reader for reader in late if not reader.more]
    assert len(cut) == 1
    assert [source.open for source in sources] == [1, 1]
    for reader in (*first, *late):
        await reader.aclose()
    assert (flights.backlog.bytes, len(flights)) == (0, 0)
