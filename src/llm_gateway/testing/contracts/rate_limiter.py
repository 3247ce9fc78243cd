"""What holds for every `RateLimiter`: the rules of `llm_gateway.domain.quota_account.QuotaAccount`."""

import asyncio
from abc import ABC, abstractmethod
from secrets import token_hex

import pytest
from msgspec import structs

from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Decision, LimitStatus, Quota, ReservationId

from .timed import Timed

ONE = Charge(requests=1)
LEASE = Charge(lease=True)
NEVER = 0.001
"""A rate, in units a second, at which nothing comes back while a test runs."""


def client(*, requests: int | None = None, tokens: int | None = None, concurrency: int | None = None) -> Client:
    """One that no other test used, because a store may outlive a test."""
    id = token_hex(8)
    quota = Quota(
        requests=None if requests is None else Bucket.of(requests, NEVER),
        tokens=None if tokens is None else Bucket.of(tokens, NEVER),
        concurrency=concurrency,
    )
    return Client(id=ClientId(id), namespace=id, quota=quota)


def new_id() -> ReservationId:
    return ReservationId(token_hex(16))


def left(status: LimitStatus | None) -> int:
    assert status is not None
    return status.remaining


@pytest.mark.asyncio
class RateLimiterContract(Timed, ABC):
    """Set `waits_for_leases` to False where `advance` would really wait for half a minute."""

    waits_for_leases = True

    @abstractmethod
    def make(self) -> RateLimiter: ...

    async def test_as_many_pass_as_the_quota_holds_and_the_next_is_told_when(self) -> None:
        limiter, someone = self.make(), client(requests=3)

        decisions = [await limiter.take(someone, ONE, new_id()) for _ in range(4)]

        assert [decision.allowed for decision in decisions] == [True, True, True, False]
        assert [left(decision.requests) for decision in decisions] == [2, 1, 0, 0]
        assert decisions[0].retry_after_ms == 0
        assert 990_000 <= decisions[3].retry_after_ms <= 1_000_000

    async def test_a_refused_client_passes_after_the_time_that_it_was_told(self) -> None:
        limiter, id = self.make(), token_hex(8)
        someone = Client(id=ClientId(id), namespace=id, quota=Quota(requests=Bucket.of(1, 4.0)))
        await limiter.take(someone, ONE, new_id())

        refused = await limiter.take(someone, ONE, new_id())
        await self.advance(refused.retry_after_ms / 1000)

        assert 0 < refused.retry_after_ms <= 250
        assert (await limiter.take(someone, ONE, new_id())).allowed

    async def test_each_refusal_since_the_last_admission_is_told_one_refill_more_up_to_a_full_bucket(self) -> None:
        limiter, id = self.make(), token_hex(8)
        someone = Client(id=ClientId(id), namespace=id, quota=Quota(requests=Bucket.of(3, 0.1)))
        for _ in range(3):
            await limiter.take(someone, ONE, new_id())

        waits = [(await limiter.take(someone, ONE, new_id())).retry_after_ms for _ in range(5)]

        for wait, refills in zip(waits, (1, 2, 3, 3, 3), strict=True):
            assert 10_000 * refills - 2_000 < wait <= 10_000 * refills

    async def test_refusals_cost_nothing_and_are_forgotten_with_an_admission(self) -> None:
        limiter, id = self.make(), token_hex(8)
        someone = Client(id=ClientId(id), namespace=id, quota=Quota(requests=Bucket.of(2, 4.0)))
        for _ in range(2):
            await limiter.take(someone, ONE, new_id())
        waits = [(await limiter.take(someone, ONE, new_id())).retry_after_ms for _ in range(2)]

        await self.advance(waits[0] / 1000)
        assert (await limiter.take(someone, ONE, new_id())).allowed
        again = await limiter.take(someone, ONE, new_id())

        assert waits[0] <= 250 < waits[1] <= 500
        assert again.allowed or again.retry_after_ms <= 250

    async def test_of_many_at_once_exactly_as_many_pass_as_the_quota_holds(self) -> None:
        limiter, someone = self.make(), client(requests=5)

        decisions = await asyncio.gather(*(limiter.take(someone, ONE, new_id()) for _ in range(20)))

        assert sum(decision.allowed for decision in decisions) == 5

    async def test_clients_do_not_share_a_quota(self) -> None:
        limiter, one, other = self.make(), client(requests=1), client(requests=1)

        assert (await limiter.take(one, ONE, new_id())).allowed
        assert (await limiter.take(other, ONE, new_id())).allowed
        assert not (await limiter.take(one, ONE, new_id())).allowed

    async def test_a_client_without_limits_is_always_allowed(self) -> None:
        limiter, someone = self.make(), client()

        decision = await limiter.take(someone, Charge(requests=1, tokens=10**9, lease=True), new_id())

        assert decision == Decision(allowed=True)

    @pytest.mark.parametrize(
        "charge", [Charge(requests=3, tokens=1), Charge(requests=1, tokens=60), Charge(requests=1, lease=True)]
    )
    async def test_a_charge_is_taken_whole_or_not_at_all(self, charge: Charge) -> None:
        limiter, someone = self.make(), client(requests=3, tokens=100, concurrency=1)
        await limiter.take(someone, Charge(requests=1, tokens=50, lease=True), new_id())

        refused = await limiter.take(someone, charge, new_id())

        assert not refused.allowed
        assert refused.retry_after_ms > 0
        assert (left(refused.requests), left(refused.tokens), left(refused.concurrency)) == (2, 50, 0)
        assert (await limiter.take(someone, Charge(requests=2, tokens=50), new_id())).allowed

    async def test_the_same_reservation_again_is_the_same_answer_and_one_charge(self) -> None:
        limiter, someone, id = self.make(), client(requests=3, tokens=100, concurrency=3), new_id()
        charge = Charge(requests=1, tokens=10, lease=True)

        first = await limiter.take(someone, charge, id)
        await limiter.take(someone, ONE, new_id())

        assert await limiter.take(someone, charge, id) == first
        assert left((await limiter.take(someone, Charge(), new_id())).requests) == 1

    async def test_a_charge_of_more_tokens_than_the_capacity_takes_a_full_bucket(self) -> None:
        limiter, someone = self.make(), client(tokens=100)

        decision = await limiter.take(someone, Charge(tokens=10_000_000), new_id())

        assert decision.allowed
        assert left(decision.tokens) == 0

    @pytest.mark.parametrize(("used", "remaining"), [(0, 100), (30, 70), (80, 20), (100, 0), (500, 0)])
    async def test_settling_leaves_what_was_not_used_and_counts_once(self, used: int, remaining: int) -> None:
        limiter, someone, id = self.make(), client(tokens=100), new_id()
        await limiter.take(someone, Charge(tokens=80), id)

        for _ in range(2):
            await limiter.settle(someone, id, used)

        assert left((await limiter.take(someone, Charge(), new_id())).tokens) == remaining

    async def test_what_ends_by_an_earlier_quota_fills_no_bucket_of_the_later(self) -> None:
        limiter, before, ends, lives = self.make(), client(tokens=100), new_id(), new_id()
        for id in (ends, lives):
            await limiter.take(before, Charge(tokens=30), id)
        now = structs.replace(before, quota=Quota(tokens=Bucket.of(50, NEVER)))
        await limiter.take(now, Charge(tokens=50), new_id())

        await limiter.renew(before, lives)
        await limiter.settle(before, ends, 10)

        assert left((await limiter.take(now, Charge(), new_id())).tokens) == 0

    async def test_use_above_what_was_held_is_a_debt(self) -> None:
        limiter, someone, id = self.make(), client(tokens=100), new_id()
        await limiter.take(someone, Charge(tokens=50), id)

        await limiter.settle(someone, id, 200)

        refused = await limiter.take(someone, Charge(tokens=1), new_id())
        assert not refused.allowed
        assert 100_900_000 <= refused.retry_after_ms <= 101_000_000

    async def test_settling_what_nobody_reserved_does_nothing(self) -> None:
        limiter, someone = self.make(), client(tokens=100, concurrency=1)
        await limiter.take(someone, Charge(tokens=50, lease=True), new_id())

        await limiter.settle(someone, new_id(), 0)
        await limiter.renew(someone, new_id())

        decision = await limiter.take(someone, Charge(), new_id())
        assert (left(decision.tokens), left(decision.concurrency)) == (50, 0)

    async def test_answers_under_way_are_counted_until_they_are_settled(self) -> None:
        limiter, someone, id = self.make(), client(concurrency=2), new_id()
        await limiter.take(someone, LEASE, id)
        await limiter.take(someone, LEASE, new_id())
        assert not (await limiter.take(someone, LEASE, new_id())).allowed

        await limiter.settle(someone, id, 0)

        assert (await limiter.take(someone, LEASE, new_id())).allowed

    async def test_a_crashed_holders_lease_ends_and_its_tokens_stay_charged(self) -> None:
        self._need_long_waits()
        limiter, someone, id = self.make(), client(tokens=100, concurrency=1), new_id()
        await limiter.take(someone, Charge(tokens=60, lease=True), id)

        await self.advance(LEASE_MS / 1000)

        decision = await limiter.take(someone, LEASE, new_id())
        assert decision.allowed
        await limiter.settle(someone, id, 0)
        assert left((await limiter.take(someone, Charge(), new_id())).tokens) == 40

    async def test_a_renewed_lease_lives_on_and_keeps_no_other_alive(self) -> None:
        self._need_long_waits()
        limiter, someone, id = self.make(), client(concurrency=2), new_id()
        await limiter.take(someone, LEASE, id)
        await limiter.take(someone, LEASE, new_id())

        for _ in range(3):
            await self.advance(LEASE_MS / 1500)
            await limiter.renew(someone, id)

        assert (await limiter.take(someone, LEASE, new_id())).allowed
        assert not (await limiter.take(someone, LEASE, new_id())).allowed

    async def test_many_leases_are_renewed_at_once_and_one_that_ended_stays_so(self) -> None:
        self._need_long_waits()
        limiter, someone, ids = self.make(), client(concurrency=10), [new_id() for _ in range(9)]
        for id in ids:
            await limiter.take(someone, LEASE, id)
        await limiter.settle(someone, ids[4], 0)

        for _ in range(3):
            await self.advance(LEASE_MS / 1500)
            await limiter.renew(someone, *ids, new_id())

        assert left((await limiter.take(someone, Charge(), new_id())).concurrency) == 2

    async def test_what_was_spent_elsewhere_is_charged_once_also_below_zero(self) -> None:
        limiter, someone, id = self.make(), client(requests=10, tokens=100), new_id()
        await limiter.take(someone, Charge(requests=1, tokens=50), new_id())

        for _ in range(3):
            await limiter.spend(someone, 4, 70, id)

        refused = await limiter.take(someone, Charge(requests=1, tokens=1), new_id())
        assert left(refused.requests) == 5
        assert not refused.allowed
        assert 20_900_000 <= refused.retry_after_ms <= 21_000_000

    async def test_requests_below_zero_refuse_no_charge_that_takes_none(self) -> None:
        limiter, someone = self.make(), client(requests=10, tokens=100, concurrency=1)
        await limiter.spend(someone, 12, 0, new_id())

        assert (await limiter.take(someone, Charge(tokens=1, lease=True), new_id())).allowed
        assert not (await limiter.take(someone, ONE, new_id())).allowed

    async def test_what_was_not_used_elsewhere_comes_back_up_to_a_full_bucket(self) -> None:
        limiter, someone = self.make(), client(requests=10, tokens=100)
        await limiter.take(someone, Charge(requests=1, tokens=50), new_id())

        await limiter.spend(someone, 0, -20, new_id())
        assert left((await limiter.take(someone, Charge(), new_id())).tokens) == 70
        await limiter.spend(someone, -5, -200, new_id())

        decision = await limiter.take(someone, Charge(), new_id())
        assert (left(decision.requests), left(decision.tokens)) == (10, 100)

    @pytest.mark.parametrize("back", [0.5, 3600, 10**7])
    async def test_a_clock_that_is_set_back_gives_nothing_and_the_bucket_refills_from_then_on(
        self, back: float
    ) -> None:
        limiter, id = self.make(), token_hex(8)
        someone = Client(id=ClientId(id), namespace=id, quota=Quota(requests=Bucket.of(2, 0.5)))
        for _ in range(2):
            await limiter.take(someone, ONE, new_id())

        await self.set_clock(-back)

        refused = await limiter.take(someone, ONE, new_id())
        assert not refused.allowed
        assert refused.retry_after_ms <= 2_000
        await self.advance(refused.retry_after_ms / 1000)
        assert (await limiter.take(someone, ONE, new_id())).allowed
        assert not (await limiter.take(someone, ONE, new_id())).allowed

    async def test_a_clock_that_is_set_back_keeps_a_living_lease_and_ends_a_dead_one_in_its_time(self) -> None:
        limiter, someone, living, dead = self.make(), client(tokens=100, concurrency=2), new_id(), new_id()
        await limiter.take(someone, Charge(tokens=30, lease=True), living)
        await limiter.take(someone, Charge(tokens=30, lease=True), dead)

        await self.set_clock(-86_400)
        for _ in range(3):
            await limiter.renew(someone, living)
            assert left((await limiter.take(someone, Charge(), new_id())).concurrency) == 0
            await self.advance(LEASE_MS / 3000)

        assert (await limiter.take(someone, LEASE, new_id())).allowed
        assert not (await limiter.take(someone, LEASE, new_id())).allowed
        for id in (living, dead):
            await limiter.settle(someone, id, 0)
        assert left((await limiter.take(someone, Charge(), new_id())).tokens) == 70

    async def test_a_clock_that_is_set_ahead_gives_a_full_bucket_and_the_concurrency_once(self) -> None:
        limiter, id = self.make(), token_hex(8)
        quota = Quota(requests=Bucket.of(3, NEVER), tokens=Bucket.of(100, NEVER), concurrency=2)
        someone = Client(id=ClientId(id), namespace=id, quota=quota)
        for _ in range(2):
            await limiter.take(someone, Charge(requests=1, tokens=50, lease=True), new_id())

        await self.set_clock(10**9)
        allowed = [(await limiter.take(someone, Charge(requests=1, lease=True), new_id())).allowed for _ in range(4)]
        assert allowed == [True, True, False, False]
        await self.set_clock(-(10**9))
        asked = await limiter.take(someone, Charge(), new_id())
        assert (left(asked.requests), left(asked.tokens), left(asked.concurrency)) == (1, 100, 0)

    def _need_long_waits(self) -> None:
        if not self.waits_for_leases:
            pytest.skip("would wait for a lease's whole life")
