"""Replies kept in this process, bounded in bytes: the least recently used goes first."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from typing_extensions import override

from llm_gateway.application.ports.stores import ReplyCache
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.cache_key import CacheKey

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
ENTRY_OVERHEAD_BYTES = 250
"""What key, tuple and table take of memory beside the entry itself, measured on CPython 3.11."""


class MemoryReplyCache(ReplyCache):
    """Replies in this process's memory, at most `max_bytes` of them: the least recently used goes first."""

    def __init__(self, clock: Clock, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[CacheKey, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """The memory that the entries take."""
        return self._bytes

    @override
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        now = self._clock.monotonic()
        found = {}
        for key in keys:
            kept = self._entries.get(key)
            if kept is None:
                continue
            expires, entry = kept
            if expires <= now:
                self._drop(key)
            else:
                self._entries.move_to_end(key)
                found[key] = entry
        return found

    @override
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        """An entry larger than a sixteenth of the bound is not kept, so that one answer can't push out all others."""
        if key in self._entries:
            self._drop(key)
        cost = len(entry) + ENTRY_OVERHEAD_BYTES
        if cost > self._max_bytes // 16 or ttl <= timedelta():
            return
        self._entries[key] = (self._clock.monotonic() + ttl.total_seconds(), entry)
        self._bytes += cost
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: CacheKey) -> None:
        _, entry = self._entries.pop(key)
        self._bytes -= len(entry) + ENTRY_OVERHEAD_BYTES
