"""What an account may hold at most and must hold at least, by the true time and by what clocks and losses excuse."""

from typing import Final

from msgspec import Struct

from llm_gateway.domain.quota import DEBT_FLOOR, LEASE_MS, Bucket, Charge, Decision, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount


class Level(Struct):
    """A bucket's bounds, in parts."""

    bucket: Bucket
    least: int
    most: int

    def change(self, parts: int) -> None:
        self.least = max(DEBT_FLOOR, min(self.bucket.full, self.least + parts))
        self.most = max(DEBT_FLOOR, min(self.bucket.full, self.most + parts))

    def check(self, level: int) -> None:
        assert self.least <= level <= self.most, f"{self.least} <= {level} <= {self.most}"


class Held(Struct):
    """A reservation, and how much time had been gained, at least and at most, when it was last renewed."""

    tokens: int
    lease: bool
    least: int = 0
    most: int = 0


class Bounds:
    """The stated ones: no more than true time refills, and what a clock that is set ahead skips; no less than true time
    refills, but for what passes between two looks between which a clock was set back. Reservations likewise.
    """

    def __init__(self, account: QuotaAccount, now: int) -> None:
        quota: Final = account.quota
        self.quota: Quota = quota
        self._requests = Level(quota.requests, quota.requests.full, quota.requests.full) if quota.requests else None
        self._tokens = Level(quota.tokens, quota.tokens.full, quota.tokens.full) if quota.tokens else None
        self._looked = now
        self._set_back = False
        self._least_gained = self._most_gained = 0
        self._held: dict[ReservationId, Held] = {}

    def step(self, ms: int) -> None:
        """The server's clock was set by so much."""
        if ms < 0:
            self._set_back = True
        else:
            self._gain(0, ms)

    def look(self, now: int) -> None:
        """It is the true time `now`, and the account is asked."""
        passed = now - self._looked
        self._gain(0 if self._set_back else passed, passed)
        self._looked, self._set_back = now, False

    def forgot(self, account: QuotaAccount) -> None:
        """What the server lost may be taken once more, and what was given back may be gone."""
        for level, kept in ((self._requests, account._requests), (self._tokens, account._tokens)):
            if level is not None:
                level.least, level.most = min(level.least, kept), max(level.most, kept)
        self._held = {
            id: Held(tokens=held.tokens, lease=held.lease, most=-LEASE_MS, least=self._least_gained)
            for id, held in account._reservations.items()
        }

    def took(self, id: ReservationId, charge: Charge, said: Decision) -> None:
        requests, tokens = self.quota.cost(charge)
        wanted = [
            (level, cost) for level, cost in ((self._requests, requests), (self._tokens, tokens)) if level and cost
        ]
        if said.allowed:
            assert all(level.most >= cost for level, cost in wanted), "more than the quota"
            for level, cost in wanted:
                level.change(-cost)
            self._held[id] = Held(tokens=tokens, lease=charge.lease)
            self.renewed(id)
        else:
            full = charge.lease and self.quota.concurrency is not None and self._perhaps() >= self.quota.concurrency
            assert full or any(level.least < cost for level, cost in wanted), "refused what it had"

    def spent(self, id: ReservationId, charge: Charge) -> None:
        requests, tokens = self.quota.spent(charge.requests, charge.tokens)
        for level, parts in ((self._requests, requests), (self._tokens, tokens)):
            if level:
                level.change(-parts)
        self._held[id] = Held(tokens=0, lease=False)
        self.renewed(id)

    def settled(self, id: ReservationId, tokens: int) -> None:
        held = self._held.pop(id)
        if self._tokens is not None:
            self._tokens.change(held.tokens - self._tokens.bucket.parts(tokens))

    def renewed(self, id: ReservationId) -> None:
        held = self._held[id]
        held.least, held.most = self._least_gained, self._most_gained

    def check(self, account: QuotaAccount) -> None:
        """Of the account as it is now."""
        for level, kept in ((self._requests, account._requests), (self._tokens, account._tokens)):
            if level is not None:
                level.check(kept)
        surely = [id for id, held in self._held.items() if self._most_gained - held.most < LEASE_MS]
        assert account._reservations.keys() >= set(surely)
        assert account.leases <= self._perhaps()
        assert self.quota.concurrency is None or account.leases <= self.quota.concurrency
        for id in self._held.keys() - account._reservations.keys():
            assert self._most_gained - self._held.pop(id).most >= LEASE_MS

    def _perhaps(self) -> int:
        """Leases that may not have ended."""
        return sum(held.lease and self._least_gained - held.least < LEASE_MS for held in self._held.values())

    def _gain(self, least: int, most: int) -> None:
        self._least_gained += least
        self._most_gained += most
        for level in (self._requests, self._tokens):
            if level is not None:
                level.least = level.bucket.refilled(level.least, least)
                level.most = level.bucket.refilled(level.most, most)
