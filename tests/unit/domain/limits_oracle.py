"""What a client's limits mean, said again in another way: fractions of units, and a plain list of grants."""

from fractions import Fraction
from math import ceil, floor

from msgspec import Struct

from llm_gateway.domain.quota import FINE_CAPACITY, Bucket, Charge, Decision, LimitStatus, Quota

LEASE_MS = 10_000
CONCURRENCY_WAIT_MS = 1_000


class Well:
    """One limit of units. Nothing counts for more than twice the largest fine capacity, and debt ends at twice that."""

    def __init__(self, bucket: Bucket) -> None:
        heaviest = 2_000_000 if bucket.capacity <= FINE_CAPACITY else 2_000_000_000
        self.capacity = bucket.capacity
        self.rate = Fraction(bucket.micros_per_second, 10**9)
        self.heaviest = heaviest
        self.deepest = -2 * heaviest
        self.level = Fraction(bucket.capacity)

    def pass_(self, ms: int) -> None:
        self.level = min(Fraction(self.capacity), self.level + self.rate * ms)

    def add(self, units: int) -> None:
        self.level = max(Fraction(self.deepest), min(Fraction(self.capacity), self.level + units))

    def wait(self, units: int) -> int:
        return max(0, ceil((units - self.level) / self.rate))

    def standing(self) -> LimitStatus:
        return LimitStatus(
            limit=self.capacity,
            remaining=max(0, floor(self.level)),
            reset_ms=self.wait(self.capacity),
            window_ms=ceil(self.capacity / self.rate),
        )


class Grant(Struct):
    id: str
    tokens: int
    lease: bool
    decision: Decision
    until: int


class Oracle:
    def __init__(self, quota: Quota, now: int) -> None:
        self.quota = quota
        self.shown = self.now = now
        self.requests = Well(quota.requests) if quota.requests else None
        self.tokens = Well(quota.tokens) if quota.tokens else None
        self.grants: list[Grant] = []
        self.refused = 0

    @property
    def leases(self) -> int:
        return sum(grant.lease for grant in self.grants)

    def at(self, now: int) -> None:
        """Time is what a clock gained. One that was set back gained nothing, and goes on from where it is."""
        passed, self.shown = max(0, now - self.shown), now
        for well in (self.requests, self.tokens):
            if well is not None:
                well.pass_(passed)
        self.now += passed
        self.grants = [grant for grant in self.grants if grant.until > self.now]

    def take(self, charge: Charge, id: str) -> Decision:
        for grant in self.grants:
            if grant.id == id:
                return grant.decision
        waits = [0]
        tokens = min(charge.tokens, self.tokens.capacity) if self.tokens else 0
        if self.requests and charge.requests:
            missing = self.requests.wait(charge.requests)
            if missing:
                together = max(1, self.requests.capacity // min(charge.requests, self.requests.heaviest))
                self.refused = min(self.refused + 1, together)
                missing = self.requests.wait(min(charge.requests, self.requests.heaviest) * self.refused)
            waits.append(missing)
        if self.tokens and tokens:
            waits.append(self.tokens.wait(tokens))
        if charge.lease and self.quota.concurrency is not None and self.leases >= self.quota.concurrency:
            waits.append(CONCURRENCY_WAIT_MS)
        if max(waits):
            return self._decision(max(waits))
        if self.requests:
            self.requests.add(-charge.requests)
            self.refused = 0 if charge.requests else self.refused
        if self.tokens:
            self.tokens.add(-tokens)
        grant = Grant(
            id=id, tokens=tokens, lease=charge.lease, decision=Decision(allowed=True), until=self.now + LEASE_MS
        )
        self.grants.append(grant)
        grant.decision = self._decision(0)
        return grant.decision

    def renew(self, id: str) -> None:
        for grant in self.grants:
            if grant.id == id:
                grant.until = self.now + LEASE_MS

    def settle(self, id: str, tokens: int) -> None:
        ended = [grant for grant in self.grants if grant.id == id]
        self.grants = [grant for grant in self.grants if grant.id != id]
        for grant in ended:
            if self.tokens:
                self.tokens.add(grant.tokens - min(tokens, self.tokens.heaviest))

    def _decision(self, wait: int) -> Decision:
        concurrency = None
        if self.quota.concurrency is not None:
            left = max(0, self.quota.concurrency - self.leases)
            concurrency = LimitStatus(limit=self.quota.concurrency, remaining=left, reset_ms=0)
        return Decision(
            allowed=wait == 0,
            retry_after_ms=wait,
            requests=self.requests.standing() if self.requests else None,
            tokens=self.tokens.standing() if self.tokens else None,
            concurrency=concurrency,
        )
