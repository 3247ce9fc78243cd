"""An answer on its way to any number of readers: it is kept whole, and each reads it from the first event on."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from typing_extensions import override

from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.errors import SlowReader
from llm_gateway.domain.events import ChatEvent, Collector, Finished
from llm_gateway.domain.resilience import Pause

from .backlog import Backlog, Holder

EVENTS_AHEAD: Final = 32
BYTES_AHEAD: Final = 256 << 10
"""How far an answer may be ahead of its fastest reader, but for the batch that goes beyond."""

TAKEN_BYTES: Final = 16 << 10
"""What a reader that catches up takes at once, but for the last batch of it."""

Hand: TypeAlias = Callable[[Sequence[ChatEvent]], bool]
"""Takes a batch where it is published, in the producer's task, without waiting; False where it has to be read."""

Produce: TypeAlias = Callable[["SharedAnswer"], Awaitable[None]]
"""Makes an answer: adds each batch of events to its `collector`, and publishes it."""


class SharedAnswer(Holder):
    """`abandoned` is called where its last reader was cut."""

    def __init__(self, backlog: Backlog, abandoned: Callable[[], object]) -> None:
        self.events: list[ChatEvent] = []
        self.collector = Collector()
        self.complete = False
        self.ended = False
        self.failure: Exception | None = None
        self.readers: dict[Reader, None] = {}
        self.last_start = 0
        """Of the last batch: who is there has nothing before it to read."""
        self._batch_ends = [0]
        self._batch_sizes = [0]  # in bytes, of each batch with those before it
        self._furthest = 0
        self._backlog = backlog
        self._abandoned = abandoned
        self._room: asyncio.Future[None] | None = None

    def publish(self, batch: Sequence[ChatEvent]) -> bool:
        """Wakes each reader once, but for a lone one that it can hand the batch to, which saves a turn of the loop.

        True where the fastest is far behind, so that `room` is to be waited for.
        """
        events, sizes, size, backlog = self.events, self._batch_sizes, self.collector.held_bytes, self._backlog
        self.last_start = len(events)
        events += batch
        stop = len(events)
        at_most = backlog.at_most = backlog.at_most + size - sizes[-1]
        sizes.append(size)
        self._batch_ends.append(stop)
        if type(batch[-1]) is Finished:
            self.complete = True
        if at_most > backlog.most_bytes:
            backlog.relieve()
        readers = self.readers
        lone = len(readers) == 1 and not self.complete
        for reader in readers:
            waiter = reader.waiter
            if waiter is None or waiter.done():
                continue
            if lone and reader.handed(batch, stop):
                self._furthest = stop
            else:
                waiter.set_result(None)
        return (stop - self._furthest >= EVENTS_AHEAD or size >= BYTES_AHEAD) and self._is_far_ahead()

    async def room(self) -> None:
        """Until the fastest reader has come near, or none is left."""
        while self._is_far_ahead():
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def pause(self, pause: Pause) -> None:
        """Nothing comes before its end: readers whose own time ends by then fail now."""
        for reader in self.readers:
            if reader.ends is not None and reader.ends <= pause.until:
                reader.fail(_own(pause.error))

    def end(self, failure: Exception | None) -> None:
        """No further event comes, and who waits is woken."""
        self.ended = True
        self.failure = failure
        for reader in self.readers:
            reader.wake()

    def join(self, reader: "Reader") -> None:
        """It reads from the first event on."""
        self.readers[reader] = None
        self._backlog.add(self)
        self._backlog.at_most += self._batch_sizes[-1]
        if self._backlog.at_most > self._backlog.most_bytes:
            self._backlog.relieve()

    def leave(self, reader: "Reader") -> bool:
        """False for one that had left."""
        if reader not in self.readers:
            return False
        del self.readers[reader]
        if not self.readers:
            self._backlog.discard(self)
        if reader.position == self._furthest:
            self._furthest = max((other.position for other in self.readers), default=0)
        self._make_room()
        return True

    def read(self, reader: "Reader", stop: int) -> Sequence[ChatEvent]:
        """For a reader, up to there."""
        events = self.events[reader.position : stop]
        reader.position = stop
        if stop > self._furthest:
            self._furthest = stop
            if self._room is not None:
                self._make_room()
        return events

    def stop_of(self, start: int) -> int:
        """How far a reader that catches up gets at once from there: to the end of a batch."""
        ends = self._batch_ends
        batch = bisect_right(self._batch_sizes, self._size_before(start) + TAKEN_BYTES) - 1
        return ends[max(batch, bisect_right(ends, start))]

    @property
    @override
    def waiting(self) -> int:
        positions = [reader.position for reader in tuple(self.readers)]
        return self._batch_sizes[-1] - self._size_before(min(positions)) if positions else 0

    @override
    def cut_slowest(self) -> None:
        reader = min(self.readers, key=lambda reader: reader.position)
        self.leave(reader)
        reader.fail(SlowReader())
        if not self.readers:
            self._abandoned()
            self.events, self.collector = [], Collector()  # at once, as the reader may be stuck where it writes

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _is_far_ahead(self) -> bool:
        """The end of an answer never is."""
        if self.complete or not self.readers:
            return False
        ahead = self._batch_sizes[-1] - self._size_before(self._furthest)
        return ahead >= BYTES_AHEAD or len(self.events) - self._furthest >= EVENTS_AHEAD

    def _size_before(self, position: int) -> int:
        """Of the batches that are read whole by who is there."""
        return self._batch_sizes[bisect_right(self._batch_ends, position) - 1]


