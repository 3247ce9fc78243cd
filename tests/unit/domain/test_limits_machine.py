"""The account and the limiter in the process do, in any order of events, what an independent account of them says."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.application.ports.system import Alarm, Clock
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Charge, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

from .limits_oracle import Oracle

T = TypeVar("T")

BUCKETS = st.one_of(
    st.builds(Bucket.of, st.integers(1, 8), st.sampled_from((0.1, 1.0, 3.7, 250.0))),
    st.builds(Bucket.of, st.sampled_from((1_000, 10**6)), st.sampled_from((1e-6, 16.667, 10**6))),
    st.builds(Bucket.of, st.sampled_from((10**6 + 1, 10**9)), st.sampled_from((0.001, 16_667.0, 1e9))),
)
QUOTAS = st.builds(
    Quota,
    requests=BUCKETS | st.none(),
    tokens=BUCKETS | BUCKETS | st.none(),
    concurrency=st.none() | st.integers(1, 3),
)
TOKENS = st.integers(0, 12) | st.sampled_from((1_000, 10**6, 3 * 10**6, 10**9, 10**10))
CHARGES = st.builds(Charge, requests=st.sampled_from((0, 0, 1, 1, 3)), tokens=TOKENS, lease=st.booleans())


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that waits for nothing returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waited")


class SetClock(Clock):
    """A clock that stands where it is set, before and after."""

    ms = 0

    @override
    def monotonic(self) -> float:
        return self.ms / 1000

    @override
    def now(self) -> float:
        return self.ms / 1000

    @override
    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    @override
    def timeout_at(self, when: float) -> AbstractAsyncContextManager[object]:
        raise NotImplementedError

    @override
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        raise NotImplementedError


class Limits(RuleBasedStateMachine):
    reservations: Bundle[str] = Bundle("reservations")

    @initialize(quota=QUOTAS, start=st.sampled_from((0, 1_000, 1_800_000_000_057)))
    def begin(self, quota: Quota, start: int) -> None:
        self.clock = SetClock()
        self.clock.ms = start
        self.count = 0
        self.oracle = Oracle(quota, start)
        self.account = QuotaAccount(quota, start)
        self.limiter = MemoryRateLimiter(self.clock)
        self.client = Client(id=ClientId("one"), namespace="team", quota=quota)
        done(self.limiter.take(self.client, Charge(), ReservationId("first")))
        self.account.take(Charge(), ReservationId("first"), start)
        self.oracle.take(Charge(), "first")

    @rule(target=reservations, charge=CHARGES)
    def take(self, charge: Charge) -> str:
        self.count += 1
        self._take(charge, f"r{self.count}")
        return f"r{self.count}"

    @precondition(lambda self: self.oracle.grants)
    @rule(which=st.integers(0, 100), charge=CHARGES)
    def take_again_what_is_held(self, which: int, charge: Charge) -> None:
        self._take(charge, self.oracle.grants[which % len(self.oracle.grants)].id)

    @rule(id=reservations, charge=CHARGES)
    def take_again_whatever_became_of_it(self, id: str, charge: Charge) -> None:
        self._take(charge, id)

    @rule(charge=CHARGES)
    def take_at_the_very_moment_that_was_promised(self, charge: Charge) -> None:
        self.count += 1
        refused = self._take(charge, f"r{self.count}")
        if 1 < refused < 10**14:  # a clock that counts seconds as a float loses milliseconds
            self.clock.ms += refused - 1
            self._take(charge, f"r{self.count}")
            self.clock.ms += 1
            self._take(charge, f"r{self.count}")

    @precondition(lambda self: self.oracle.grants)
    @rule(which=st.integers(0, 100), ms=st.sampled_from((0, 20_000, 29_999)))
    def time_passes_and_what_is_held_is_renewed(self, which: int, ms: int) -> None:
        self.clock.ms += ms
        self._renew(self.oracle.grants[which % len(self.oracle.grants)].id)

    @rule(id=reservations)
    def renew_whatever_became_of_it(self, id: str) -> None:
        self._renew(id)

    def _renew(self, id: str) -> None:
        self.oracle.at(self.clock.ms)
        self.oracle.renew(id)
        self.account.renew(ReservationId(id), self.clock.ms)
        done(self.limiter.renew(self.client, ReservationId(id)))

    @precondition(lambda self: self.oracle.grants)
    @rule(which=st.integers(0, 100), tokens=TOKENS)
    def settle_what_is_held(self, which: int, tokens: int) -> None:
        self._settle(self.oracle.grants[which % len(self.oracle.grants)].id, tokens)

    @rule(id=reservations, tokens=TOKENS)
    def settle_again_or_what_was_refused(self, id: str, tokens: int) -> None:
        self._settle(id, tokens)

    def _settle(self, id: str, tokens: int) -> None:
        self.oracle.at(self.clock.ms)
        self.oracle.settle(id, tokens)
        self.account.settle(ReservationId(id), tokens, self.clock.ms)
        done(self.limiter.settle(self.client, ReservationId(id), tokens))

    @rule(ms=st.sampled_from((1, 7, 100, 999, 1_000, 10_000)) | st.integers(1, 60_000))
    def time_passes(self, ms: int) -> None:
        self.clock.ms += ms

    @rule()
    def a_process_crashes_and_its_leases_run_out(self) -> None:
        self.clock.ms += 30_000

    @rule(ms=st.integers(-100_000, 10_000_000))
    def the_clock_is_set(self, ms: int) -> None:
        self.clock.ms = max(0, self.clock.ms + ms)

    @invariant()
    def no_more_answers_are_under_way_than_may_be(self) -> None:
        quota = self.account.quota
        assert quota.concurrency is None or self.account.leases <= quota.concurrency
        assert len(self.account) <= self.count + 1

    def _take(self, charge: Charge, id: str) -> int:
        now = self.clock.ms
        self.oracle.at(now)
        self.last = expected = self.oracle.take(charge, id)
        assert self.account.take(charge, ReservationId(id), now) == expected
        assert done(self.limiter.take(self.client, charge, ReservationId(id))) == expected
        return expected.retry_after_ms


TestLimits = Limits.TestCase
TestLimits.settings = settings(max_examples=100, stateful_step_count=50)
