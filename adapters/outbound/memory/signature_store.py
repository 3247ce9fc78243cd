"""Signatures kept in this process, bounded in bytes and in age: the oldest goes first."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from typing_extensions import override

from llm_gateway.application.ports.stores import SignatureStore
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.signature_key import SignatureKey

DEFAULT_MAX_BYTES = 16 * 1024 * 1024
ENTRY_OVERHEAD_BYTES = 250
"""What key, tuple and table take of memory beside the entry itself, measured on CPython 3.11."""


class MemorySignatureStore(SignatureStore):
    """In this process's memory, at most `max_bytes` of them, each for its `life`."""

    def __init__(self, clock: Clock, life: timedelta, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._clock = clock
        self._life_seconds = life.total_seconds()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[SignatureKey, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @override
    async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
        self._expire()
        return {key: self._entries[key][1] for key in keys if key in self._entries}

    @override
    async def put(self, key: SignatureKey, entry: bytes) -> None:
        """An entry larger than a sixteenth of the bound is not kept, so that one answer can't push out all others."""
        self._drop(key)
        cost = len(entry) + ENTRY_OVERHEAD_BYTES
        if cost > self._max_bytes // 16:
            return
        self._entries[key] = (self._clock.monotonic() + self._life_seconds, entry)
        self._bytes += cost
        self._expire()
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _expire(self) -> None:
        """All live equally long, so that their order is that of their ends."""
        now = self._clock.monotonic()
        while self._entries and (oldest := next(iter(self._entries.items())))[1][0] <= now:
            self._drop(oldest[0])

    def _drop(self, key: SignatureKey) -> None:
        if (kept := self._entries.pop(key, None)) is not None:
            self._bytes -= len(kept[1]) + ENTRY_OVERHEAD_BYTES
