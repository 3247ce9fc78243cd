"""What was read of bodies that come again byte for byte, as most do that a cache has the answer for."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

T = TypeVar("T")

MAX_HELD_BYTES: Final = 1 << 20
"""Of bodies. What is read of one takes several times its length."""
MAX_HASHES: Final = 2048
"""Twice as many are known at most."""

_Key: TypeAlias = tuple[object, str, bytes]


class ReadBodies:
    """A body that comes again is kept, with what was read of it; of one that came once there is a hash of 64 bits.

    So what nobody repeats stays nowhere, and costs no more than that. They are apart by who reads them, and by the
    namespace of who sent them. Whichever was kept first is forgotten first.
    """

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        self.held_bytes = 0
        self._max_held_bytes = max_held_bytes
        self._read: OrderedDict[_Key, Any] = OrderedDict()
        self._hashes: set[int] = set()
        self._hashes_before: set[int] = set()

    def read(
        self, reader: object, namespace: str, data: bytes, read: Callable[[bytes], T], keeps: Callable[[T], bool]
    ) -> T:
        """What `read` makes of a body. It is to be pure, the same for each `reader`, and to give what nobody changes.

        What it raises is not kept, nor what `keeps` says no to.
        """
        key = reader, namespace, data
        found: T | None = self._read.get(key)
        if found is not None:
            return found
        made = read(data)
        if keeps(made) and self._came_before(hash(key)):
            self._keep(key, made)
        return made

    def _came_before(self, hashed: int) -> bool:
        if hashed in self._hashes or hashed in self._hashes_before:
            return True
        if len(self._hashes) >= MAX_HASHES:
            self._hashes_before, self._hashes = self._hashes, set()
        self._hashes.add(hashed)
        return False

    def _keep(self, key: _Key, made: object) -> None:
        self._read[key] = made
        self.held_bytes += len(key[2])
        while self.held_bytes > self._max_held_bytes:
            (_, _, data), _ = self._read.popitem(last=False)
            self.held_bytes -= len(data)