class Reader(AsyncIterator[ChatEvent]):
    """One reader of a shared answer, from the first event on. It has to be closed.

    `produce` is its own way to the answer. `leads` says, from the first event on, that the answer was made by it.
    `ends` is when the reader's own time does.
    """

    def __init__(
        self, answer: SharedAnswer, produce: Produce, ends: float | None, land: Callable[[], Awaitable[None]]
    ) -> None:
        self.produce = produce
        self.leads = False
        self.ends = ends
        self.position = 0
        self.waiter: asyncio.Future[None] | None = None
        self._hand: Hand | None = None
        self._hand_until = 0
        self._answer = answer
        self._land = land
        self._failure: Exception | None = None

    def wake(self) -> None:
        """Let the reader look again for events."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """End this reader alone."""
        self._failure = error
        self.wake()

    async def begin(self) -> None:
        """Wait until the first event is there, and leave it to be read. Raises what ended the answer before it."""
        self._hand = None
        while not self.more and not self._is_over():
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter

    def handed(self, batch: Sequence[ChatEvent], stop: int) -> bool:
        """Whether who waits for this batch, which ends there, has it, and so has read up to there.

        It has to be woken now and then, so that a producer waits for it.
        """
        hand = self._hand
        if hand is None or stop > self._hand_until:
            return False
        try:
            if not hand(batch):
                return False
        except Exception as error:
            self.fail(error)
        self.position = stop
        return True

    async def take(self, hand: Hand | None = None) -> Sequence[ChatEvent]:
        """All that is there, once something is, and nothing after the end. Who has to catch up gets it in parts.

        While this waits, `hand` is given what it can take, which is not returned then; never an answer's last batch.
        """
        answer = self._answer
        self._hand, self._hand_until = hand, self.position + EVENTS_AHEAD
        while self._failure is not None or self.position >= len(answer.events):
            if (self._failure is not None or answer.ended or answer.complete) and self._is_over():
                return ()
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        if self.position >= answer.last_start:
            return answer.read(self, len(answer.events))
        await asyncio.sleep(0)  # it is as quick as it is sent, and the loop is for all
        return answer.read(self, answer.stop_of(self.position)) if self.more else await self.take()

    @override
    async def __anext__(self) -> ChatEvent:
        await self.begin()
        if not self.more:
            raise StopAsyncIteration
        (event,) = self._answer.read(self, self.position + 1)
        return event

    def _is_over(self) -> bool:
        """Whether nothing comes, where nothing is there. Raises what ended the answer."""
        answer = self._answer
        if self._failure is not None:
            raise self._failure
        if answer.ended and answer.failure is not None and not answer.complete:
            raise _own(answer.failure)
        return answer.ended or answer.complete

    @property
    def more(self) -> bool:
        """Whether the next event is there already, so that reading it waits for nothing."""
        return self._failure is None and self.position < len(self._answer.events)

    def reply(self) -> ChatReply:
        """The whole answer, for a reader that has read to the end. Raises `ProviderBroken` where the end is missing."""
        return self._answer.collector.reply()

    async def aclose(self) -> None:
        """Stop reading. The last reader to leave before the end ends the call to the provider, and waits for that."""
        answer = self._answer
        if answer.leave(self) and not (answer.readers or answer.complete or answer.ended):
            await self._land()


def _own(failure: Exception) -> Exception:
    """A copy for one reader, because an exception collects the frames and the notes of every raise."""
    own = type(failure).__new__(type(failure), *failure.args)
    vars(own).update(vars(failure))
    own.__cause__ = failure.__cause__
    return own.with_traceback(failure.__traceback__)
