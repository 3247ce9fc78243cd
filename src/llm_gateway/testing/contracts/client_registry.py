"""What holds for every `ClientRegistry` that is a `ClientDirectory` too."""

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol

import pytest

from llm_gateway.application.ports.stores import ClientDirectory, ClientRegistry
from llm_gateway.domain.clients import Client, ClientId, RegisteredKey, Registration, digest_of
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.routing import Hint

from .timed import Timed

SEEN_SECONDS = 2.0
"""After which every gateway knows of a change."""

FULL = Client(
    id=ClientId("registered:full"),
    namespace="team",
    quota=Quota(requests=Bucket.of(5, 0.5), tokens=Bucket.of(2_000_000, 1_000.0), concurrency=2),
    hints=frozenset((Hint.LOCAL, Hint.SECURE)),
    models=frozenset(("ollama", "gemini/gemini-flash-latest")),
)
PLAIN = Client(id=ClientId("registered:plain"), namespace="registered:plain", quota=Quota())


class Registry(ClientRegistry, ClientDirectory, Protocol):
    """Both sides of one store."""


def registration(client: Client, *keys: str) -> Registration:
    return Registration(
        client=client,
        keys=tuple(RegisteredKey(digest=digest_of(key), created=number) for number, key in enumerate(keys)),
    )


@pytest.mark.asyncio
class ClientRegistryContract(Timed, ABC):
    @abstractmethod
    def make(self) -> Registry:
        """An empty registry. A second one of the same test sees what the first one holds, where there is one store."""
        ...

    async def test_a_client_is_found_by_each_of_its_keys_as_it_was_registered(self) -> None:
        registry = self.make()
        full, plain = registration(FULL, "key-1", "key-2"), registration(PLAIN, "key-3")

        assert await registry.replace(FULL.id, None, full)
        assert await registry.replace(PLAIN.id, None, plain)

        assert await registry.get(FULL.id) == full
        assert list(await registry.all()) == [full, plain]
        assert [await registry.find(digest_of(f"key-{number}")) for number in (1, 2, 3)] == [FULL, FULL, PLAIN]

    async def test_who_is_not_registered_is_not_found(self) -> None:
        registry = self.make()

        assert await registry.get(PLAIN.id) is None
        assert list(await registry.all()) == []
        assert await registry.find(digest_of("key-1")) is None

    async def test_a_key_that_a_change_leaves_out_is_nobodys_in_time_and_a_new_one_works(self) -> None:
        registry = self.make()
        old, new = registration(PLAIN, "key-1", "key-2"), registration(PLAIN, "key-3", "key-2")
        await registry.replace(PLAIN.id, None, old)
        assert await registry.find(digest_of("key-1")) == PLAIN

        assert await registry.replace(PLAIN.id, old, new)
        await self.advance(SEEN_SECONDS)

        found = [await registry.find(digest_of(f"key-{number}")) for number in (1, 2, 3)]
        assert found == [None, PLAIN, PLAIN]

    async def test_a_client_that_ends_takes_its_keys_along(self) -> None:
        registry = self.make()
        old = registration(PLAIN, "key-1", "key-2")
        await registry.replace(PLAIN.id, None, old)
        assert await registry.find(digest_of("key-2")) == PLAIN

        assert await registry.replace(PLAIN.id, old, None)
        await self.advance(SEEN_SECONDS)

        assert await registry.get(PLAIN.id) is None
        assert [await registry.find(digest_of(f"key-{number}")) for number in (1, 2)] == [None, None]

    async def test_a_change_of_what_is_no_longer_there_changes_nothing(self) -> None:
        registry = self.make()
        there, other = registration(FULL, "key-1"), registration(FULL, "key-2")
        assert not await registry.replace(FULL.id, other, there)
        await registry.replace(FULL.id, None, there)

        assert not await registry.replace(FULL.id, None, other)
        assert not await registry.replace(FULL.id, other, None)

        assert await registry.get(FULL.id) == there
        assert await registry.find(digest_of("key-2")) is None

    async def test_of_many_changes_at_once_one_is_made(self) -> None:
        registry = self.make()
        there = registration(PLAIN, "key-0")
        await registry.replace(PLAIN.id, None, there)

        changes = [registry.replace(PLAIN.id, there, registration(PLAIN, f"key-{n}")) for n in range(1, 9)]

        assert sum(await asyncio.gather(*changes)) == 1
