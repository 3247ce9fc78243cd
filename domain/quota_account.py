"""The state of one client's quota and the rules by which it is spent: the reference for every limiter.

What Redis does in Lua, and memory by this very class, is held to it step by step.
"""

from collections import OrderedDict

from msgspec import Struct

from .quota import CONCURRENCY_WAIT_MS, LEASE_MS, Charge, Decision, Levels, Quota, ReservationId


class _Reservation(Struct, gc=False):
    """Tens of thousands are kept, and none can be part of a cycle: the garbage collector need not walk them."""

    decision: Decision
    tokens: int
    lease: bool
    expires_ms: int


class QuotaAccount:
    """The state of one client's quota, and its rules. Given the time in milliseconds, which may jump either way.

    Time is what the clock gained since it was looked at last. One that was set back gained nothing, and goes on from
    where it is: it gives nothing, and keeps nothing for longer. One that was set ahead gives once what refills in the
    time that it skipped, a full bucket at most, and ends the reservations that would have ended in it.
    """

    def __init__(self, quota: Quota, now_ms: int, levels: Levels | None = None) -> None:
        """Full, unless `levels` say what is left in its buckets."""
        self.quota = quota
        self._seen = now_ms
        self._at = now_ms
        self._requests = quota.requests.full if quota.requests else 0
        self._tokens = quota.tokens.full if quota.tokens else 0
        if levels is not None:
            self._requests = min(self._requests, levels.requests)
            self._tokens = min(self._tokens, levels.tokens)
        # The one that expires first stands first: a plain dict looks for it among all that went before it.
        self._reservations: OrderedDict[ReservationId, _Reservation] = OrderedDict()
        self.leases = 0
        """Answers under way."""
        self._refused = 0
        """Charges for which there were not enough requests since one was taken, as many as a full bucket covers."""

    def __len__(self) -> int:
        """Reservations remembered."""
        return len(self._reservations)

    def take(self, charge: Charge, reservation: ReservationId, now_ms: int) -> Decision:
        """Take all of the charge or nothing. The same reservation again gets the same answer, and is charged once."""
        self._advance(now_ms)
        earlier = self._reservations.get(reservation)
        if earlier is not None:
            return earlier.decision
        requests, tokens = self.quota.cost(charge)
        wait = self._wait_ms(requests, tokens, charge.lease)
        if not wait:
            self._refused = 0 if requests else self._refused
            self._requests -= requests
            self._tokens -= tokens
            self.leases += charge.lease
        decision = self._standing(wait)
        if not wait:
            self._reservations[reservation] = _Reservation(
                decision=decision, tokens=tokens, lease=charge.lease, expires_ms=self._at + LEASE_MS
            )
        return decision

    def renew(self, reservation: ReservationId, now_ms: int) -> None:
        """Keep a reservation for another `LEASE_MS`. One that is gone stays gone."""
        self._advance(now_ms)
        held = self._reservations.get(reservation)
        if held is not None:
            held.expires_ms = self._at + LEASE_MS
            self._reservations.move_to_end(reservation)

    def settle(self, reservation: ReservationId, tokens: int, now_ms: int) -> None:
        """End a reservation: what was held and not used comes back, what was used above it is taken, even below zero.

        Once only. A reservation that expired stays charged in full, since what became of it is unknown.
        """
        self._advance(now_ms)
        held = self._forget(reservation)
        if held is None or self.quota.tokens is None:
            return
        bucket = self.quota.tokens
        self._tokens = min(bucket.full, bucket.drained(self._tokens, bucket.parts(tokens) - held.tokens))

    def spend(self, requests: int, tokens: int, reservation: ReservationId, now_ms: int) -> None:
        """Charge what was used elsewhere, even below zero; below 0 it comes back. Once, by the reservation."""
        self._advance(now_ms)
        if reservation in self._reservations:
            return
        less_requests, less_tokens = self.quota.spent(requests, tokens)
        if self.quota.requests:
            self._requests = min(self.quota.requests.full, self.quota.requests.drained(self._requests, less_requests))
        if self.quota.tokens:
            self._tokens = min(self.quota.tokens.full, self.quota.tokens.drained(self._tokens, less_tokens))
        self._reservations[reservation] = _Reservation(
            decision=self._standing(0), tokens=0, lease=False, expires_ms=self._at + LEASE_MS
        )

    def missing(self, now_ms: int) -> tuple[int, int]:
        """Units of requests and of tokens that the buckets lack, rounded up."""
        self._advance(now_ms)
        quota = self.quota
        return (
            -((self._requests - quota.requests.full) // quota.requests.scale) if quota.requests else 0,
            -((self._tokens - quota.tokens.full) // quota.tokens.scale) if quota.tokens else 0,
        )

    def _standing(self, wait_ms: int) -> Decision:
        levels = Levels(requests=self._requests, tokens=self._tokens, leases=self.leases)
        return self.quota.decision(levels, wait_ms=wait_ms)

    def _forget(self, reservation: ReservationId) -> _Reservation | None:
        held = self._reservations.pop(reservation, None)
        if held is not None:
            self.leases -= held.lease
        return held

    def _advance(self, now_ms: int) -> None:
        """Refill the buckets, and forget the reservations that expired. The account's own time never goes back."""
        elapsed = now_ms - self._seen
        self._seen = now_ms
        if elapsed <= 0:
            return
        self._at += elapsed
        if self.quota.requests:
            self._requests = self.quota.requests.refilled(self._requests, elapsed)
        if self.quota.tokens:
            self._tokens = self.quota.tokens.refilled(self._tokens, elapsed)
        while self._reservations:
            first = next(iter(self._reservations))
            if self._reservations[first].expires_ms > self._at:
                return
            self._forget(first)

    def _wait_ms(self, requests: int, tokens: int, lease: bool) -> int:
        """Of those that lack requests each waits for its own refill, so that they don't all come back at once."""
        wait = 0
        if requests and self.quota.requests and self._requests < requests:
            self._refused = min(self._refused + 1, max(1, self.quota.requests.full // requests))
            wait = self.quota.requests.wait_ms(self._requests, self._refused * requests)
        if tokens and self.quota.tokens:
            wait = max(wait, self.quota.tokens.wait_ms(self._tokens, tokens))
        if lease and self.quota.concurrency is not None and self.leases >= self.quota.concurrency:
            wait = max(wait, CONCURRENCY_WAIT_MS)
        return wait
