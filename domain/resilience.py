"""Timeouts, retries and circuit breakers as pure state machines; times are seconds on a monotonic clock."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from .errors import (
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderOverloaded,
    ProviderRefused,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)

BREAKER_FAILURES = 5
BREAKER_OPEN_SECONDS = 10.0
LONGEST_WAIT_WITH_ALTERNATIVE = 1.0
LONGEST_VENDOR_WAIT = 1.0
"""Seconds. A longer wait that a vendor asks for is passed on to the client at once."""
FALLBACK_SECONDS = 60.0
"""How long a whole answer is waited for where another endpoint can be asked."""
RETRY_BUDGET_SHARE = 0.2
RETRY_BUDGET_FLOOR = 10.0


_UNBOUNDED = 1_000_000
_DOUBLINGS = 30
_MOST_REPEATS: Mapping[FailureReason | None, int] = {
    FailureReason.OUT_OF_MEMORY: 0,
    FailureReason.LOAD_STALLED: 0,
    FailureReason.RUNNER_LOST: 1,
}
"""Of failures that asking again mends seldom or never, whatever the settings allow."""


class Deadline(Struct, frozen=True):
    """A point in time by which a call must have ended, in seconds on the monotonic clock.

    `first_at`: by when a stream has to begin, where that is earlier.
    """

    at: float
    first_at: float | None = None

    @property
    def first(self) -> float:
        """By when an answer has to begin."""
        return self.at if self.first_at is None else min(self.at, self.first_at)

    def remaining(self, now: float) -> float:
        """Seconds left for an answer that has not begun, never below zero."""
        return max(0.0, self.first - now)


class Pause(Struct, frozen=True):
    """A wait, to a point on the monotonic clock, before an endpoint that failed so is asked again."""

    until: float
    error: ProviderError


class RetryBudget:
    """At most a share of the calls may be retries, so that retries can't multiply an outage. (Google SRE book, ch. 21.)

    Each call deposits a share of a retry, each retry withdraws one; the floor lets a quiet gateway retry at all.
    """

    def __init__(self) -> None:
        self._balance = RETRY_BUDGET_FLOOR

    def deposit(self) -> None:
        self._balance = min(RETRY_BUDGET_FLOOR, self._balance + RETRY_BUDGET_SHARE)

    def withdraw(self) -> bool:
        """False where the budget is spent."""
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often the same endpoint is asked again before the first event, and how long each wait is, in seconds."""

    max_retries: int
    base_seconds: float = 0.1
    cap_seconds: float = 5.0

    def wait(
        self, error: ProviderError, *, retries: int, fraction: float, remaining: float, alternative: bool
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to stop.

        `retries` have been made already, `fraction` is chance in [0, 1), `remaining` are the seconds to the deadline,
        `alternative` says that another endpoint could be asked instead of a long wait. Full jitter, as in Brooker's
        "Exponential Backoff and Jitter"; a vendor's Retry-After is a lower bound, and ends it above
        `LONGEST_VENDOR_WAIT`. A full queue is asked again until the deadline, however often.
        """
        asked = error.retry_after.total_seconds() if error.retry_after is not None else 0.0
        most = _UNBOUNDED if isinstance(error, ProviderOverloaded) and self.max_retries else self.max_retries
        if asked > LONGEST_VENDOR_WAIT or retries >= most or not _mended_by_asking_again(error, retries):
            return None
        wait = asked + fraction * min(self.cap_seconds, self.base_seconds * 2.0 ** min(retries + 1, _DOUBLINGS))
        if wait >= remaining or (alternative and wait > LONGEST_WAIT_WITH_ALTERNATIVE):
            return None
        return wait


def _mended_by_asking_again(error: ProviderError, retries: int) -> bool:
    if error.doubtful:
        return retries < error.repeats
    if error.out_until is not None or retries >= _MOST_REPEATS.get(error.reason, retries + 1):
        return False
    return isinstance(error, ProviderThrottled | ProviderUnavailable | ProviderBroken)


class BreakerState(StrEnum):
    """What a circuit breaker lets through: every call (`closed`), none (`open`), or one trial call (`half_open`)."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(StrEnum):
    """What the end of a call says of the endpoint's health; `UNKNOWN` says nothing, as when the client left."""

    HEALTHY = "healthy"
    FAILED = "failed"
    UNKNOWN = "unknown"


_HEALTHY: Final = Outcome.HEALTHY


def outcome_of(error: BaseException | None) -> Outcome:
    """What ended a call, as its breaker counts it; None for a whole answer.

    A refused request and a throttled client are answers of a healthy endpoint.
    """
    if error is None:
        return _HEALTHY
    if not isinstance(error, ProviderError) or error.doubtful:
        return Outcome.UNKNOWN
    failed = isinstance(error, ProviderRefused | ProviderUnavailable | ProviderTimeout | ProviderBroken)
    return Outcome.FAILED if failed else Outcome.HEALTHY


class BreakerPermit(Struct, frozen=True, eq=False):
    """One call that a breaker allowed, to be ended exactly once.

    It counts only while the breaker has neither opened nor closed since: a call from before says nothing of the trial.
    """

    breaker: "CircuitBreaker"
    era: int

    def end(self, outcome: Outcome, now: float) -> None:
        """The call ended so at this time."""
        if self.era == self.breaker.era:
            self.breaker.count(outcome, now)


class CircuitBreaker:
    """Stops asking an endpoint that keeps failing: open after so many failures in a row, then one trial at a time.

    Each trial that fails doubles the time until the next one, up to `most_open_seconds`, if given. A call that is made
    all the same while it is open is none, and its failure says nothing.
    """

    def __init__(
        self,
        *,
        failures: int = BREAKER_FAILURES,
        open_seconds: float = BREAKER_OPEN_SECONDS,
        most_open_seconds: float | None = None,
    ) -> None:
        self._threshold = failures
        self._first_open_seconds = self._open_seconds = open_seconds
        self._most_open_seconds = most_open_seconds or open_seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._trial = False
        self.era = 0
        """How often the breaker has opened or closed."""

    def state(self, now: float) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now >= self._opened_at + self._open_seconds else BreakerState.OPEN

    def retry_after(self, now: float) -> float:
        """Seconds until a trial is allowed; 0 where one is."""
        return 0.0 if self._opened_at is None else max(0.0, self._opened_at + self._open_seconds - now)

    def allows(self, now: float) -> bool:
        """Whether a call is let through now."""
        return self._opened_at is None or (self.state(now) is not BreakerState.OPEN and not self._trial)

    def allow(self, now: float) -> BreakerPermit | None:
        """A permit for one call, or None where the endpoint is not to be asked."""
        if not self.allows(now):
            return None
        self._trial = self._opened_at is not None
        return BreakerPermit(self, self.era)

    def count(self, outcome: Outcome, now: float) -> None:
        """The end of a permitted call; `BreakerPermit.end` calls it."""
        if outcome is _HEALTHY:
            self._failures = 0
            if self._opened_at is not None:
                self._open_seconds = self._first_open_seconds
                self._turn(None)
            return
        match outcome:
            case Outcome.FAILED if self.state(now) is not BreakerState.OPEN:
                self._failures += 1
                if self._opened_at is not None:
                    self._open_seconds = min(2 * self._open_seconds, self._most_open_seconds)
                if self._opened_at is not None or self._failures >= self._threshold:
                    self._turn(now)
            case Outcome.UNKNOWN:
                self._trial = False

    def trip(self, now: float) -> None:
        """Open, however few failures there were: of the calls that are under way none counts any more."""
        self._turn(now)

    def _turn(self, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._trial = False
        self.era += 1
