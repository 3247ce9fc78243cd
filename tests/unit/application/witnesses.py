"""Adapters that remember what was asked of them, and a limiter and a cache that take their time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec import Struct
from typing_extensions import override

from llm_gateway.application.ports.stores import RateLimiter, ReplyCache
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.clients import Client
from llm_gateway.domain.quota import Charge, Decision, ReservationId


class WitnessedLimiter(RateLimiter):
    """Another limiter, with what was held of it, what was settled, and how often a lease was renewed."""

    def __init__(self, inner: RateLimiter) -> None:
        self._inner = inner
        self.requests = 0
        self.refused = 0
        self.reserved: list[int] = []
        self.held: set[ReservationId] = set()
        self.settled: list[int] = []
        self.renewed = 0

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        if charge.lease:
            self.held.add(reservation)  # from here on it may be taken
        decision = await self._inner.take(client, charge, reservation)
        if not decision.allowed:
            self.held.discard(reservation)
            self.refused += 1
        elif charge.lease:
            self.reserved.append(charge.tokens)
        else:
            self.requests += charge.requests
        return decision

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        self.renewed += len(reservations)
        await self._inner.renew(client, *reservations)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        self.settled.append(tokens)
        await self._inner.settle(client, reservation, tokens)
        self.held.discard(reservation)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._inner.spend(client, requests, tokens, reservation)


class FarLimiter(RateLimiter):
    """A limiter a trip away: what it is told arrives at once, and its word comes back later."""

    def __init__(self, inner: RateLimiter, clock: Clock, seconds: float = 0.1) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds = seconds

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        decision = await self._inner.take(client, charge, reservation)
        await self._clock.sleep(self._seconds)
        return decision

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        await self._inner.renew(client, *reservations)
        await self._clock.sleep(self._seconds)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        await self._clock.sleep(self._seconds)
        await self._inner.settle(client, reservation, tokens)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._clock.sleep(self._seconds)
        await self._inner.spend(client, requests, tokens, reservation)


class CacheCall(Struct, frozen=True):
    verb: str
    keys: tuple[CacheKey, ...]


class FarCache(ReplyCache):
    """A cache that several processes could share: it remembers what it was asked, and takes its time where told to."""

    def __init__(self, clock: Clock, seconds: float = 0.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self.entries: dict[CacheKey, bytes] = {}
        self.calls: list[CacheCall] = []

    @override
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        self.calls.append(CacheCall("get", tuple(keys)))
        await self._pause()
        return {key: self.entries[key] for key in keys if key in self.entries}

    @override
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        self.calls.append(CacheCall("put", (key,)))
        await self._pause()
        self.entries[key] = entry

    async def _pause(self) -> None:
        if self._seconds:
            await self._clock.sleep(self._seconds)
