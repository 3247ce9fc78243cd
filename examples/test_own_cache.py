"""An adapter of one's own, proven by the contract suite of its port: run it with pytest."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from typing_extensions import override

from llm_gateway import CacheKey, Clock, ReplyCache
from llm_gateway.testing import ReplyCacheContract


class DictCache(ReplyCache):
    """Keeps everything until it expires: good for a test, not for a server, because nothing bounds it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[CacheKey, tuple[float, bytes]] = {}

    @override
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        now = self._clock.monotonic()
        kept = {key: self._entries[key] for key in keys if key in self._entries}
        return {key: entry for key, (expires, entry) in kept.items() if expires > now}

    @override
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        self._entries[key] = (self._clock.monotonic() + ttl.total_seconds(), entry)


class TestDictCache(ReplyCacheContract):
    """Every test of the suite runs here, with a clock that passes only when the suite says so."""

    @override
    def make(self) -> ReplyCache:
        return DictCache(self.clock)
