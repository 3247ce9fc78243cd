"""A bucket refills exactly, in whole parts, and takes no quota for which it could not."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llm_gateway.domain.quota import FINE_CAPACITY, MAX_CAPACITY, Bucket, Levels, Quota

FINE = st.builds(
    Bucket,
    capacity=st.integers(1, FINE_CAPACITY),
    micros_per_second=st.integers(1, 10**12) | st.integers(1, 10**7),
)
COARSE = st.builds(
    Bucket,
    capacity=st.integers(FINE_CAPACITY + 1, MAX_CAPACITY),
    micros_per_second=st.integers(1, 10**12).map(lambda steps: steps * 1000),
)
BUCKETS = FINE | COARSE


def level_at(bucket: Bucket, level: int, ms: int) -> Fraction:
    """By fractions, in units."""
    gained = Fraction(bucket.micros_per_second, 10**6) * Fraction(ms, 1000)
    return min(Fraction(bucket.capacity), Fraction(level, bucket.scale) + gained)


@given(BUCKETS, st.data())
def test_a_bucket_refills_exactly_and_never_above_its_capacity(bucket: Bucket, data: st.DataObject) -> None:
    level = data.draw(st.integers(-4 * 10**15, bucket.full))
    ms = data.draw(st.integers(0, 10**12) | st.integers(0, 2_000))

    assert Fraction(bucket.refilled(level, ms), bucket.scale) == level_at(bucket, level, ms)


@given(BUCKETS, st.data())
def test_refilling_in_two_steps_is_refilling_in_one(bucket: Bucket, data: st.DataObject) -> None:
    level = data.draw(st.integers(-4 * 10**15, bucket.full))
    first, second = data.draw(st.integers(0, 10**6)), data.draw(st.integers(0, 10**6))

    assert bucket.refilled(bucket.refilled(level, first), second) == bucket.refilled(level, first + second)


@given(BUCKETS, st.data())
def test_a_wait_is_the_first_millisecond_at_which_the_level_is_there(bucket: Bucket, data: st.DataObject) -> None:
    level, wanted = data.draw(st.integers(-4 * 10**15, bucket.full)), data.draw(st.integers(0, bucket.full))

    wait = bucket.wait_ms(level, wanted)

    assert bucket.refilled(level, wait) >= wanted
    assert wait == 0 or bucket.refilled(level, wait - 1) < wanted


@given(BUCKETS, st.data())
def test_what_is_told_of_a_bucket_tells_how_long_to_wait_for_any_units(bucket: Bucket, data: st.DataObject) -> None:
    level = data.draw(st.integers(-4 * 10**15, bucket.full) | st.integers(0, bucket.full))
    units = data.draw(st.integers(1, bucket.capacity) | st.integers(1, 5))
    told = Quota(tokens=bucket).decision(Levels(requests=0, tokens=level, leases=0), wait_ms=0).tokens

    assert told is not None
    exact = bucket.wait_ms(level, min(units, bucket.capacity) * bucket.scale)
    assert exact <= told.wait_ms(units) <= exact + 2
    assert told.wait_ms(bucket.capacity + units) == told.reset_ms


@given(st.integers(1, MAX_CAPACITY), st.floats(1e-6, 1e9))
def test_a_rate_is_rounded_to_the_buckets_step_or_refused(capacity: int, rate: float) -> None:
    step = Fraction(1, 10**6) if capacity <= FINE_CAPACITY else Fraction(1, 1000)
    most = 10**6 if capacity <= FINE_CAPACITY else 10**9
    assume(step < rate < most)

    bucket = Bucket.of(capacity, rate)

    assert abs(Fraction(bucket.micros_per_second, 10**6) - Fraction(rate)) <= step / 2 + Fraction(rate) / 10**12
    assert bucket.per_ms * 1000 * 10**6 == bucket.micros_per_second * bucket.scale


@pytest.mark.parametrize(("capacity", "rate"), [(5, 1.0), (1, 1e-6), (10**6, 1e6), (10**6 + 1, 0.001), (10**9, 1e9)])
def test_the_bounds_are_allowed(capacity: int, rate: float) -> None:
    bucket = Bucket.of(capacity, rate)

    assert bucket.refilled(0, 10**15) == bucket.full
    assert bucket.full + 6 * 10**15 < 2**53


@pytest.mark.parametrize(
    ("capacity", "rate"),
    [
        (0, 1.0),
        (-1, 1.0),
        (10**9 + 1, 1.0),
        (5, 0.0),
        (5, -1.0),
        (5, 1e-7),
        (5, 1_000_001.0),
        (10**6 + 1, 0.0001),
        (10**9, 1e9 + 1),
        (5, float("nan")),
        (5, float("inf")),
        (5, float("-inf")),
        (5, 1e305),
        (5, 10**400),
    ],
)
def test_what_the_arithmetic_could_not_count_exactly_is_refused(capacity: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must be between"):
        Bucket.of(capacity, rate)


@pytest.mark.parametrize(("capacity", "micros"), [(0, 1), (10**12, 1000), (5, 0), (5, 10**13), (10**9, 1_500)])
def test_nor_can_such_a_bucket_be_made_directly(capacity: int, micros: int) -> None:
    with pytest.raises(ValueError, match="must be between"):
        Bucket(capacity=capacity, micros_per_second=micros)
