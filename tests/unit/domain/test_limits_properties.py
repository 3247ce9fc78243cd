"""No schedule gets more than its quota, and no number on the way is larger than a double can count."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from llm_gateway.domain.quota import Bucket, Charge, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

BUCKETS = st.builds(
    Bucket.of, st.integers(1, 6) | st.sampled_from((10**6, 10**9)), st.sampled_from((0.1, 0.7, 1.0, 33.3, 1_000.0))
)
GAPS = st.sampled_from((0, 0, 1, 9, 500, 999, 1_000)) | st.integers(0, 20_000)


def weight(units: int) -> int:
    """In billionths of a unit, so that a rate of millionths a second is whole every millisecond."""
    return units * 10**9


@given(BUCKETS, st.lists(st.tuples(GAPS, st.integers(1, 6)), min_size=1, max_size=40))
def test_no_window_of_any_schedule_admits_more_than_the_capacity_and_what_refilled(
    bucket: Bucket, schedule: list[tuple[int, int]]
) -> None:
    account = QuotaAccount(Quota(requests=bucket), 0)
    now = 0
    admitted: list[tuple[int, int]] = []
    for index, (gap, units) in enumerate(schedule):
        now += gap
        if account.take(Charge(requests=units), ReservationId(str(index)), now).allowed:
            admitted.append((now, units))

    for first, (start, _) in enumerate(admitted):
        total = 0
        for at, units in admitted[first:]:
            total += units
            assert weight(total) <= weight(bucket.capacity) + bucket.micros_per_second * (at - start)


@given(BUCKETS, st.data())
def test_held_and_used_are_never_above_the_quota_but_by_what_a_settlement_exceeded(
    bucket: Bucket, data: st.DataObject
) -> None:
    account = QuotaAccount(Quota(tokens=bucket), 0)
    now = excess = 0
    held: dict[str, int] = {}
    spent = 0
    for index in range(data.draw(st.integers(1, 30))):
        now += data.draw(GAPS)
        if data.draw(st.booleans()) and held:
            id = data.draw(st.sampled_from(sorted(held)))
            used = data.draw(st.integers(0, 12))
            account.settle(ReservationId(id), used, now)
            spent += used
            excess += max(0, used - held.pop(id))
        else:
            charge = Charge(tokens=data.draw(st.integers(1, 8)))
            if account.take(charge, ReservationId(str(index)), now).allowed:
                held[str(index)] = min(charge.tokens, bucket.capacity)
        for id in held:
            account.renew(ReservationId(id), now)

        taken = weight(spent + sum(held.values()) - excess)
        assert taken <= weight(bucket.capacity) + bucket.micros_per_second * now


class Double(int):
    """A whole number that a double holds exactly, as does everything that is reckoned with it."""

    def __new__(cls, value: int) -> "Double":
        assert -(2**53) < value < 2**53, value
        return super().__new__(cls, value)

    @override
    def __neg__(self) -> "Double":
        return Double(int.__neg__(self))


def _checked(name: str) -> Any:
    plain = getattr(int, name)
    return lambda self, other: Double(plain(self, other))


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _side in ("", "r"):
        setattr(Double, f"__{_side}{_name}__", _checked(f"__{_side}{_name}__"))

COUNTS = st.sampled_from((0, 0, 1, 10**6, 10**9, 2**53 - 1))
HUGE = st.sampled_from((0, 1, 10**6, 2 * 10**6, 10**10, 2**53 - 1, 2**53 - 1))
TIMES = st.sampled_from((0, 1, 1_000, 10**9, 1_800_000_000_000, 2**52))


def extreme(capacity: int, rate: float) -> Bucket:
    plain = Bucket.of(capacity, rate)
    return Bucket(capacity=Double(plain.capacity), micros_per_second=Double(plain.micros_per_second))


EXTREMES = [
    extreme(*edge) for edge in ((1, 1e-6), (1, 1e6), (10**6, 1e-6), (10**6, 1e6), (10**6 + 1, 0.001), (10**9, 1e9))
]


@settings(max_examples=100)
@given(st.sampled_from(EXTREMES), st.data())
def test_no_number_that_the_arithmetic_touches_is_past_what_a_double_counts(
    bucket: Bucket, data: st.DataObject
) -> None:
    account = QuotaAccount(Quota(requests=bucket, tokens=bucket), Double(0))
    ids = [ReservationId(str(index)) for index in range(6)]
    start = data.draw(TIMES)
    charge = Charge(requests=Double(data.draw(COUNTS)), tokens=Double(data.draw(COUNTS)))
    used = Double(data.draw(HUGE))
    for id in ids:
        account.take(charge, id, Double(start))
    for id in ids:
        account.settle(id, used, Double(start))
    account.take(Charge(requests=Double(1), tokens=Double(1)), ReservationId("late"), Double(data.draw(TIMES)))


def test_the_check_itself_sees_a_product_that_is_too_large() -> None:
    with pytest.raises(AssertionError):
        Double(10**9) * 10**9
