"""Header fields of a response: where the answer comes from, and where a client stands with its quota."""

from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import quote

from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.quota import Decision, LimiterMode
from llm_gateway.domain.routing import EndpointId

Headers: TypeAlias = list[tuple[bytes, bytes]]
_SAFE = "/:@+,;=!$&'()*~ "
MAX_IGNORED = 32
"""Fields that `X-Gateway-Ignored` names at most."""


def rate_headers(decision: Decision) -> Headers:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the older `X-RateLimit-*`.

    In seconds. `X-Gateway-Limiter` says that this is not what all gateways count together: `local` or `open`.
    """
    headers: Headers = []
    if decision.mode is not LimiterMode.EXACT:
        headers.append((b"x-gateway-limiter", decision.mode.value.encode()))
    policies: list[str] = []
    limits: list[str] = []
    older: Headers = []
    for name, status in (("requests", decision.requests), ("tokens", decision.tokens)):
        if status is not None:
            window, reset = -(-status.window_ms // 1000), -(-status.reset_ms // 1000)
            policies.append(f'"{name}";q={status.limit};w={window}')
            limits.append(f'"{name}";r={status.remaining};t={reset}')
            older += (
                (b"x-ratelimit-limit-%b" % name.encode(), b"%d" % status.limit),
                (b"x-ratelimit-remaining-%b" % name.encode(), b"%d" % status.remaining),
                (b"x-ratelimit-reset-%b" % name.encode(), b"%d" % reset),
            )
    if policies:
        headers.append((b"ratelimit-policy", ", ".join(policies).encode()))
        headers.append((b"ratelimit", ", ".join(limits).encode()))
    return headers + older


def provenance(
    endpoint: EndpointId | None, cache: CacheStatus | None, ignored: Sequence[str] = ()
) -> tuple[tuple[bytes, bytes], ...]:
    """Which endpoint answers, whether from the cache, and which fields of the request had no effect.

    What a header can't hold of a name is percent-encoded.
    """
    if endpoint is None or cache is None:
        return ()
    named = ", ".join(ignored[:MAX_IGNORED])
    return (
        *(((b"x-gateway-ignored", quote(named, safe=_SAFE + "[]").encode()),) if named else ()),
        (b"x-gateway-provider", quote(endpoint.provider, safe=_SAFE).encode()),
        (b"x-gateway-model", quote(endpoint.model, safe=_SAFE).encode()),
        (b"x-gateway-cache", cache.value.encode()),
    )
