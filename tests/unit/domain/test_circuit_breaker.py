"""A breaker opens after failures in a row, lets one trial through at a time, and hears no one from before."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_gateway.domain.resilience import (
    BREAKER_FAILURES,
    BREAKER_OPEN_SECONDS,
    BreakerPermit,
    BreakerState,
    CircuitBreaker,
    Outcome,
)

LATER = BREAKER_OPEN_SECONDS


def allowed(breaker: CircuitBreaker, now: float = 0.0) -> BreakerPermit:
    permit = breaker.allow(now)
    assert permit is not None
    return permit


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(BREAKER_FAILURES):
        allowed(breaker, at).end(Outcome.FAILED, at)
    assert breaker.state(at) is BreakerState.OPEN
    return breaker


def test_it_opens_after_failures_in_a_row_and_a_success_between_begins_anew() -> None:
    breaker = CircuitBreaker(failures=3)
    for outcome in "ffsff":
        permit = allowed(breaker)
        permit.end(Outcome.HEALTHY if outcome == "s" else Outcome.FAILED, 0.0)
    allowed(breaker).end(Outcome.UNKNOWN, 0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED

    allowed(breaker).end(Outcome.FAILED, 0.0)

    assert breaker.state(0.0) is BreakerState.OPEN


def test_an_open_breaker_lets_nobody_through_and_says_how_long() -> None:
    breaker = opened(at=100.0)

    assert breaker.allow(100.0 + LATER - 0.001) is None
    assert breaker.retry_after(104.0) == LATER - 4.0
    assert breaker.retry_after(100.0 + LATER) == 0.0
    assert CircuitBreaker().retry_after(0.0) == 0.0


def test_half_open_lets_one_trial_through_at_a_time() -> None:
    breaker = opened()

    trial = breaker.allow(LATER)

    assert trial is not None
    assert breaker.allow(LATER) is None
    trial.end(Outcome.UNKNOWN, LATER)
    assert breaker.allow(LATER) is not None
    assert breaker.allow(LATER) is None


def test_a_trial_that_succeeds_closes_and_one_that_fails_opens_again() -> None:
    breaker = opened()

    allowed(breaker, LATER).end(Outcome.FAILED, LATER)
    assert breaker.allow(LATER) is None
    allowed(breaker, 2 * LATER).end(Outcome.HEALTHY, 2 * LATER)

    assert breaker.state(2 * LATER) is BreakerState.CLOSED
    for _ in range(BREAKER_FAILURES - 1):
        allowed(breaker, 2 * LATER).end(Outcome.FAILED, 2 * LATER)
    assert breaker.state(2 * LATER) is BreakerState.CLOSED


def test_a_call_from_before_the_breaker_opened_neither_ends_the_trial_nor_closes_it() -> None:
    for outcome in Outcome:
        breaker = CircuitBreaker()
        stale = allowed(breaker)
        for _ in range(BREAKER_FAILURES):
            allowed(breaker).end(Outcome.FAILED, 0.0)
        assert breaker.allow(LATER) is not None

        stale.end(outcome, LATER)

        assert breaker.state(LATER) is BreakerState.HALF_OPEN
        assert breaker.allow(LATER) is None


class Breaker(RuleBasedStateMachine):
    """Calls begin and end in any order, and time passes; `era` says which of the calls still have a say."""

    @initialize(failures=st.integers(1, 3))
    def begin(self, failures: int) -> None:
        self.breaker = CircuitBreaker(failures=failures, open_seconds=10.0)
        self.threshold = failures
        self.now = 0.0
        self.failed = 0
        self.opened_at: float | None = None
        self.calls: list[BreakerPermit] = []
        self.fresh: list[BreakerPermit] = []

    @rule()
    def call(self) -> None:
        waiting = self.opened_at is not None and self.now < self.opened_at + 10.0
        busy = self.opened_at is not None and bool(self.fresh)
        permit = self.breaker.allow(self.now)
        assert (permit is not None) == (not waiting and not busy)
        if permit is not None:
            self.calls.append(permit)
            self.fresh.append(permit)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        permit = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        permit.end(outcome, self.now)
        if permit not in self.fresh:
            return
        self.fresh.remove(permit)
        if outcome is Outcome.HEALTHY:
            self.failed = 0
            if self.opened_at is not None:
                self.opened_at = None
                self.fresh.clear()
        elif outcome is Outcome.FAILED:
            self.failed += 1
            if self.opened_at is not None or self.failed >= self.threshold:
                self.opened_at = self.now
                self.fresh.clear()

    @rule(seconds=st.sampled_from((0.5, 9.5, 10.0, 60.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def at_most_one_trial_is_under_way(self) -> None:
        state = self.breaker.state(self.now)
        assert (state is BreakerState.CLOSED) == (self.opened_at is None)
        assert state is BreakerState.CLOSED or len(self.fresh) <= 1


TestBreaker = Breaker.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=30)


def test_each_trial_that_fails_doubles_the_time_until_the_next_up_to_the_most() -> None:
    breaker, now, waits = CircuitBreaker(failures=1, open_seconds=5.0, most_open_seconds=18.0), 0.0, []
    for _ in range(4):
        allowed(breaker, now).end(Outcome.FAILED, now)
        waits.append(breaker.retry_after(now))
        assert not breaker.allows(now)
        now += breaker.retry_after(now)
        assert breaker.allows(now)
    assert waits == [5.0, 10.0, 18.0, 18.0]
    allowed(breaker, now).end(Outcome.HEALTHY, now)
    allowed(breaker, now).end(Outcome.FAILED, now)
    assert breaker.retry_after(now) == 5.0
