"""One client's limits: all of a charge or none, held until settled, and never more than the quota."""

import time
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Decision, LimitStatus, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

ONE = Charge(requests=1)
LEASE = Charge(lease=True)
SLOW = 0.001
QUOTA = Quota(requests=Bucket.of(5, 1.0), tokens=Bucket.of(100, 10.0), concurrency=2)


def tokens(count: int) -> Charge:
    return Charge(tokens=count)


class Limits:
    """An account from the time 0 on, with a new reservation for each charge."""

    def __init__(self, quota: Quota) -> None:
        self.account = QuotaAccount(quota, 0)
        self.now = 0
        self.made = 0

    def take(self, charge: Charge, id: str | None = None) -> Decision:
        self.made += 1
        return self.account.take(charge, ReservationId(id or f"r{self.made}"), self.now)

    def settle(self, id: str, used: int) -> None:
        self.account.settle(ReservationId(id), used, self.now)

    def left(self) -> int:
        standing = self.take(Charge()).tokens
        assert standing is not None
        return standing.remaining


def limits(*, requests: int = 5, of_tokens: int = 100, rate: float = SLOW, concurrency: int | None = None) -> Limits:
    return Limits(Quota(requests=Bucket.of(requests, rate), tokens=Bucket.of(of_tokens, rate), concurrency=concurrency))


def test_the_default_quota_lets_five_of_six_pass_and_says_when_the_sixth_may() -> None:
    client = Limits(Quota(requests=Bucket.of(5, 1.0)))

    decisions = [client.take(ONE) for _ in range(6)]

    assert [decision.allowed for decision in decisions] == [True] * 5 + [False]
    assert decisions[0].requests == LimitStatus(limit=5, remaining=4, reset_ms=1_000, window_ms=5_000)
    assert decisions[5].retry_after_ms == 1_000


@pytest.mark.parametrize("rate", [1.0, 3.7, 0.3, 250.0, 1e-6])
def test_a_refused_client_succeeds_when_it_was_told_and_not_a_millisecond_before(rate: float) -> None:
    client = limits(requests=1, rate=rate)
    client.take(ONE)

    refused = client.take(ONE)
    client.now = refused.retry_after_ms - 1
    assert not client.take(ONE).allowed
    client.now += 1
    assert client.take(ONE).allowed


def test_a_charge_is_taken_whole_or_not_at_all() -> None:
    client = Limits(QUOTA)
    client.take(replace(LEASE, tokens=95))

    refused = client.take(Charge(requests=1, tokens=10, lease=True))

    assert not refused.allowed
    assert refused.retry_after_ms == 500
    assert refused.requests is not None
    assert refused.requests.remaining == 5
    assert refused.tokens is not None
    assert refused.tokens.remaining == 5
    assert client.account.leases == 1


def test_a_limit_that_the_client_does_not_have_is_never_reached_nor_reported() -> None:
    client = Limits(Quota())

    assert all(client.take(Charge(requests=1, tokens=10**9, lease=True)) == Decision(allowed=True) for _ in range(50))


def test_a_charge_of_more_tokens_than_the_capacity_takes_a_full_bucket() -> None:
    client = limits()

    assert client.take(tokens(10**12)).allowed
    assert client.left() == 0


def test_what_was_held_and_not_used_comes_back_once() -> None:
    client = limits()
    client.take(tokens(80), "a")

    client.settle("a", 30)
    assert client.left() == 70
    client.settle("a", 30)
    assert client.left() == 70


def test_an_explicit_zero_is_a_use_of_nothing() -> None:
    client = limits()
    client.take(tokens(100), "a")

    client.settle("a", 0)

    assert client.left() == 100


def test_a_charge_of_no_tokens_passes_an_empty_bucket_and_is_settled_with_what_was_used() -> None:
    client = limits()
    client.take(tokens(100))

    assert client.take(tokens(0), "a").allowed
    client.settle("a", 7)

    assert client.left() == 0
    client.now = 7_000_000
    assert client.left() == 0
    client.now = 8_000_000
    assert client.left() == 1


def test_a_negative_count_is_a_use_of_nothing_and_no_gift() -> None:
    client = limits()
    client.take(tokens(60))
    client.take(tokens(40), "a")

    client.settle("a", -1_000)

    assert client.left() == 40


def test_use_above_what_was_held_is_a_debt_that_refills_before_anything_is_given() -> None:
    client = limits(rate=10.0)
    client.take(tokens(50), "a")

    client.settle("a", 250)

    refused = client.take(tokens(1))
    assert refused.retry_after_ms == 15_100
    assert refused.tokens is not None
    assert refused.tokens.remaining == 0


