"""Join, read, leave, cancel, fail, finish and be refused, in any order, against a plain model of one flight."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.application.shared_answer import EVENTS_AHEAD, Reader
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.errors import ProviderBroken, QuotaExceeded
from llm_gateway.domain.events import ChatEvent, TextDelta

from .sources import FINISHED, End, Source, broken, refused

T = TypeVar("T")


class Held:
    """A reader in the machine's hand: what it read, how it ended, and its read under way."""

    def __init__(self, reader: Reader, source: Source) -> None:
        self.reader = reader
        self.source = source
        self.seen: list[ChatEvent] = []
        self.end: BaseException | None = None
        self.under_way: asyncio.Task[ChatEvent] | None = None

    def look(self) -> None:
        """Note what the read under way has come to."""
        if self.under_way is None or not self.under_way.done():
            return
        error = self.under_way.exception()
        if error is None:
            self.seen.append(self.under_way.result())
        else:
            assert self.end is None, "a reader ends once"
            self.end = error
        self.under_way = None


class SingleFlight(RuleBasedStateMachine):
    """One key. `flight` is the model: the readers in the order in which they joined, and what should have been sent."""

    readers = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.unseen: list[object] = []
        self.runner.get_loop().set_exception_handler(lambda _, context: self.unseen.append(context))
        self.flights = Flights()
        self.sources: list[Source] = []
        self.members: list[Held] = []
        self.turned_away: list[Held] = []
        self.told: list[ChatEvent] = []
        self.sent = 0
        self.ended: type[BaseException] | None = None
        self.storing = False

    def run(self, work: Coroutine[object, object, T]) -> T:
        async def settled() -> T:
            done = await work
            await settle(6)
            return done

        done = self.runner.run(settled())
        for held in (*self.members, *self.turned_away):
            held.look()
        self.sent = max(self.sent, min(len(self.told), self.fastest + EVENTS_AHEAD))
        return done

    @property
    def fastest(self) -> int:
        return max((len(member.seen) for member in self.members), default=0)

    @property
    def flying(self) -> bool:
        return bool(self.members) and self.ended is None

    @property
    def leader(self) -> Source:
        return next(source for source in self.sources if source.open)

    @property
    def done_telling(self) -> bool:
        return bool(self.told) and self.told[-1] is FINISHED

    @property
    def complete(self) -> bool:
        return self.done_telling and self.sent == len(self.told)

    @property
    def has_room(self) -> bool:
        """Whether the flight goes on, and would notice a failure."""
        return self.sent == len(self.told) < self.fastest + EVENTS_AHEAD

    def begin_anew(self) -> None:
        self.members, self.told, self.sent, self.ended, self.storing = [], [], 0, None, False

    @rule(target=readers)
    def join(self) -> Held:
        source = Source()

        async def joined() -> Held:
            return Held(self.flights.join("key", source), source)

        if not self.flying and not self.storing:
            self.begin_anew()
        self.sources.append(source)
        held = self.run(joined())
        self.members.append(held)
        return held

    @rule(held=readers)
    def read_on(self, held: Held) -> None:
        """A reader of a flight that is over reads on, too: it has not seen all of it, or not its end."""
        if held.under_way is None and held.end is None:

            async def start() -> asyncio.Task[ChatEvent]:
                task = asyncio.create_task(held.reader.__anext__())
                held.under_way = task
                return task

            self.run(start())

    @rule(held=readers)
    def cancel_a_read(self, held: Held) -> None:
        if held.under_way is not None:
            held.under_way.cancel()
            held.under_way = None
            self.run(settle(1))

    @rule(held=consumes(readers))
    def leave(self, held: Held) -> None:
        last = self.members == [held] and not self.complete
        if held.under_way is not None:
            held.under_way.cancel()
            held.under_way = None
        self.members = [member for member in self.members if member is not held]
        if last:
            self.begin_anew()
        self.runner.run(held.reader.aclose())
        if last:
            assert not any(source.open for source in self.sources), "closed before leaving returned"
        self.run(settle(1))

    @precondition(lambda self: self.flying and not self.done_telling)
    @rule(count=st.integers(1, EVENTS_AHEAD + 8))
    def tell(self, count: int) -> None:
        events = [TextDelta(text=str(len(self.told) + number)) for number in range(count)]
        self.leader.then(*events)
        self.told += events
        self.run(settle(1))

    @precondition(lambda self: self.flying and not self.done_telling)
    @rule()
    def finish(self) -> None:
        self.leader.then(FINISHED)
        self.told.append(FINISHED)
        self.storing = True
        self.run(settle(1))

    @precondition(lambda self: self.storing and self.complete)
    @rule()
    def store(self) -> None:
        self.leader.then(End())
        self.storing = False
        self.ended = StopAsyncIteration
        self.run(settle(1))

    @precondition(lambda self: self.flying and not self.done_telling and self.has_room)
    @rule()
    def fail(self) -> None:
        self.ended = ProviderBroken
        self.leader.then(broken())
        self.run(settle(1))

    @precondition(lambda self: self.flying and not self.told)
    @rule()
    def refuse(self) -> None:
        leader = self.leader
        leader.then(refused())
        self.turned_away += [member for member in self.members if member.source is leader]
        self.members = [member for member in self.members if member.source is not leader]
        if not self.members:
            self.begin_anew()
        self.run(settle(1))

    @invariant()
    def one_call_a_flight(self) -> None:
        assert sum(source.open for source in self.sources) == len(self.flights) == (self.flying or self.storing)

    @invariant()
    def every_reader_sees_the_same(self) -> None:
        sent = self.told[: self.sent]
        for member in self.members:
            assert member.seen == sent[: len(member.seen)]
            if member.end is not None:
                assert len(member.seen) == len(sent)
                assert isinstance(member.end, self.ended or StopAsyncIteration)
            elif member.under_way is not None:
                assert len(member.seen) == len(sent), "whoever waits has read all there is"
                assert self.ended is None
                assert not self.done_telling

    @invariant()
    def a_refusal_is_the_whole_end_of_one_reader(self) -> None:
        for held in self.turned_away:
            assert held.seen == []
            assert held.under_way is None
            assert held.end is None or isinstance(held.end, QuotaExceeded)

    @invariant()
    def it_stays_close_to_the_fastest(self) -> None:
        if self.flying:
            assert self.leader.sent == self.sent

    @override
    def teardown(self) -> None:
        self.runner.run(self.flights.aclose())
        self.run(settle())
        assert all(held.under_way is None for held in self.members), "closing ends whoever still reads"
        assert len(self.flights) == 0
        assert not any(source.open for source in self.sources)
        assert not asyncio.all_tasks(self.runner.get_loop())
        assert not self.unseen
        self.runner.close()


@pytest.mark.search
def test_single_flight_in_any_order() -> None:
    run_state_machine_as_test(SingleFlight)


@pytest.mark.nightly
def test_single_flight_in_any_order_at_length() -> None:
    run_state_machine_as_test(SingleFlight, settings=settings(max_examples=400, stateful_step_count=50))
