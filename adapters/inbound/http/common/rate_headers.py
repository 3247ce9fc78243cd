"""Where a client stands with its quota, as headers: the IETF draft's, and the ones that are older than it."""

from typing import TypeAlias

from llm_gateway.domain.quota import Decision, LimiterMode, LimitStatus

Headers: TypeAlias = list[tuple[bytes, bytes]]


def rate_headers(decision: Decision) -> Headers:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and `X-RateLimit-*`. In seconds.

    `X-Gateway-Limiter` tells that this is not what all gateways count together: `local` or `open`.
    """
    headers: Headers = []
    if decision.mode is not LimiterMode.EXACT:
        headers.append((b"x-gateway-limiter", decision.mode.value.encode()))
    named = [
        (name, status)
        for name, status in (("requests", decision.requests), ("tokens", decision.tokens))
        if status is not None
    ]
    if not named:
        return headers
    policy = ", ".join(f'"{name}";q={at.limit};w={_seconds(at.window_ms)}' for name, at in named)
    limit = ", ".join(f'"{name}";r={at.remaining};t={_seconds(at.reset_ms)}' for name, at in named)
    headers += [(b"ratelimit-policy", policy.encode()), (b"ratelimit", limit.encode())]
    for name, at in named:
        headers += _older(name.encode(), at)
    return headers


def _older(name: bytes, at: LimitStatus) -> Headers:
    return [
        (b"x-ratelimit-limit-" + name, b"%d" % at.limit),
        (b"x-ratelimit-remaining-" + name, b"%d" % at.remaining),
        (b"x-ratelimit-reset-" + name, b"%d" % _seconds(at.reset_ms)),
    ]


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
