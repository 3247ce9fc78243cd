"""What is held of clients' quotas: renewed while it is held, and settled until the limiter has heard of it."""

import asyncio
import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterable

from msgspec import Struct

from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import LEASE_MS, ReservationId

from .ports.stores import RateLimiter
from .ports.system import Alarm, Clock

LOOK_SECONDS = 1.0
"""How often it is looked at what is due, while there is anything."""
RENEW_SECONDS = 3.0
"""The age at which a lease is renewed: it outlives two renewals that were not answered."""
MAX_UNSETTLED = 4096
"""Settlements that are made again; beyond these the oldest are given up."""
CLOSE_SECONDS = 0.5


class _Held(Struct):
    """`heard`: when the limiter last answered for it; never, where it may have been taken or not."""

    client: Client
    heard: float
    due: float


class _Unsettled(Struct, frozen=True):
    client: Client
    tokens: int
    until: float


class LeaseKeeper:
    """One alarm for all that this process holds: a request that ends within `RENEW_SECONDS` costs nothing more.

    A client's leases are renewed together. A settlement without an answer is made again until it has one, or the
    lease has ended by itself: it is done once, by its reservation. What may have been taken unheard has no known end.
    """

    def __init__(self, limiter: RateLimiter, clock: Clock) -> None:
        self._limiter = limiter
        self._clock = clock
        self._held: dict[ReservationId, _Held] = {}
        self._unsettled: OrderedDict[ReservationId, _Unsettled] = OrderedDict()
        self._alarm: Alarm | None = None
        self._work: asyncio.Task[None] | None = None
        self._closed = False

    def hold(self, client: Client, key: ReservationId, *, heard: bool) -> None:
        """Taken, and kept until it is settled. `heard`: the limiter that renews it has said so."""
        now = self._clock.monotonic()
        self._held[key] = _Held(client, now if heard else math.inf, now + RENEW_SECONDS)
        self._look_later()

    async def settle(self, client: Client, key: ReservationId, tokens: int) -> None:
        """End what is held, or may have been taken. What is not answered goes on in the background."""
        held = self._held.pop(key, None)
        try:
            await self._limiter.settle(client, key, tokens)
        except LimiterUnavailable:
            until = math.inf if held is None else held.heard + LEASE_MS / 1000
            self._settle_later(key, _Unsettled(client, tokens, until))

    def give_back(self, client: Client, key: ReservationId) -> None:
        """What was refused, and may have been taken unheard: in the background."""
        self._settle_later(key, _Unsettled(client, 0, math.inf))

    async def aclose(self) -> None:
        """Try once more to settle what is not, for `CLOSE_SECONDS` at most."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait((self._work,))
        if self._unsettled:
            last = asyncio.create_task(self._settle_again())
            await asyncio.wait((last,), timeout=CLOSE_SECONDS)
            last.cancel()

    def _settle_later(self, key: ReservationId, unsettled: _Unsettled) -> None:
        self._unsettled[key] = unsettled
        if len(self._unsettled) > MAX_UNSETTLED:
            self._unsettled.popitem(last=False)
        self._look_later()

    def _look_later(self) -> None:
        if self._alarm is None and self._work is None and not self._closed:
            self._alarm = self._clock.call_at(self._clock.monotonic() + LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._alarm = None
        if self._held or self._unsettled:
            self._work = asyncio.create_task(self._do_what_is_due())
            self._work.add_done_callback(self._done)

    def _done(self, work: "asyncio.Task[None]") -> None:
        self._work = None
        self._look_later()

    async def _do_what_is_due(self) -> None:
        await self._renew()
        await self._settle_again()

    async def _renew(self) -> None:
        now = self._clock.monotonic()
        due: dict[ClientId, tuple[Client, list[ReservationId]]] = {}
        for key, held in self._held.items():
            if held.due <= now:
                due.setdefault(held.client.id, (held.client, []))[1].append(key)
        await asyncio.gather(*(self._renew_all(client, keys, now) for client, keys in due.values()))

    async def _renew_all(self, client: Client, keys: list[ReservationId], now: float) -> None:
        try:
            await self._limiter.renew(client, *keys)
        except LimiterUnavailable:
            return  # at the next look
        for key in keys:
            if (held := self._held.get(key)) is not None:
                held.due = now + RENEW_SECONDS
                held.heard = max(held.heard, now)

    async def _settle_again(self) -> None:
        now = self._clock.monotonic()
        by_client: defaultdict[ClientId, list[tuple[ReservationId, _Unsettled]]] = defaultdict(list)
        for key, unsettled in list(self._unsettled.items()):
            if unsettled.until <= now:
                del self._unsettled[key]
            else:
                by_client[unsettled.client.id].append((key, unsettled))
        await asyncio.gather(*map(self._settle_all, by_client.values()))

    async def _settle_all(self, some: Iterable[tuple[ReservationId, _Unsettled]]) -> None:
        """Of one client, in their order, as far as the limiter answers."""
        for key, unsettled in some:
            try:
                await self._limiter.settle(unsettled.client, key, unsettled.tokens)
            except LimiterUnavailable:
                return
            self._unsettled.pop(key, None)
