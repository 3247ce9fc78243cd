"""What becomes of quotas while the store that all gateways count in is away: one of three policies."""

from enum import StrEnum

from msgspec import Struct, structs
from typing_extensions import override

from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import Charge, Decision, LimiterMode, ReservationId

from .local_share import LocalShare, Seen
from .ports.observation import StoreMeter
from .ports.stores import RateLimiter
from .ports.system import Clock

LOCAL_SECONDS = 600.0
"""How long a client is counted in this process alone; then its requests are refused until the store is back.

A client that has asked nothing for so long begins anew, as the store may have been back meanwhile.
"""
MAX_KNOWN = 4096
"""Clients whose last levels are known, and leases that may have been taken unheard; the oldest are forgotten."""


class AbsentPolicy(StrEnum):
    """`local`: its share of the quota, in this process, for `LOCAL_SECONDS`. `open`: no limit. `closed`: nothing."""

    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


class _Lease(Struct, frozen=True):
    """Taken here. `doubtful`: it may have been taken there too."""

    share: LocalShare
    reserved: int
    doubtful: bool


class FallbackLimiter(RateLimiter):
    """Asks `shared`, and where it is unavailable goes by the policy. A charge is never asked of `shared` twice.

    `replicas` gateways are taken to share each quota, so that all of them together keep within it: a local bucket
    begins at its part of what `shared` last said, and what was used of it is charged to `shared` before that is asked
    again. Only a share below one unit is rounded up to one.
    """

    def __init__(
        self, shared: RateLimiter, policy: AbsentPolicy, replicas: int, clock: Clock, meter: StoreMeter
    ) -> None:
        self._shared = shared
        self._policy = policy
        self._replicas = replicas
        self._clock = clock
        self._meter = meter
        self._seen: dict[ClientId, Seen] = {}
        # By client, because a Cluster may have lost only a part.
        self._shares: dict[ClientId, LocalShare] = {}
        self._leases: dict[ReservationId, _Lease] = {}
        self._undone: dict[ReservationId, None] = {}
        self._uncounted: set[ReservationId] = set()

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        if self._shares:
            try:
                await self._pay(client, reservation)
            except LimiterUnavailable as error:
                return self._without(client, charge, reservation, error, doubtful=False)
        try:
            decision = await self._shared.take(client, charge, reservation)
        except LimiterUnavailable as error:
            return self._without(client, charge, reservation, error, doubtful=error.doubtful)
        if self._shares:
            self._returned(client)
        if self._policy is AbsentPolicy.LOCAL:
            self._seen[client.id] = Seen(client.quota, decision, self._clock.monotonic())
            if len(self._seen) > MAX_KNOWN:
                del self._seen[next(iter(self._seen))]
        self._meter.limiter(LimiterMode.EXACT)
        return decision

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        """What may have been taken there too is kept there until it is given back: one that ended stays charged."""
        there = []
        for reservation in reservations:
            lease = self._leases.get(reservation)
            if lease is not None:
                lease.share.renew(reservation, self._clock.monotonic())
            if lease.doubtful if lease is not None else reservation not in self._uncounted:
                there.append(reservation)
        if there:
            await self._shared.renew(client, *there)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        """What was taken here is settled here. What may also have been taken there is given back to it whole."""
        if reservation in self._uncounted:
            self._uncounted.discard(reservation)
            return
        lease = self._leases.pop(reservation, None)
        if lease is not None:
            lease.share.settle(reservation, tokens, self._clock.monotonic())
            self._shares.setdefault(client.id, lease.share).owe(tokens - lease.reserved)
            if not lease.doubtful:
                return
            self._undone[reservation] = None
            if len(self._undone) > MAX_KNOWN:
                del self._undone[next(iter(self._undone))]
        if reservation in self._undone:
            await self._shared.settle(client, reservation, 0)
            self._undone.pop(reservation, None)
        else:
            await self._shared.settle(client, reservation, tokens)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._shared.spend(client, requests, tokens, reservation)

    async def _pay(self, client: Client, reservation: ReservationId) -> None:
        """Charge `shared` with what was used here. Who asks meanwhile comes behind it on the same way."""
        share = self._shares.get(client.id)
        if share is None or share.paying:
            return
        share.paying = True
        try:
            for bill in share.bills(ReservationId(f"{reservation}:spent"), self._clock.monotonic()):
                await self._shared.spend(client, bill.requests, bill.tokens, bill.id)
        finally:
            share.paying = False

    def _returned(self, client: Client) -> None:
        share = self._shares.get(client.id)
        if share is not None:
            share.away_since = None
            if not share.spent:
                del self._shares[client.id]

    def _without(
        self,
        client: Client,
        charge: Charge,
        reservation: ReservationId,
        error: LimiterUnavailable,
        *,
        doubtful: bool,
    ) -> Decision:
        if self._policy is AbsentPolicy.OPEN:
            self._meter.limiter(LimiterMode.OPEN)
            if charge.lease and not doubtful:
                self._uncounted.add(reservation)
            return Decision(allowed=True, mode=LimiterMode.OPEN)
        if self._policy is AbsentPolicy.CLOSED:
            self._meter.limiter(LimiterMode.CLOSED)
            raise error
        now = self._clock.monotonic()
        share = self._share(client, now)
        if share.away_since is None or now - share.away_since >= LOCAL_SECONDS:
            self._meter.limiter(LimiterMode.CLOSED)
            raise error
        self._meter.limiter(LimiterMode.LOCAL)
        decision = share.take(charge, reservation, now)
        if decision.allowed and charge.lease:
            self._leases[reservation] = _Lease(share, share.reserved(charge), doubtful)
        return structs.replace(decision, mode=LimiterMode.LOCAL, doubtful=doubtful)

    def _share(self, client: Client, now: float) -> LocalShare:
        """Of this absence; a changed quota begins anew."""
        share = self._shares.get(client.id)
        if share is None or share.away_since is None or share.quota != client.quota:
            seen = self._seen.get(client.id)
            share = self._shares[client.id] = LocalShare(client, self._replicas, seen, now, share)
        elif now - share.last >= LOCAL_SECONDS:
            share.away_since = now
        share.last = now
        return share
