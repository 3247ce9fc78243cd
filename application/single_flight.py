"""Single flight: one call upstream for equal requests at the same time, streamed live to each of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import aclosing
from typing import TypeAlias

from typing_extensions import override

from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.errors import Draining, QuotaExceeded
from llm_gateway.domain.events import ChatEvent, Collector, Finished
from llm_gateway.domain.resilience import Pause

Produce: TypeAlias = Callable[[Collector], AsyncGenerator[ChatEvent | Pause, None]]
"""Makes an answer: each event is folded into what it is given before it is yielded. A pause is no event."""

EVENTS_AHEAD = 32
"""How many events a flight may be ahead of its fastest reader."""

CLOSE_SECONDS = 5.0
"""How long the last reader to leave waits for the call upstream to be closed; it goes on closing after that."""


class Flights:
    """The calls under way in this process that equal requests share. A flight is one such call.

    It is registered under its key until it ends or its last reader leaves.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight] = {}
        self._running: dict[asyncio.Task[None], Flight] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def join(self, key: Hashable | None, produce: Produce, ends: float | None = None) -> "Reader":
        """Read the flight of this key, or start one. None is never shared. Raises `Draining` once closed.

        Each reader brings its own way to produce the answer; the leader's is used, and the next reader's where the
        leader's quota does not allow it. `ends` is when the reader's own time does: where a pause outlasts it, the
        reader fails at once. The reader has to be closed.
        """
        if self._closed:
            raise Draining
        flight = self._flights.get(key)
        if flight is None:
            flight = Flight(key, self._flights)
            self._running[flight.task] = flight
            flight.task.add_done_callback(self._running.pop)
            if key is not None:
                self._flights[key] = flight
        reader = Reader(flight, ends)
        flight.readers[reader] = produce
        return reader

    async def aclose(self) -> None:
        """End every flight, and start none any more; remaining readers get `Draining`."""
        self._closed = True
        await asyncio.gather(*(flight.end() for flight in self._running.values()))


class Flight:
    """One producing task, and what it has produced so far, kept whole because any reader may still need it."""

    def __init__(self, key: Hashable | None, joinable: "dict[Hashable, Flight]") -> None:
        self.events: list[ChatEvent] = []
        self.complete = False
        self.ended = False
        self.failure: Exception | None = None
        self.answer = Collector()
        self.readers: dict[Reader, Produce] = {}
        self._key = key
        self._joinable = joinable
        self._room: asyncio.Future[None] | None = None
        self.task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Whatever was under way upstream is closed, and remaining readers get `Draining`."""
        self._land(Draining())
        if not self.task.cancelling():  # a second time would disturb the closing
            self.task.cancel()
        await asyncio.wait((self.task,), timeout=CLOSE_SECONDS)

    def advance(self) -> None:
        """A reader has read on, or left: there may be room to go on."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def _run(self) -> None:
        try:
            await self._lead()
        except Exception as error:
            self._land(error)
        except asyncio.CancelledError:
            self._land(Draining())
            raise
        else:
            self._land(None)

    async def _lead(self) -> None:
        while self.readers:
            leader, produce = next(iter(self.readers.items()))
            leader.leads = True
            try:
                async with aclosing(produce(self.answer)) as events:
                    async for event in events:
                        if isinstance(event, Pause):
                            self._pause(event)
                        else:
                            await self._publish(event)
                return
            except QuotaExceeded as error:
                if self.events:
                    raise
                self.readers.pop(leader, None)
                leader.fail(error)

    def _pause(self, pause: Pause) -> None:
        for reader in self.readers:
            if reader.ends is not None and reader.ends <= pause.until:
                reader.fail(_own(pause.error))

    async def _publish(self, event: ChatEvent) -> None:
        self.events.append(event)
        self.complete = isinstance(event, Finished)
        furthest = 0
        for reader in self.readers:
            reader.wake()
            furthest = max(furthest, reader.position)
        while self.readers and not self.complete and len(self.events) - furthest >= EVENTS_AHEAD:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
            furthest = max((reader.position for reader in self.readers), default=0)

    def _land(self, failure: Exception | None) -> None:
        """No further event comes: no reader joins any more, the present ones are woken. The first landing counts."""
        if self.ended:
            return
        self.ended = True
        self.failure = failure
        if self._key is not None:
            del self._joinable[self._key]
        for reader in self.readers:
            reader.wake()


class Reader(AsyncIterator[ChatEvent]):
    """One reader of a flight's events, from the first one on. It has to be closed.

    `leads` says, from the first event on, that the call was made for this reader's own request.
    """

    def __init__(self, flight: Flight, ends: float | None) -> None:
        self.leads = False
        self.ends = ends
        self.position = 0
        self._flight = flight
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Let the reader look again for events."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """End this reader alone."""
        self._failure = error
        self.wake()

    async def begin(self) -> None:
        """Wait until the first event is there, and leave it to be read. Raises what ended the flight before it."""
        flight = self._flight
        while not self.more:
            if self._failure is not None:
                raise self._failure
            if flight.ended and flight.failure is not None and not flight.complete:
                raise _own(flight.failure)
            if flight.ended or flight.complete:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    @override
    async def __anext__(self) -> ChatEvent:
        flight = self._flight
        if not self.more:
            await self.begin()
            if not self.more:
                raise StopAsyncIteration
        event = flight.events[self.position]
        self.position += 1
        flight.advance()
        return event

    @property
    def more(self) -> bool:
        """Whether the next event is there already, so that reading it waits for nothing."""
        return self._failure is None and self.position < len(self._flight.events)

    def reply(self) -> ChatReply:
        """The whole answer, for a reader that has read to the end. Raises `ProviderBroken` where the end is missing."""
        return self._flight.answer.reply()

    async def aclose(self) -> None:
        """Stop reading. The last reader to leave before the end ends the call to the provider, and waits for that."""
        flight = self._flight
        if flight.readers.pop(self, None) is None:
            return
        flight.advance()
        if not flight.readers and not flight.complete and not flight.ended:
            await flight.end()


def _own(failure: Exception) -> Exception:
    """A copy for one reader, because an exception collects the frames and the notes of every raise."""
    own = type(failure).__new__(type(failure), *failure.args)
    vars(own).update(vars(failure))
    own.__cause__ = failure.__cause__
    return own.with_traceback(failure.__traceback__)
