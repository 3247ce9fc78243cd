"""What lives in a store keeps its contracts on fakeredis, on real servers of both kinds, and on a Cluster."""

from datetime import timedelta
from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.store import Store
from llm_gateway.adapters.outbound.redis.client_registry import CLIENTS, REGISTRATIONS, RedisClients
from llm_gateway.adapters.outbound.redis.reply_cache import RedisReplyCache
from llm_gateway.adapters.outbound.redis.request_log import RedisRequestLog
from llm_gateway.adapters.outbound.redis.signature_store import RedisSignatureStore
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.testing import (
    ClientRegistryContract,
    RateLimiterContract,
    ReplyCacheContract,
    RequestLogContract,
    SeededEntropy,
    SharedStoreContract,
    SignatureStoreContract,
)
from llm_gateway.testing.contracts.signature_store import new_key

from .conftest import REDIS, Open
from .set_time import TimedRateLimiter
from .valkey import Valkey


class OnStore:
    """Each test has a connection of its own, to a server that all of them share."""

    @pytest.fixture(autouse=True, params=["fakeredis", "valkey", REDIS, "cluster"])
    def open(self, request: pytest.FixtureRequest, open_url: Open) -> None:
        match request.param:
            case "fakeredis":
                url = request.getfixturevalue("fake")
            case "valkey" | "redis" as kind:
                server: Valkey = request.getfixturevalue("server" if kind == "valkey" else "redis_server")
                url = server.url
            case _:
                nodes: list[Valkey] = request.getfixturevalue("cluster")
                url = f"redis+cluster://127.0.0.1:{nodes[1].port},127.0.0.1:{nodes[2].port}"
        self.store: Store = open_url(url)
        self.away: Store = open_url(f"{url.partition('://')[0]}://127.0.0.1:1")


class TestRedisReplyCache(OnStore, ReplyCacheContract):
    @cached_property
    @override
    def clock(self) -> SystemClock:
        return SystemClock()

    @override
    def make(self) -> RedisReplyCache:
        return RedisReplyCache(self.store, SeededEntropy())


class TestRedisSignatureStore(OnStore, SignatureStoreContract):
    @cached_property
    @override
    def clock(self) -> SystemClock:
        return SystemClock()

    @override
    def make(self, life: timedelta) -> RedisSignatureStore:
        return RedisSignatureStore(self.store, life)

    async def test_a_store_that_is_away_finds_nothing_and_loses_what_it_is_given(self) -> None:
        store, key = RedisSignatureStore(self.away, self.long), new_key()

        await store.put(key, b"entry")

        assert await store.get([key]) == {}


class TestRedisClients(OnStore, ClientRegistryContract):
    @pytest.fixture(autouse=True)
    async def _empty(self, open: None) -> None:
        await self.store.call("empty", CLIENTS, "DEL", CLIENTS, REGISTRATIONS)

    @override
    def make(self) -> RedisClients:
        return RedisClients(self.store, self.clock)


class TestRedisRateLimiter(OnStore, RateLimiterContract):
    """At a time that the suite sets; `test_rate_limiter.py` has what the server's own clock does."""

    @override
    def make(self) -> TimedRateLimiter:
        return TimedRateLimiter(self.store, self.clock)


class TestStore(OnStore, SharedStoreContract):
    @override
    def make(self) -> Store:
        return self.store

    @override
    def make_away(self) -> Store:
        return self.away


class TestRedisRequestLog(OnStore, RequestLogContract):
    @override
    def make(self) -> RedisRequestLog:
        self.made = RedisRequestLog(self.store)
        return self.made

    @override
    async def settle(self) -> None:
        await self.made.aclose()
