"""A queue that takes turns between clients. Pure: whoever has it says when it moves on."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from .clients import ClientId

T = TypeVar("T")


class Turns(Generic[T]):
    """Each client's waiters are in order, and clients come one after the other: who was served goes behind all others.

    What is kept is bounded by the number of waiters: nothing is left of a client that has none.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._lines: dict[ClientId, deque[T]] = {}  # in the order of the turns

    def add(self, client: ClientId, waiter: T, *, first: bool = False) -> int:
        """How many waiters would be served before this one if nobody else came. `first`: before the client's own."""
        line = self._lines.setdefault(client, deque())
        line.insert(0 if first else len(line), waiter)
        self.waiting += 1
        own = 0 if first else len(line) - 1
        before, ahead = own, 1
        for other, others in self._lines.items():
            if other == client:
                ahead = 0
            else:
                before += min(len(others), own + ahead)
        return before

    def of(self, client: ClientId) -> int:
        """How many of a client's wait."""
        return len(self._lines.get(client, ()))

    def remove(self, client: ClientId, waiter: T) -> None:
        """It waits no more, and its client keeps its turn."""
        line = self._lines[client]
        line.remove(waiter)
        self.waiting -= 1
        if not line:
            del self._lines[client]

    def serve(self, client: ClientId) -> None:
        """The client's first waiter waits no more, and the client goes behind all others."""
        line = self._lines.pop(client)
        line.popleft()
        self.waiting -= 1
        if line:
            self._lines[client] = line

    def heads(self) -> Iterator[T]:
        """The first waiter of each client, in the order of the turns. To be ended before anything is changed."""
        return (line[0] for line in self._lines.values())

    def __iter__(self) -> Iterator[T]:
        return (waiter for line in self._lines.values() for waiter in line)
