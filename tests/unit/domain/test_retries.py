"""Deadlines, retries and the budget that bounds them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.resilience import (
    LONGEST_VENDOR_WAIT,
    LONGEST_WAIT_WITH_ALTERNATIVE,
    RETRY_BUDGET_FLOOR,
    RETRY_BUDGET_SHARE,
    Deadline,
    Outcome,
    RetryBudget,
    RetryPolicy,
    outcome_of,
)

POLICY = RetryPolicy(max_retries=3)
FRACTIONS = st.floats(0, 1, exclude_max=True)
MENDED = (ProviderThrottled, ProviderUnavailable, ProviderBroken)


def wait(
    error: ProviderError | None = None,
    *,
    retries: int = 0,
    fraction: float = 0.5,
    remaining: float = 60.0,
    alternative: bool = False,
) -> float | None:
    failed = error or ProviderUnavailable("ollama", "answered 503")
    return POLICY.wait(failed, retries=retries, fraction=fraction, remaining=remaining, alternative=alternative)


@pytest.mark.parametrize("kind", MENDED)
def test_what_waiting_mends_is_retried(kind: type[ProviderError]) -> None:
    assert wait(kind("ollama", "failed")) is not None


@pytest.mark.parametrize(
    "kind", [ProviderRejected, ContextLengthExceeded, ProviderMisconfigured, ProviderRefused, ProviderTimeout]
)
def test_what_waiting_does_not_mend_is_not_retried(kind: type[ProviderError]) -> None:
    assert wait(kind("ollama", "failed")) is None


def test_retries_end_after_as_many_as_are_allowed() -> None:
    assert [wait(retries=made) is not None for made in range(5)] == [True, True, True, False, False]
    assert (
        RetryPolicy(max_retries=0).wait(
            ProviderUnavailable("ollama", "answered 503"), retries=0, fraction=0.0, remaining=60.0, alternative=False
        )
        is None
    )


@given(FRACTIONS, st.integers(0, 9))
def test_the_wait_is_full_jitter_under_a_bound_that_doubles_up_to_the_cap(fraction: float, retries: int) -> None:
    policy = RetryPolicy(max_retries=10)

    waited = policy.wait(
        ProviderUnavailable("ollama", "answered 503"),
        retries=retries,
        fraction=fraction,
        remaining=60.0,
        alternative=False,
    )

    assert waited == fraction * min(policy.cap_seconds, policy.base_seconds * 2 ** (retries + 1))


@given(FRACTIONS, st.floats(0.001, 1) | st.floats(1, 30), st.floats(0, 60), st.integers(0, 4), st.booleans())
def test_no_wait_reaches_the_deadline_undercuts_the_vendor_or_outlasts_an_alternative(
    fraction: float, asked: float, remaining: float, retries: int, alternative: bool
) -> None:
    error = ProviderThrottled("gemini", "asks to wait", retry_after=timedelta(seconds=asked))

    waited = wait(error, retries=retries, fraction=fraction, remaining=remaining, alternative=alternative)

    if waited is not None:
        assert timedelta(seconds=asked).total_seconds() <= waited < remaining
        assert asked <= LONGEST_VENDOR_WAIT
        assert not alternative or waited <= LONGEST_WAIT_WITH_ALTERNATIVE


def test_the_next_endpoint_is_preferred_to_a_wait_longer_than_a_second() -> None:
    assert wait(retries=2, fraction=0.99) is not None
    assert wait(retries=2, fraction=0.99, alternative=True) is not None
    error = ProviderThrottled("gemini", "asks to wait", retry_after=timedelta(seconds=0.5))
    assert wait(error, retries=2, fraction=0.99) is not None
    assert wait(error, retries=2, fraction=0.99, alternative=True) is None


@pytest.mark.parametrize("kind", MENDED)
@pytest.mark.parametrize(("asked", "waits"), [(0.0, True), (1.0, True), (1.001, False), (34.0, False)])
def test_a_vendor_is_waited_for_no_longer_than_a_second(kind: type[ProviderError], asked: float, waits: bool) -> None:
    error = kind("gemini", "asks to wait", retry_after=timedelta(seconds=asked))

    assert (wait(error, remaining=600.0) is not None) is waits


@given(st.lists(st.booleans(), max_size=200))
def test_retries_are_never_more_than_the_floor_and_a_share_of_the_calls(calls: list[bool]) -> None:
    budget = RetryBudget()
    made = retried = 0
    for is_call in calls:
        if is_call:
            budget.deposit()
            made += 1
        else:
            retried += budget.withdraw()

        assert retried <= RETRY_BUDGET_FLOOR + RETRY_BUDGET_SHARE * made + 1e-9


def test_a_spent_budget_allows_a_retry_again_after_five_calls() -> None:
    budget = RetryBudget()

    assert [budget.withdraw() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(4):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()
    assert not budget.withdraw()


def test_a_quiet_time_saves_up_no_more_than_the_floor() -> None:
    budget = RetryBudget()
    for _ in range(1_000):
        budget.deposit()

    assert sum(budget.withdraw() for _ in range(100)) == 10


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_deadline_has_time_left_until_it_is_reached(at: float, now: float) -> None:
    assert Deadline(at).remaining(now) == (at - now if at > now else 0.0)


def test_what_has_not_begun_has_the_earlier_of_both_ends() -> None:
    assert Deadline(10.0, 3.0).remaining(2.0) == 1.0
    assert Deadline(10.0, 30.0).remaining(2.0) == 8.0


@pytest.mark.parametrize("kind", [ProviderUnavailable, ProviderBroken])
def test_what_the_request_may_be_to_blame_for_is_neither_asked_again_nor_held_against_anyone(
    kind: type[ProviderError],
) -> None:
    error = kind("ollama", "failed on this request", doubtful=True)

    assert wait(error) is None
    assert outcome_of(error) is Outcome.UNKNOWN


def test_a_doubtful_failure_is_asked_again_as_often_as_it_is_worth_and_held_against_nobody() -> None:
    error = ProviderBroken("gemini", "ended without a result", doubtful=True, repeats=1)

    assert [wait(error, retries=made) is not None for made in range(3)] == [True, False, False]
    assert outcome_of(error) is Outcome.UNKNOWN


def test_only_what_the_endpoint_did_tells_of_its_health() -> None:
    telling = {
        kind for kind in ProviderError.__subclasses__() if outcome_of(kind("ollama", "failed")) is Outcome.FAILED
    }

    assert telling == {ProviderRefused, ProviderUnavailable, ProviderTimeout, ProviderBroken}
