"""A client's share of its quota in this process while the shared store is away, and what the store has to be told."""

from collections.abc import Iterator

from msgspec import Struct

from llm_gateway.domain.clients import Client
from llm_gateway.domain.quota import Bucket, Charge, Decision, Levels, LimitStatus, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount


class Seen(Struct, gc=False):
    """What the store last said of a client, and when."""

    quota: Quota
    decision: Decision
    at: float

    def levels(self, now_ms: int, replicas: int, share: Quota) -> Levels:
        """A replica's part of what is there by now, if nobody has used anything since, in the parts of its share."""
        elapsed = max(0, now_ms - round(self.at * 1000))
        return Levels(
            requests=_level(self.quota.requests, self.decision.requests, elapsed, replicas, share.requests),
            tokens=_level(self.quota.tokens, self.decision.tokens, elapsed, replicas, share.tokens),
            leases=0,
        )


class Bill(Struct):
    """What was used here, in units, under the id by which it is charged once. It may have been charged unheard."""

    id: ReservationId
    requests: int
    tokens: int


class LocalShare:
    """`away_since` is None once the store has answered for the client; then what is owed to it is all that is left."""

    def __init__(self, client: Client, replicas: int, seen: Seen | None, now: float, owed: "LocalShare | None") -> None:
        """Where nothing was seen of the client, all of its share is there. `owed` is of an earlier absence."""
        now_ms = round(now * 1000)
        self.quota = client.quota
        self.away_since: float | None = now
        self.last = now
        self.paying = False
        self._requests: int = owed._requests if owed else 0
        self._tokens: int = owed._tokens if owed else 0
        self._bill: Bill | None = owed._bill if owed else None
        share = client.quota.divided(replicas) if replicas > 1 else client.quota
        known = seen is not None and seen.quota == client.quota
        self._account = QuotaAccount(share, now_ms, seen.levels(now_ms, replicas, share) if seen and known else None)
        if owed:
            bill = self._bill or Bill(ReservationId(""), 0, 0)
            unpaid = bill.requests + self._requests, bill.tokens + self._tokens
            self._account.spend(*unpaid, ReservationId("owed"), now_ms)
            owed._requests, owed._tokens, owed._bill = 0, 0, None

    @property
    def spent(self) -> bool:
        """Whether the store has to be told of anything, now or once an answer has ended."""
        return bool(self._requests or self._tokens or self._bill or self._account.leases)

    def take(self, charge: Charge, reservation: ReservationId, now: float) -> Decision:
        decision = self._account.take(charge, reservation, round(now * 1000))
        if decision.allowed:
            self._requests += charge.requests
            self._tokens += self.reserved(charge)
        return decision

    def reserved(self, charge: Charge) -> int:
        """The tokens that a charge takes here."""
        bucket = self._account.quota.tokens
        return min(charge.tokens, bucket.capacity) if bucket else 0

    def renew(self, reservation: ReservationId, now: float) -> None:
        self._account.renew(reservation, round(now * 1000))

    def settle(self, reservation: ReservationId, tokens: int, now: float) -> None:
        self._account.settle(reservation, tokens, round(now * 1000))

    def owe(self, tokens: int) -> None:
        """Used above what was reserved; below 0, less."""
        self._tokens += tokens if self.quota.tokens else 0

    def bills(self, id: ReservationId, now: float) -> Iterator[Bill]:
        """What the store is to be told, one after another: going on says that it was.

        Never more than is missing here by now, as what was used long ago has come back meanwhile.
        """
        requests, tokens = self._account.missing(round(now * 1000))
        while True:
            if self._bill is None and (self._requests or self._tokens):
                self._bill = Bill(id, self._requests, self._tokens)
                self._requests = self._tokens = 0
            bill = self._bill
            if bill is None:
                return
            told = Bill(bill.id, min(bill.requests, requests), min(bill.tokens, tokens))
            if told.requests or told.tokens:
                yield told
            requests, tokens = requests - told.requests, tokens - told.tokens
            self._bill, id = None, ReservationId(f"{id}+")


def _level(
    bucket: Bucket | None, status: LimitStatus | None, elapsed_ms: int, replicas: int, share: Bucket | None
) -> int:
    if bucket is None or status is None or share is None:
        return 0
    level = bucket.refilled(bucket.full - status.reset_ms * bucket.per_ms, elapsed_ms)
    return level * share.scale // (bucket.scale * replicas)  # a share may be small enough for finer parts
