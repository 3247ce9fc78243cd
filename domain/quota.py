"""What a client may spend, exactly: buckets of requests and tokens, and leases of concurrent answers.

`domain.quota_account` has the rules of spending. The arithmetic is integer arithmetic in which each value and each
product stays below 2^53, because the same rules run as Lua, whose numbers are doubles. A bucket's level is counted in
nano-units and refilled per millisecond: a rate of r micro-units a second is exactly r nano-units a millisecond, so
refilling is one product and never rounds. Buckets of more than a million units count in micro-units instead, with rates
in thousandths.
"""

from enum import StrEnum
from functools import cached_property
from typing import NewType

from msgspec import Struct

ReservationId = NewType("ReservationId", str)
"""The id by which a limiter knows a charge: a charge that is sent again is not counted again."""

MAX_CAPACITY = 1_000_000_000
FINE_CAPACITY = 1_000_000
MAX_FINE_RATE = 1_000_000.0
LEASE_MS = 10_000
"""How long a reservation lives without being renewed: what a crashed process held is free after this."""

DEBT_FLOOR = -4 * 10**15
"""A bucket's lowest level, in parts."""
CONCURRENCY_WAIT_MS = 1_000
"""The wait that a client is told where its concurrency is spent, since the end of an answer can't be foreseen."""

_MICRO = 1_000_000
_MAX_COST = 2 * 10**15


