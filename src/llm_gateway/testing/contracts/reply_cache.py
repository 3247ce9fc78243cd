"""What holds for every `ReplyCache`."""

from abc import ABC, abstractmethod
from datetime import timedelta
from secrets import token_bytes

import pytest

from llm_gateway.application.ports.stores import ReplyCache
from llm_gateway.domain.cache_key import CacheKey

from .timed import Timed


def new_key() -> CacheKey:
    """One that no other test used, because a store may outlive a test."""
    return CacheKey(token_bytes(32))


@pytest.mark.asyncio
class ReplyCacheContract(Timed, ABC):
    """`short` is a time to live that the suite waits for."""

    short = timedelta(milliseconds=100)
    long = timedelta(minutes=10)

    @abstractmethod
    def make(self) -> ReplyCache: ...

    async def test_what_was_put_is_found_and_only_that(self) -> None:
        cache, key, another = self.make(), new_key(), new_key()

        await cache.put(key, b"entry", self.long)

        assert await cache.get([another, key]) == {key: b"entry"}

    async def test_asking_for_nothing_finds_nothing(self) -> None:
        assert await self.make().get([]) == {}

    async def test_what_is_begun_finds_the_same_and_may_be_left(self) -> None:
        cache, key, another = self.make(), new_key(), new_key()
        await cache.put(key, b"entry", self.long)

        begun = cache.begin([another, key])
        cache.begin([key])

        assert await begun == {key: b"entry"}

    async def test_each_key_has_its_own_entry(self) -> None:
        cache, keys = self.make(), [new_key() for _ in range(5)]
        for index, key in enumerate(keys):
            await cache.put(key, b"entry %d" % index, self.long)

        assert await cache.get(keys) == {key: b"entry %d" % index for index, key in enumerate(keys)}

    @pytest.mark.parametrize("entry", [b"", b"\x00", bytes(range(256)), b"\r\n" * 10_000])
    async def test_an_entry_is_opaque_bytes(self, entry: bytes) -> None:
        cache, key = self.make(), new_key()

        await cache.put(key, entry, self.long)

        assert await cache.get([key]) == {key: entry}

    async def test_a_second_entry_replaces_the_first(self) -> None:
        cache, key = self.make(), new_key()
        await cache.put(key, b"first, and longer", self.short)

        await cache.put(key, b"second", self.long)
        await self.advance(self.short.total_seconds() * 1.5)

        assert await cache.get([key]) == {key: b"second"}

    async def test_an_entry_lives_no_longer_than_it_may(self) -> None:
        cache, key, another = self.make(), new_key(), new_key()
        await cache.put(key, b"short", self.short)
        await cache.put(another, b"long", self.long)

        await self.advance(self.short.total_seconds() * 1.5)

        assert await cache.get([key, another]) == {another: b"long"}

    @pytest.mark.parametrize("ttl", [timedelta(), timedelta(seconds=-1)])
    async def test_an_entry_with_no_time_to_live_is_not_kept(self, ttl: timedelta) -> None:
        cache, key = self.make(), new_key()

        await cache.put(key, b"entry", ttl)

        assert await cache.get([key]) == {}

    async def test_an_entry_of_any_size_is_kept_whole_or_not_at_all(self) -> None:
        cache, key, entry = self.make(), new_key(), bytes(16 * 1024 * 1024)

        await cache.put(key, entry, self.long)

        assert (await cache.get([key])).get(key, entry) == entry
