"""How much of all answers in a process waits for slow readers, and who is cut where it would be too much."""

from abc import abstractmethod
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

MOST_BYTES: Final = 256 << 20
"""Unless told otherwise."""


class Holder(Protocol):
    """An answer that is held for its readers."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """The bytes that its slowest reader has not read; none where it has no reader."""
        ...

    @abstractmethod
    def cut_slowest(self) -> None:
        """End the reader that has read the least."""
        ...


class Backlog:
    """Bounds the bytes that wait for readers, over all holders.

    They are not counted at each step of each reader, but once what has come since the last count could be too much:
    then those that have most waiting for them are cut, until a sixteenth of the bound is free before the next count.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.at_most = 0
        """No less than what waits. Whoever adds to it calls `relieve` where it is beyond the bound."""
        self._holders: set[Holder] = set()

    @property
    def bytes(self) -> int:
        """What waits now. May be asked in another thread."""
        return sum(holder.waiting for holder in tuple(self._holders))

    def add(self, holder: Holder) -> None:
        """It has a reader."""
        self._holders.add(holder)

    def discard(self, holder: Holder) -> None:
        """It has none any more."""
        self._holders.discard(holder)

    def relieve(self) -> None:
        """Count, and cut readers where it is too much. May cut them of whoever calls."""
        ranked = [(-holder.waiting, id(holder), holder) for holder in self._holders]
        total = -sum(rank[0] for rank in ranked)
        heapify(ranked)
        while total > self.most_bytes - self.most_bytes // 16:
            waited, key, holder = heappop(ranked)
            holder.cut_slowest()
            total += waited + holder.waiting
            heappush(ranked, (-holder.waiting, key, holder))
        self.at_most = total
