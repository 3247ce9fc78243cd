"""Quotas while the shared store is away: a share kept here, none at all, or nothing; and back again by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.application.fallback_limiter import LOCAL_SECONDS, AbsentPolicy, FallbackLimiter
from llm_gateway.application.lease_keeper import LOOK_SECONDS
from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import GatewayError, LimiterUnavailable, QuotaExceeded
from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Decision, LimiterMode, Quota, ReservationId

from .world import client_of

ONE = Charge(requests=1)


class Flaky(MemoryRateLimiter):
    """Counts as a store that comes and goes would."""

    away = False
    deaf = False
    """Carries out what it is told, and says that it did not."""
    calls = 0

    def _heard(self) -> None:
        self.calls += 1
        if self.away:
            raise LimiterUnavailable("away")

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        self._heard()
        decision = await super().take(client, charge, reservation)
        if self.deaf:
            raise LimiterUnavailable("deaf", doubtful=True)
        return decision

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        self._heard()
        await super().renew(client, *reservations)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        self._heard()
        await super().settle(client, reservation, tokens)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        self._heard()
        await super().spend(client, requests, tokens, reservation)
        if self.deaf:
            raise LimiterUnavailable("deaf", doubtful=True)


class Modes(StoreMeter):
    def __init__(self) -> None:
        self.seen: list[LimiterMode] = []

    @override
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        raise AssertionError("the limiter calls no store itself")

    @override
    def usable(self, store: str, usable: bool) -> None:
        raise AssertionError("the limiter looks at no store itself")

    @override
    def limiter(self, mode: LimiterMode) -> None:
        self.seen.append(mode)


class Trial:
    def __init__(self, policy: AbsentPolicy = AbsentPolicy.LOCAL, replicas: int = 1) -> None:
        self.clock = ScriptedClock()
        self.shared = Flaky(self.clock)
        self.meter = Modes()
        self.limiter = FallbackLimiter(self.shared, policy, replicas, self.clock, self.meter)
        self.count = 0

    async def take(self, client: Client, charge: Charge = ONE) -> Decision:
        self.count += 1
        return await self.limiter.take(client, charge, ReservationId(f"r{self.count}"))

    async def allowed(self, client: Client, times: int) -> int:
        return sum([(await self.take(client)).allowed for _ in range(times)])


async def test_while_the_store_answers_nothing_is_different() -> None:
    trial, client = Trial(), client_of(requests=2)
    assert await trial.allowed(client, 3) == 2
    assert trial.meter.seen == [LimiterMode.EXACT] * 3


@pytest.mark.parametrize(("replicas", "allowed"), [(1, 8), (2, 4), (3, 2), (100, 1)])
async def test_local_gives_each_replica_its_share(replicas: int, allowed: int) -> None:
    trial, client = Trial(replicas=replicas), client_of(requests=8)
    trial.shared.away = True
    first = await trial.take(client)
    assert first.mode is LimiterMode.LOCAL
    assert 1 + await trial.allowed(client, 20) == allowed
    assert set(trial.meter.seen) == {LimiterMode.LOCAL}


async def test_local_ends_after_a_bounded_time_for_each_client_and_begins_anew_after_a_return() -> None:
    trial, one, other = Trial(), client_of("one", requests=5), client_of("other", requests=5)
    trial.shared.away = True
    await trial.take(one)
    await trial.clock.advance(LOCAL_SECONDS - 1)
    await trial.take(other)
    await trial.take(one)
    await trial.clock.advance(1)
    with pytest.raises(LimiterUnavailable):
        await trial.take(one)
    assert (await trial.take(other)).mode is LimiterMode.LOCAL
    assert trial.meter.seen[-2:] == [LimiterMode.CLOSED, LimiterMode.LOCAL]

    trial.shared.away = False
    assert (await trial.take(one)).mode is LimiterMode.EXACT
    trial.shared.away = True
    assert (await trial.take(one)).mode is LimiterMode.LOCAL


async def test_a_client_that_missed_the_return_is_not_refused_at_once_when_the_store_goes_again() -> None:
    trial, client = Trial(), client_of(requests=5)
    trial.shared.away = True
    await trial.take(client)
    trial.shared.away = False
    await trial.clock.advance(86_400)
    trial.shared.away = True
    assert (await trial.take(client)).mode is LimiterMode.LOCAL
    for _ in range(3):
        await trial.clock.advance(LOCAL_SECONDS / 3)
        last = await asyncio.gather(trial.take(client), return_exceptions=True)
    assert isinstance(last[0], LimiterUnavailable)


async def test_open_allows_everything_and_closed_nothing() -> None:
    opened, closed = Trial(AbsentPolicy.OPEN), Trial(AbsentPolicy.CLOSED)
    opened.shared.away = closed.shared.away = True
    assert await opened.take(client_of(requests=1)) == Decision(allowed=True, mode=LimiterMode.OPEN)
    assert await opened.allowed(client_of(requests=1), 20) == 20
    with pytest.raises(LimiterUnavailable):
        await closed.take(client_of(requests=1))


async def test_of_what_was_counted_nowhere_nobody_is_told() -> None:
    trial, client = Trial(AbsentPolicy.OPEN), client_of(concurrency=1)
    trial.shared.away = True
    await trial.take(client, Charge(lease=True))
    calls = trial.shared.calls
    await trial.limiter.renew(client, ReservationId("r1"))
    await trial.limiter.settle(client, ReservationId("r1"), 0)
    assert trial.shared.calls == calls
    with pytest.raises(LimiterUnavailable):
        await trial.limiter.settle(client, ReservationId("r1"), 0)


async def test_what_open_let_through_and_may_have_been_taken_is_given_back() -> None:
    trial, client = Trial(AbsentPolicy.OPEN), client_of(concurrency=1)
    trial.shared.deaf = True
    await trial.take(client, Charge(lease=True))
    trial.shared.deaf = False
    await trial.limiter.settle(client, ReservationId("r1"), 0)
    assert (await trial.take(client, Charge(lease=True))).mode is LimiterMode.EXACT


async def test_a_charge_is_asked_of_the_store_once() -> None:
    trial = Trial()
    trial.shared.deaf = True
    assert (await trial.take(client_of(requests=5))).mode is LimiterMode.LOCAL
    assert trial.shared.calls == 1


async def test_a_lease_that_was_taken_here_is_renewed_and_settled_here() -> None:
    trial, client = Trial(), client_of(tokens=100, concurrency=1)
    trial.shared.away = True
    lease = Charge(tokens=60, lease=True)
    assert (await trial.take(client, lease)).allowed
    for _ in range(3):
        await trial.clock.advance(LEASE_MS / 1500)
        await trial.limiter.renew(client, ReservationId("r1"))
    assert not (await trial.take(client, Charge(lease=True))).allowed

    calls = trial.shared.calls
    await trial.limiter.settle(client, ReservationId("r1"), 0)
    assert trial.shared.calls == calls, "there it was surely not taken"
    decision = await trial.take(client, Charge(lease=True))
    assert decision.allowed
    assert decision.tokens is not None
    assert decision.tokens.remaining == 100


async def test_a_lease_that_the_store_took_unheard_is_given_back_to_it_too() -> None:
    trial, client = Trial(), client_of(tokens=100, concurrency=1)
    trial.shared.deaf = True
    await trial.take(client, Charge(tokens=60, lease=True))
    trial.shared.deaf = False
    await trial.limiter.settle(client, ReservationId("r1"), 10)

    decision = await trial.take(client, Charge(lease=True))
    assert decision.allowed
    assert decision.mode is LimiterMode.EXACT
    assert decision.tokens is not None
    assert decision.tokens.remaining == 90


async def test_a_lease_that_the_store_took_unheard_is_given_back_to_it_before_it_would_stay_charged() -> None:
    trial, client = Trial(), Client(id=client_of().id, namespace="team", quota=Quota(tokens=Bucket.of(100, 0.001)))
    trial.shared.deaf = True
    await trial.take(client, Charge(tokens=50, lease=True))
    trial.shared.deaf = False
    for _ in range(4):  # an answer that takes longer than a lease lives
        await trial.clock.advance(LEASE_MS / 2000)
        await trial.limiter.renew(client, ReservationId("r1"))
    await trial.limiter.settle(client, ReservationId("r1"), 20)
    decision = await trial.take(client, Charge())
    assert decision.mode is LimiterMode.EXACT
    assert decision.tokens is not None
    assert decision.tokens.remaining == 80


@pytest.mark.parametrize(("policy", "error"), [("local", QuotaExceeded), ("closed", LimiterUnavailable)])
async def test_what_the_store_took_unheard_and_was_refused_here_is_given_back_to_it(
    policy: str, error: type[GatewayError]
) -> None:
    trial = Trial(AbsentPolicy(policy), replicas=2)
    client = Client(id=client_of().id, namespace="team", quota=Quota(tokens=Bucket.of(100, 0.001)))
    throttle = ThrottleClient(trial.limiter, trial.clock, SeededEntropy())
    await trial.take(client, Charge(tokens=2, lease=True))
    trial.shared.deaf = True
    with pytest.raises(error):
        async with throttle.reserve_embedding(client, EmbedRequest(inputs=("words " * 50,))):
            raise AssertionError("its share of what is left is less than a whole share")
    trial.shared.deaf = False
    await trial.clock.advance(LOOK_SECONDS)
    decision = await trial.take(client, Charge())
    assert decision.mode is LimiterMode.EXACT
    assert decision.tokens is not None
    assert decision.tokens.remaining == 98


async def test_a_lease_of_the_store_that_goes_away_meanwhile_stays_the_stores() -> None:
    trial, client = Trial(), client_of(concurrency=1)
    await trial.take(client, Charge(lease=True))
    trial.shared.away = True
    for verb in (trial.limiter.renew, lambda client, id: trial.limiter.settle(client, id, 0)):
        with pytest.raises(LimiterUnavailable):
            await call(verb, client)


async def call(verb: Callable[[Client, ReservationId], Any], client: Client) -> None:
    await verb(client, ReservationId("r1"))


@given(
    capacity=st.integers(1, 10**9),
    micros=st.integers(1, 10**15),
    by=st.integers(1, 10_000),
    concurrency=st.integers(1, 100) | st.none(),
)
def test_shares_are_whole_quotas_and_no_more_than_the_quota_together(
    capacity: int, micros: int, by: int, concurrency: int | None
) -> None:
    try:
        bucket = Bucket.of(capacity, micros / 1e6)
    except ValueError:
        return
    share = Quota(requests=bucket, tokens=None, concurrency=concurrency).divided(by)
    assert share.requests is not None
    assert share.requests.capacity * by <= bucket.capacity or share.requests.capacity == 1
    assert share.requests.micros_per_second * by <= bucket.micros_per_second or share.requests.micros_per_second <= 1000
    assert share.tokens is None
    assert (share.concurrency is None) == (concurrency is None)
    assert concurrency is None or 1 <= (share.concurrency or 0) <= max(1, concurrency // by)
    if by == 1:
        assert share.requests == bucket