def test_a_debt_is_at_most_four_times_the_largest_capacity_that_counts_as_finely() -> None:
    client = limits(rate=1.0)
    for id in "abcde":
        client.take(tokens(0), id)
        client.settle(id, 10**12)

    assert client.take(tokens(1)).retry_after_ms == 4_000_001 * 1_000


def test_a_settlement_never_fills_a_bucket_above_its_capacity() -> None:
    client = limits(rate=100.0)
    client.take(tokens(100), "a")
    client.now = 1_000

    client.settle("a", 0)

    assert client.left() == 100


def test_concurrency_counts_leases_until_they_are_settled() -> None:
    client = limits(concurrency=2)
    client.take(LEASE, "a")
    client.take(LEASE, "b")

    refused = client.take(LEASE)
    assert refused.retry_after_ms == 1_000
    assert refused.concurrency == LimitStatus(limit=2, remaining=0, reset_ms=0)
    assert client.take(tokens(1)).allowed
    client.settle("a", 0)

    assert client.take(LEASE).allowed


def test_a_crashed_process_gives_its_leases_back_after_a_time_and_its_tokens_never() -> None:
    client = limits(concurrency=1)
    client.take(Charge(tokens=60, lease=True), "a")

    client.now = LEASE_MS - 1
    assert not client.take(LEASE).allowed
    client.now = LEASE_MS
    assert client.take(LEASE).allowed
    client.settle("a", 0)

    assert client.left() == 40


def test_a_renewed_lease_lives_on_and_one_that_is_gone_stays_gone() -> None:
    client = limits(concurrency=1)
    client.take(LEASE, "a")
    client.now = LEASE_MS - 1
    client.account.renew(ReservationId("a"), client.now)
    client.account.renew(ReservationId("nobody's"), client.now)

    client.now = 2 * LEASE_MS - 2
    assert not client.take(LEASE).allowed
    client.now += 1
    assert client.take(LEASE).allowed
    client.account.renew(ReservationId("a"), client.now)
    assert client.account.leases == 1


def test_a_renewed_lease_keeps_no_other_alive() -> None:
    client = limits(concurrency=2)
    client.take(LEASE, "a")
    client.take(LEASE, "b")
    client.now = LEASE_MS - 1
    client.account.renew(ReservationId("a"), client.now)

    client.now = LEASE_MS

    assert client.take(LEASE).allowed
    assert not client.take(LEASE).allowed


def test_the_same_reservation_again_is_the_same_decision_and_one_charge() -> None:
    client = limits(concurrency=2)
    charge = Charge(requests=1, tokens=40, lease=True)

    first = client.take(charge, "a")
    client.take(ONE)

    assert client.take(charge, "a") == first
    assert client.left() == 60
    assert client.account.leases == 1


def test_a_refusal_is_not_remembered() -> None:
    client = Limits(QUOTA)
    client.take(tokens(100))
    assert not client.take(tokens(10), "a").allowed

    client.now = 1_000

    assert client.take(tokens(10), "a").allowed


def test_a_clock_that_is_set_back_neither_gives_nor_takes() -> None:
    client = limits(requests=2, rate=1.0)
    client.now = 10_000
    client.take(ONE)
    client.take(ONE)

    client.now = 2_000
    assert client.take(ONE).retry_after_ms == 1_000
    client.now = 2_999
    assert not client.take(ONE).allowed
    client.now = 3_000
    assert client.take(ONE).allowed
    assert not client.take(ONE).allowed


def test_a_clock_that_is_set_back_and_put_right_gives_the_way_forward_once() -> None:
    client = limits(requests=2, rate=1.0)
    client.now = 10_000
    client.take(ONE)
    client.take(ONE)

    for client.now in (2_000, 10_000):
        client.take(Charge())

    assert [client.take(ONE).allowed for _ in range(3)] == [True, True, False]


def test_reservations_are_forgotten_when_they_end() -> None:
    client = limits(requests=1_000, concurrency=100)
    for count in range(100):
        client.take(replace(LEASE, requests=1), f"a{count}")
    for count in range(50):
        client.settle(f"a{count}", 0)
    assert len(client.account) == 50

    client.now = LEASE_MS
    client.take(ONE)

    assert len(client.account) == 1


def test_the_reservation_that_ends_next_is_found_without_a_walk_over_those_that_have_ended() -> None:
    client = limits(requests=1_000_000, rate=1_000.0)
    for client.now in range(LEASE_MS + 12_000):
        client.take(ONE)
    assert len(client.account) == LEASE_MS

    def seconds(kept: Mapping[ReservationId, object]) -> float:
        began = time.thread_time()
        for _ in range(100):
            next(iter(kept))
        return time.thread_time() - began

    found = min(seconds(client.account._reservations) for _ in range(9))
    assert found < 20 * min(seconds({ReservationId("one"): None}) for _ in range(9))
