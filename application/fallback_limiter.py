"""What becomes of quotas while the store that all gateways count in is away: one of three policies."""

from enum import StrEnum

from msgspec import structs
from typing_extensions import override

from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import Charge, Decision, LimiterMode, ReservationId

from .ports.observation import StoreMeter
from .ports.stores import RateLimiter
from .ports.system import Clock

LOCAL_SECONDS = 600.0
"""How long a client is counted in this process alone; then its requests are refused until the store is back.

A client that has asked nothing for so long begins anew, as the store may have been back meanwhile.
"""


class AbsentPolicy(StrEnum):
    """`local`: its share of the quota, in this process, for `LOCAL_SECONDS`. `open`: no limit. `closed`: nothing."""

    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


class FallbackLimiter(RateLimiter):
    """Asks `shared`, and where it is unavailable goes by the policy. A charge is never asked of `shared` twice.

    `replicas` gateways are taken to share each quota, so that all of them together keep within it: only a share below
    one unit is rounded up to one.
    """

    def __init__(
        self,
        shared: RateLimiter,
        local: RateLimiter,
        policy: AbsentPolicy,
        replicas: int,
        clock: Clock,
        meter: StoreMeter,
    ) -> None:
        self._shared = shared
        self._local = local
        self._policy = policy
        self._replicas = replicas
        self._clock = clock
        self._meter = meter
        # Since when, and seen when last; by client, because a Cluster may have lost only a part.
        self._away: dict[ClientId, tuple[float, float]] = {}
        self._local_leases: set[ReservationId] = set()

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        try:
            decision = await self._shared.take(client, charge, reservation)
        except LimiterUnavailable as error:
            return await self._without(client, charge, reservation, error)
        if self._away:
            self._away.pop(client.id, None)
        self._meter.limiter(LimiterMode.EXACT)
        return decision

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        here = [reservation for reservation in reservations if reservation in self._local_leases]
        if here:
            await self._local.renew(self._share(client), *here)
        there = [reservation for reservation in reservations if reservation not in self._local_leases]
        if there:
            await self._shared.renew(client, *there)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._shared.spend(client, requests, tokens, reservation)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        """What was taken here is settled here, and also there: its charge may have been carried out unheard."""
        if reservation in self._local_leases:
            self._local_leases.discard(reservation)
            await self._local.settle(self._share(client), reservation, tokens)
        await self._shared.settle(client, reservation, tokens)

    async def _without(
        self, client: Client, charge: Charge, reservation: ReservationId, error: LimiterUnavailable
    ) -> Decision:
        now = self._clock.monotonic()
        since, seen = self._away.get(client.id, (now, now))
        if now - seen >= LOCAL_SECONDS:
            since = now
        self._away[client.id] = since, now
        if self._policy is AbsentPolicy.OPEN:
            self._meter.limiter(LimiterMode.OPEN)
            return Decision(allowed=True, mode=LimiterMode.OPEN)
        if self._policy is AbsentPolicy.CLOSED or now - since >= LOCAL_SECONDS:
            self._meter.limiter(LimiterMode.CLOSED)
            raise error
        self._meter.limiter(LimiterMode.LOCAL)
        decision = await self._local.take(self._share(client), charge, reservation)
        if decision.allowed and charge.lease:
            self._local_leases.add(reservation)
        return structs.replace(decision, mode=LimiterMode.LOCAL)

    def _share(self, client: Client) -> Client:
        if self._replicas == 1:
            return client
        return structs.replace(client, quota=client.quota.divided(self._replicas))
