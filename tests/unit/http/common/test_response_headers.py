"""A decision as headers."""

import pytest

from llm_gateway.adapters.inbound.http.common.response_headers import rate_headers
from llm_gateway.domain.quota import Decision, LimiterMode, LimitStatus


def test_a_client_without_limits_is_told_none() -> None:
    concurrency = LimitStatus(limit=2, remaining=1, reset_ms=0)

    assert rate_headers(Decision(allowed=True, concurrency=concurrency)) == []


def test_both_limits_are_told_in_both_ways() -> None:
    decision = Decision(
        allowed=True,
        requests=LimitStatus(limit=5, remaining=4, reset_ms=1_000, window_ms=5_000),
        tokens=LimitStatus(limit=9_000, remaining=0, reset_ms=1, window_ms=90_001),
    )

    assert rate_headers(decision) == [
        (b"ratelimit-policy", b'"requests";q=5;w=5, "tokens";q=9000;w=91'),
        (b"ratelimit", b'"requests";r=4;t=1, "tokens";r=0;t=1'),
        (b"x-ratelimit-limit-requests", b"5"),
        (b"x-ratelimit-remaining-requests", b"4"),
        (b"x-ratelimit-reset-requests", b"1"),
        (b"x-ratelimit-limit-tokens", b"9000"),
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"x-ratelimit-reset-tokens", b"1"),
    ]


@pytest.mark.parametrize("mode", [LimiterMode.LOCAL, LimiterMode.OPEN])
def test_a_decision_by_policy_says_so(mode: LimiterMode) -> None:
    assert rate_headers(Decision(allowed=True, mode=mode)) == [(b"x-gateway-limiter", mode.value.encode())]
