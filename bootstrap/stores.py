"""The shared stores that the settings name, and the ports that live in them; in the process where there are none."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from llm_gateway.adapters.outbound.memory.directories import JoinedClients
from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.memory.request_log import MemoryRequestLog
from llm_gateway.adapters.outbound.redis.client.address import RedisCredentials
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.application.fallback_limiter import AbsentPolicy, FallbackLimiter
from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.application.ports.stores import (
    ClientDirectory,
    RateLimiter,
    ReplyCache,
    RequestLog,
    SharedStore,
    SignatureStore,
)
from llm_gateway.application.ports.system import Clock, Entropy
from llm_gateway.domain.quota import Bucket

from .settings import Secret, Settings

if TYPE_CHECKING:
    from llm_gateway.adapters.outbound.redis.client.store import Store
    from llm_gateway.adapters.outbound.redis.client_registry import RedisClients

COMMAND_SECONDS = 5.0
"""How long the command waits for each call: no other call waits behind it."""


class Stores:
    """`state` is for what must be exact, `replies` for the cache; one store where both have one URL.

    Nothing is connected before it is used. To be made in the event loop that will use it.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        meter: StoreMeter,
        credentials: RedisCredentials | None = None,
        *,
        patience: float | None = None,
    ) -> None:
        """`patience` is what a call waits, in seconds; without it, what calls for requests do."""
        self._credentials = credentials
        self._patience = patience
        self._settings = settings
        self._clock = clock
        self._meter = meter
        self._closing = AsyncExitStack()
        cache_url = settings.cache_redis_url or settings.redis_url
        self.state = self._store("redis", settings.redis_url)
        self.replies = self.state if cache_url == settings.redis_url else self._store("cache_redis", cache_url)

    @property
    def all(self) -> Sequence[SharedStore]:
        return [store for store in dict.fromkeys((self.state, self.replies)) if store is not None]

    def clients(self, settled: ClientDirectory) -> ClientDirectory:
        """The settings' clients, `settled`, before the ones that are registered: they go on while the store is away."""
        return settled if self.state is None else JoinedClients([settled, _registered_clients(self.state, self._clock)])

    def limiter(self) -> RateLimiter:
        if self.state is None:
            return MemoryRateLimiter(self._clock)
        from llm_gateway.adapters.outbound.redis.rate_limiter import RedisRateLimiter

        policy = AbsentPolicy(self._settings.redis_absent_limiter)
        shared = RedisRateLimiter(self.state)
        processes = self._settings.expected_replicas * self._settings.workers
        return FallbackLimiter(shared, policy, processes, self._clock, self._meter)

    def reply_cache(self, entropy: Entropy) -> ReplyCache | None:
        if self.replies is None:
            return None
        from llm_gateway.adapters.outbound.redis.reply_cache import RedisReplyCache

        return RedisReplyCache(self.replies, entropy)

    def signatures(self, life: timedelta) -> SignatureStore | None:
        """Beside the replies, as losing one loses little."""
        if self.replies is None:
            return None
        from llm_gateway.adapters.outbound.redis.signature_store import RedisSignatureStore

        return RedisSignatureStore(self.replies, life)

    def request_log(self) -> RequestLog:
        """Beside the replies: like them, a record may be lost."""
        if self.replies is None:
            return MemoryRequestLog(self._clock)
        from llm_gateway.adapters.outbound.redis.request_log import RedisRequestLog

        log = RedisRequestLog(self.replies)
        self._closing.push_async_callback(log.aclose)
        return log

    async def aclose(self) -> None:
        await self._closing.aclose()

    def _store(self, name: str, url: Secret | None) -> "Store | None":
        if url is None:
            return None
        from llm_gateway.adapters.outbound.redis.client.store import open_store  # with the extra `redis` only

        opened = partial(open_store, name, url.value, self._clock, self._meter)
        if self._patience is None:
            store = opened(patience=self._settings.redis_wait_seconds, credentials=self._credentials)
        else:
            store = opened(patience=self._patience, look_up=self._patience)
        self._closing.push_async_callback(store.aclose)
        return store


@asynccontextmanager
async def open_clients(url: Secret, common: Bucket) -> AsyncIterator[ManageClients]:
    """The registered clients, for the command: `common` is the quota of clients that are given none."""
    from llm_gateway.adapters.outbound.redis.client.store import open_store

    clock = SystemClock()
    store = open_store("redis", url.value, clock, SilentStoreMeter(), patience=COMMAND_SECONDS, look_up=COMMAND_SECONDS)
    try:
        yield ManageClients(_registered_clients(store, clock), clock, common)
    finally:
        await store.aclose()


async def store_troubles(settings: Settings, clock: Clock) -> Sequence[tuple[str, str | None]]:
    """The name of each store, and why it can't be used, for the command."""
    stores = Stores(settings, clock, SilentStoreMeter(), patience=COMMAND_SECONDS)
    try:
        return [(store.name, await store.trouble()) for store in stores.all]
    finally:
        await stores.aclose()


def _registered_clients(store: "Store", clock: Clock) -> "RedisClients":
    from llm_gateway.adapters.outbound.redis.client_registry import RedisClients

    return RedisClients(store, clock)
