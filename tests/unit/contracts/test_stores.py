"""The cache, the limiter and the directories of this process keep their contracts."""

from collections.abc import Mapping
from datetime import timedelta

from typing_extensions import override

from llm_gateway.adapters.outbound.memory import signature_store
from llm_gateway.adapters.outbound.memory.directories import JoinedClients, JoinedEndpoints
from llm_gateway.adapters.outbound.memory.reply_cache import ENTRY_OVERHEAD_BYTES
from llm_gateway.domain.clients import ApiKeyDigest, Client
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality
from llm_gateway.testing import (
    ClientDirectoryContract,
    ClientRegistryContract,
    EndpointDirectoryContract,
    FixedEndpoints,
    MemoryClientDirectory,
    MemoryClientRegistry,
    MemoryRateLimiter,
    MemoryReplyCache,
    MemorySignatureStore,
    RateLimiterContract,
    ReplyCacheContract,
    ScriptedClock,
    SignatureStoreContract,
)
from llm_gateway.testing.contracts import signature_store as signature_stores
from llm_gateway.testing.contracts.reply_cache import new_key

LONG = timedelta(hours=1)


def state(model: str) -> EndpointState:
    id = EndpointId(provider="mine", model=model)
    return EndpointState(endpoint=Endpoint(id=id, locality=Locality.CLOUD), features=frozenset(), unusable="away")


class TestMemoryReplyCache(ReplyCacheContract):
    @override
    def make(self) -> MemoryReplyCache:
        return MemoryReplyCache(self.clock)


class TestMemorySignatureStore(SignatureStoreContract):
    @override
    def make(self, life: timedelta) -> MemorySignatureStore:
        return MemorySignatureStore(self.clock, life)


class TestMemoryRateLimiter(RateLimiterContract):
    @override
    def make(self) -> MemoryRateLimiter:
        return MemoryRateLimiter(self.clock)


class TestMemoryClientDirectory(ClientDirectoryContract):
    @override
    def make(self, clients: Mapping[ApiKeyDigest, Client]) -> MemoryClientDirectory:
        return MemoryClientDirectory(clients)


class TestJoinedClients(ClientDirectoryContract):
    @override
    def make(self, clients: Mapping[ApiKeyDigest, Client]) -> JoinedClients:
        return JoinedClients([MemoryClientDirectory({}), MemoryClientDirectory(clients)])


class TestMemoryClientRegistry(ClientRegistryContract):
    @override
    def make(self) -> MemoryClientRegistry:
        return MemoryClientRegistry()


class TestFixedEndpoints(EndpointDirectoryContract):
    @override
    def make(self) -> FixedEndpoints:
        return FixedEndpoints([state("one"), state("two")])


class TestJoinedEndpoints(EndpointDirectoryContract):
    @override
    def make(self) -> JoinedEndpoints:
        return JoinedEndpoints([FixedEndpoints([state("one")]), FixedEndpoints([]), FixedEndpoints([state("two")])])


async def test_the_memory_cache_drops_the_least_recently_used_entry_to_stay_within_its_bytes() -> None:
    size = 1_000
    cache = MemoryReplyCache(ScriptedClock(), max_bytes=16 * (size + ENTRY_OVERHEAD_BYTES))
    first, second, *others = [new_key() for _ in range(17)]
    for key in (first, second, *others[:14]):
        await cache.put(key, bytes(size), LONG)
    await cache.get([first])

    await cache.put(others[14], bytes(size), LONG)

    assert await cache.get([first, second]) == {first: bytes(size)}
    assert (len(cache), cache.size_bytes) == (16, 16 * (size + ENTRY_OVERHEAD_BYTES))


async def test_the_memory_cache_counts_its_bytes_down_whichever_way_an_entry_goes() -> None:
    clock = ScriptedClock()
    cache, key = MemoryReplyCache(clock, max_bytes=100_000), new_key()
    await cache.put(key, bytes(5_000), LONG)
    await cache.put(key, bytes(10), timedelta(seconds=1))
    assert cache.size_bytes == 10 + ENTRY_OVERHEAD_BYTES

    await clock.advance(1)
    await cache.get([key])
    await cache.put(key, bytes(100_000), LONG)

    assert (len(cache), cache.size_bytes) == (0, 0)


async def test_the_signatures_of_the_process_stay_within_their_bytes_and_the_oldest_go_first() -> None:
    cost = 1_000 + signature_store.ENTRY_OVERHEAD_BYTES
    store = MemorySignatureStore(ScriptedClock(), LONG, max_bytes=16 * cost)
    keys = [signature_stores.new_key() for _ in range(17)]
    for key in keys:
        await store.put(key, bytes(1_000))

    assert len(store) == 16
    assert keys[0] not in await store.get(keys)
    await store.put(keys[1], bytes(1_001))
    assert keys[1] not in await store.get(keys)


async def test_signatures_that_expired_take_no_memory() -> None:
    clock = ScriptedClock()
    store = MemorySignatureStore(clock, LONG)
    for _ in range(3):
        await store.put(signature_stores.new_key(), b"entry")
    await clock.advance(LONG.total_seconds())
    await store.put(signature_stores.new_key(), b"entry")

    assert len(store) == 1
