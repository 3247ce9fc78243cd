"""Single flight: one call upstream for equal requests at the same time, streamed live to each of them."""

import asyncio
from collections.abc import Hashable
from typing import Final

from llm_gateway.domain.errors import Draining, QuotaExceeded, SlowReader

from .backlog import MOST_BYTES, Backlog
from .shared_answer import Produce, Reader, SharedAnswer

CLOSE_SECONDS: Final = 5.0
"""How long the last reader to leave waits for the call upstream to be closed; it goes on closing after that."""


class Flights:
    """The calls under way in this process that equal requests share. A flight is one such call.

    It is registered under its key until it ends or its last reader leaves. Of all answers no more than
    `most_waiting_bytes` wait for readers: beyond it the slowest get `SlowReader`.
    """

    def __init__(self, *, most_waiting_bytes: int = MOST_BYTES) -> None:
        self.backlog = Backlog(most_waiting_bytes)
        self._flights: dict[Hashable, Flight] = {}
        self._running: dict[asyncio.Task[None], Flight] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def join(self, key: Hashable | None, produce: Produce, ends: float | None = None) -> Reader:
        """Read the flight of this key, or start one. None is never shared. Raises `Draining` once closed.

        Each reader brings its own way to produce the answer; the leader's is used, and the next reader's where the
        leader's quota does not allow it. `ends` is when the reader's own time does: where a pause outlasts it, the
        reader fails at once. The reader has to be closed.
        """
        if self._closed:
            raise Draining
        flight = self._flights.get(key)
        if flight is None:
            flight = Flight(key, self._flights, self.backlog)
            self._running[flight.task] = flight
            flight.task.add_done_callback(self._running.pop)
            if key is not None:
                self._flights[key] = flight
        reader = Reader(flight.answer, produce, ends, flight.end)
        flight.answer.join(reader)
        return reader

    async def aclose(self) -> None:
        """End every flight, and start none any more; remaining readers get `Draining`."""
        self._closed = True
        await asyncio.gather(*(flight.end() for flight in self._running.values()))


class Flight:
    """One producing task, and the answer that it produces."""

    def __init__(self, key: Hashable | None, joinable: "dict[Hashable, Flight]", backlog: Backlog) -> None:
        self.answer = SharedAnswer(backlog, self._abandoned)
        self._key = key
        self._joinable = joinable
        self.task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """What was under way upstream is closed; then remaining readers get `Draining`, whose records tell of it."""
        self._close()
        self._cancel()
        await asyncio.wait((self.task,), timeout=CLOSE_SECONDS)
        self._land(Draining())

    async def _run(self) -> None:
        try:
            answer = self.answer
            while answer.readers:
                leader = next(iter(answer.readers))
                leader.leads = True
                try:
                    await leader.produce(answer)
                    break
                except QuotaExceeded as error:
                    if answer.events:
                        raise
                    answer.leave(leader)
                    leader.fail(error)
        except Exception as error:
            self._land(error)
        except asyncio.CancelledError:
            self._land(Draining())
            raise
        else:
            self._land(None)

    def _abandoned(self) -> None:
        """Nobody joins any more. An answer that is whole is still stored."""
        self._land(SlowReader())
        if not self.answer.complete:
            self._cancel()

    def _cancel(self) -> None:
        if not self.task.cancelling():  # a second time would disturb the closing
            self.task.cancel()

    def _close(self) -> None:
        """No reader joins any more."""
        if self._joinable.get(self._key) is self:
            del self._joinable[self._key]

    def _land(self, failure: Exception | None) -> None:
        """No reader joins any more, and none waits. The first landing counts."""
        if not self.answer.ended:
            self._close()
            self.answer.end(failure)
