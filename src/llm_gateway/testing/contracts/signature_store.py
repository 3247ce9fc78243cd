"""What holds for every `SignatureStore`."""

from abc import ABC, abstractmethod
from datetime import timedelta
from secrets import token_bytes

import pytest

from llm_gateway.application.ports.stores import SignatureStore
from llm_gateway.domain.signature_key import SignatureKey

from .timed import Timed


def new_key() -> SignatureKey:
    """One that no other test used, because a store may outlive a test."""
    return SignatureKey(token_bytes(32))


@pytest.mark.asyncio
class SignatureStoreContract(Timed, ABC):
    """`short` is a life that the suite waits for."""

    short = timedelta(milliseconds=100)
    long = timedelta(minutes=10)

    @abstractmethod
    def make(self, life: timedelta) -> SignatureStore:
        """A store whose entries live so long."""
        ...

    async def test_what_was_put_is_found_and_only_that(self) -> None:
        store, key, another = self.make(self.long), new_key(), new_key()

        await store.put(key, b"entry")

        assert await store.get([another, key]) == {key: b"entry"}

    async def test_asking_for_nothing_finds_nothing(self) -> None:
        assert await self.make(self.long).get([]) == {}

    async def test_each_key_has_its_own_entry(self) -> None:
        store, keys = self.make(self.long), [new_key() for _ in range(5)]
        for index, key in enumerate(keys):
            await store.put(key, b"entry %d" % index)

        assert await store.get(keys) == {key: b"entry %d" % index for index, key in enumerate(keys)}

    async def test_what_is_there_of_a_great_many_is_found(self) -> None:
        store, keys = self.make(self.long), [new_key() for _ in range(1_000)]
        for index in (0, 499, 999):
            await store.put(keys[index], b"entry %d" % index)

        assert await store.get(keys) == {keys[index]: b"entry %d" % index for index in (0, 499, 999)}

    @pytest.mark.parametrize("entry", [b"", b"\x00", bytes(range(256)), b"\r\n" * 1_000])
    async def test_an_entry_is_opaque_bytes(self, entry: bytes) -> None:
        store, key = self.make(self.long), new_key()

        await store.put(key, entry)

        assert await store.get([key]) == {key: entry}

    async def test_a_second_entry_replaces_the_first(self) -> None:
        store, key = self.make(self.long), new_key()

        await store.put(key, b"first, and longer")
        await store.put(key, b"second")

        assert await store.get([key]) == {key: b"second"}

    async def test_an_entry_lives_no_longer_than_it_may(self) -> None:
        store, key = self.make(self.short), new_key()
        await store.put(key, b"entry")

        await self.advance(self.short.total_seconds() * 1.5)

        assert await store.get([key]) == {}

    async def test_an_entry_of_any_size_is_kept_whole_or_not_at_all(self) -> None:
        store, key, entry = self.make(self.long), new_key(), bytes(16 * 1024 * 1024)
        await store.put(key, b"an older one")

        await store.put(key, entry)

        assert (await store.get([key])).get(key, entry) == entry
