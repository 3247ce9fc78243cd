"""What an account may settle in any time: its quota, what was held as that began, and the debts of answers at once."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

CAPACITY, RATE, AT_ONCE = 100, 1_000, 4
QUOTA = Quota(tokens=Bucket.of(CAPACITY, RATE), concurrency=AT_ONCE)


class Step(Struct, frozen=True):
    """After so many milliseconds the answer that is the longest under way ends, or another is asked for."""

    after_ms: int
    ends: bool
    reserved: int
    used: int


class Seen(Struct, frozen=True):
    """How it stood at one moment: tokens that are held, and all that were settled until then."""

    at: int
    held: int
    settled: int


STEPS = st.builds(
    Step,
    after_ms=st.integers(0, 60),
    ends=st.booleans(),
    reserved=st.integers(0, CAPACITY),
    used=st.integers(0, 2 * CAPACITY),
)


def schedule(steps: list[Step]) -> tuple[list[Seen], int]:
    """What was seen after each step, and the largest debt of one answer."""
    account, seen, now, settled, debt = QuotaAccount(QUOTA, 0), [Seen(0, 0, 0)], 0, 0, 0
    under_way: dict[ReservationId, Step] = {}
    for number, step in enumerate(steps):
        now += step.after_ms
        if step.ends and under_way:
            key, ended = next(iter(under_way.items()))
            del under_way[key]
            account.settle(key, ended.used, now)
            settled += ended.used
        elif not step.ends:
            key = ReservationId(str(number))
            if account.take(Charge(tokens=step.reserved, lease=True), key, now).allowed:
                under_way[key] = step
                debt = max(debt, step.used - step.reserved)
        seen.append(Seen(now, sum(one.reserved for one in under_way.values()), settled))
    return seen, debt


@given(st.lists(STEPS, max_size=80))
def test_no_more_is_settled_than_the_quota_what_was_held_before_and_the_debts_of_answers_at_once(
    steps: list[Step],
) -> None:
    assert sum(step.after_ms for step in steps) < LEASE_MS, "no reservation expires"
    seen, debt = schedule(steps)
    for index, first in enumerate(seen):
        for last in seen[index:]:
            refilled = (last.at - first.at) * RATE // 1000
            assert last.settled - first.settled <= CAPACITY + refilled + first.held + debt * AT_ONCE
