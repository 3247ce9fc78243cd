"""A decision as headers."""

from urllib.parse import unquote_to_bytes

import pytest

from llm_gateway.adapters.inbound.http.common.response_headers import MAX_IGNORED_BYTES, provenance, rate_headers
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.quota import Decision, LimiterMode, LimitStatus
from llm_gateway.domain.routing import EndpointId


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


@pytest.mark.parametrize(
    "name", ["k" * 64, "\U0001f600" * 64, "a, b" * 16, "\r\nX: 1" * 10], ids=["long", "wide", "commas", "lines"]
)
def test_the_fields_without_effect_are_named_in_order_and_within_bounds(name: str) -> None:
    """However long clients' names are where they are encoded: Node reads no head of more than 16 KiB."""
    ignored = [f"messages[{number}].content[0].{name}" for number in range(32)]

    named = dict(provenance(EndpointId(provider="gemini", model="flash"), CacheStatus.MISS, ignored))[
        b"x-gateway-ignored"
    ]

    assert 0 < len(named) <= MAX_IGNORED_BYTES
    assert ", ".join(ignored).startswith(unquote_to_bytes(named).decode())
    assert b"\r" not in named


def test_names_that_fill_the_bound_are_all_told() -> None:
    ignored = ["a" * 1023, "b" * 1023]

    named = dict(provenance(EndpointId(provider="gemini", model="flash"), CacheStatus.MISS, ignored))[
        b"x-gateway-ignored"
    ]

    assert named == ", ".join(ignored).encode()
    assert len(named) == MAX_IGNORED_BYTES