class Bucket(Struct, frozen=True, kw_only=True, dict=True):
    """A token bucket: `capacity` units, refilled by `micros_per_second` millionths of a unit a second.

    What follows from these two is worked out once: each charge needs all of it.
    """

    capacity: int
    micros_per_second: int

    @classmethod
    def of(cls, capacity: int, per_second: float) -> "Bucket":
        """The rate is rounded to the bucket's step. Raises `ValueError` where the arithmetic would not be exact."""
        step = _step(capacity)
        micros = per_second * _MICRO
        exact = round(micros / step) * step if abs(micros) < 2**53 else 0  # 0 also for what is no number
        return cls(capacity=capacity, micros_per_second=exact)

    def __post_init__(self) -> None:
        step = _step(self.capacity)
        most = MAX_FINE_RATE if step == 1 else MAX_CAPACITY
        if not 1 <= self.capacity <= MAX_CAPACITY:
            raise ValueError(f"capacity must be between 1 and {MAX_CAPACITY}")
        if not step <= self.micros_per_second <= most * _MICRO or self.micros_per_second % step:
            raise ValueError(f"refill rate must be between {step / _MICRO:g} and {most:g} a second")

    @cached_property
    def scale(self) -> int:
        """Parts in which one unit is counted."""
        return 1_000_000_000 if self.capacity <= FINE_CAPACITY else 1_000_000

    @cached_property
    def full(self) -> int:
        """The level of a full bucket, in parts."""
        return self.capacity * self.scale

    @cached_property
    def per_ms(self) -> int:
        """Parts gained in a millisecond."""
        return self.micros_per_second if self.capacity <= FINE_CAPACITY else self.micros_per_second // 1000

    @cached_property
    def window_ms(self) -> int:
        """Milliseconds in which an empty bucket fills."""
        return self.wait_ms(0, self.full)

    def parts(self, units: int) -> int:
        """What so many units weigh, from none to `_MAX_COST`."""
        return max(0, min(units, _MAX_COST // self.scale)) * self.scale

    def refilled(self, level: int, elapsed_ms: int) -> int:
        """The level after so many milliseconds of refilling, at most full."""
        missing = self.full - level
        if elapsed_ms > missing // self.per_ms:
            return self.full
        return level + elapsed_ms * self.per_ms

    def drained(self, level: int, parts: int) -> int:
        """The level after a charge. It may be debt, down to `DEBT_FLOOR`."""
        return max(DEBT_FLOOR, level - parts)

    def wait_ms(self, level: int, wanted: int) -> int:
        """Milliseconds until the level is `wanted`, rounded up."""
        return max(0, -((level - wanted) // self.per_ms))

    def divided(self, by: int) -> "Bucket":
        """One of so many shares. No share is below a unit, or below the slowest rate."""
        capacity = max(1, self.capacity // by)
        step = _step(capacity)
        most = round((MAX_FINE_RATE if step == 1 else MAX_CAPACITY) * _MICRO)
        rate = max(step, self.micros_per_second // by // step * step)
        return Bucket(capacity=capacity, micros_per_second=min(most, rate))


def _step(capacity: int) -> int:
    """The millionths of a unit a second in which a bucket's rate is counted."""
    return 1 if capacity <= FINE_CAPACITY else 1000


class Charge(Struct, frozen=True, kw_only=True):
    """What a request takes from its client's quota: all of it, or nothing.

    Tokens are what is likely to be used, or the most; above the capacity they count as the capacity. Settled later,
    when what was used above them is debt. A lease counts against concurrency until then.
    """

    requests: int = 0
    tokens: int = 0
    lease: bool = False


class LimitStatus(Struct, frozen=True, kw_only=True, gc=False):
    """The state of one of a client's limits after a charge.

    `limit` and `remaining` are whole units, `reset_ms` the milliseconds until it is whole again.
    """

    limit: int
    remaining: int
    reset_ms: int
    window_ms: int = 0
    """How long an empty bucket takes to fill; 0 for concurrency."""

    def wait_ms(self, units: int) -> int:
        """Milliseconds until so many units, at most the limit, are there: never too few, and at most 2 too many.

        Both of the times that are known are rounded up, so the one that is taken off counts as a millisecond less.
        """
        if units <= self.remaining:
            return 0
        above = max(0, self.limit - units)
        return self.reset_ms - max(0, self.window_ms - 1) * above // self.limit


class Reserve(StrEnum):
    """What is reserved of a client's tokens for an answer: what is `likely`, or what it can't exceed, `upper_bound`."""

    LIKELY = "likely"
    UPPER_BOUND = "upper_bound"


class Limit(StrEnum):
    """One of a client's limits, by the name that it has in a quota."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


class LimiterMode(StrEnum):
    """How a charge was decided.

    `exact`: by counts that all gateways share. Without them, by policy: `local`, by a share of the quota counted in
    this process; `open`, allowed; `closed`, refused.
    """

    EXACT = "exact"
    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


class Decision(Struct, frozen=True, kw_only=True, gc=False):
    """A limiter's decision on one charge, and the state of each limit after it; None is a limit that is not there.

    `retry_after_ms` is when the same charge can be tried again, 0 if it was allowed. `mode` says how it was decided.
    `doubtful`: the counts that all gateways share may have taken the charge unheard.
    """

    allowed: bool
    retry_after_ms: int = 0
    requests: LimitStatus | None = None
    tokens: LimitStatus | None = None
    concurrency: LimitStatus | None = None
    mode: LimiterMode = LimiterMode.EXACT
    doubtful: bool = False


class Levels(Struct, frozen=True, kw_only=True):
    """What is left in each bucket, in parts of a unit as `Bucket.scale` counts them; 0 where there is no such bucket.

    `leases` are the answers under way.
    """

    requests: int
    tokens: int
    leases: int


class Quota(Struct, frozen=True, kw_only=True):
    """What a client may use; None is no limit.

    `requests` and `tokens` are token buckets, `concurrency` is the number of answers under way at once.
    """

    requests: Bucket | None = None
    tokens: Bucket | None = None
    concurrency: int | None = None

    def divided(self, by: int) -> "Quota":
        """One of so many shares, each with something of every limit."""
        return Quota(
            requests=self.requests.divided(by) if self.requests else None,
            tokens=self.tokens.divided(by) if self.tokens else None,
            concurrency=None if self.concurrency is None else max(1, self.concurrency // by),
        )

    def spent(self, requests: int, tokens: int) -> tuple[int, int]:
        """What was used elsewhere weighs so much in parts; below 0, what comes back."""
        return (
            _signed_parts(self.requests, requests) if self.requests else 0,
            _signed_parts(self.tokens, tokens) if self.tokens else 0,
        )

    def cost(self, charge: Charge) -> tuple[int, int]:
        """What a charge weighs in parts of requests and of tokens."""
        requests, tokens = self.requests, self.tokens
        return (
            requests.parts(charge.requests) if requests else 0,
            tokens.parts(min(charge.tokens, tokens.capacity)) if tokens else 0,
        )

    def decision(self, levels: Levels, *, wait_ms: int) -> Decision:
        """What is said at these levels: allowed, unless there is something to wait for."""
        concurrency = self.concurrency
        return Decision(
            allowed=not wait_ms,
            retry_after_ms=wait_ms,
            requests=_limit_status(self.requests, levels.requests) if self.requests else None,
            tokens=_limit_status(self.tokens, levels.tokens) if self.tokens else None,
            concurrency=LimitStatus(limit=concurrency, remaining=max(0, concurrency - levels.leases), reset_ms=0)
            if concurrency is not None
            else None,
        )


def _signed_parts(bucket: Bucket, units: int) -> int:
    return bucket.parts(units) - bucket.parts(-units)


def _limit_status(bucket: Bucket, level: int) -> LimitStatus:
    return LimitStatus(
        limit=bucket.capacity,
        remaining=max(0, level // bucket.scale),
        reset_ms=bucket.wait_ms(level, bucket.full),
        window_ms=bucket.window_ms,
    )
