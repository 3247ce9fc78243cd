"""Header fields of a response: where the answer comes from, and where a client stands with its quota."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias
from urllib.parse import quote

from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.quota import Decision, LimiterMode, LimitStatus
from llm_gateway.domain.routing import EndpointId

Headers: TypeAlias = list[tuple[bytes, bytes]]
COST: Final = b"x-gateway-cost"
"""Micro-dollars, rounded up, or `unknown`: see `cost`."""
_EXACT: Final = LimiterMode.EXACT
_SAFE = "/:@+,;=!$&'()*~ "
MAX_IGNORED = 32
"""Fields that `X-Gateway-Ignored` names at most."""
MAX_IGNORED_BYTES = 2048
"""Of their names there, of which clients choose some: a proxy may read a head of 4 KiB, and Node one of 16."""


def reset_seconds(status: LimitStatus) -> bytes:
    """Whole seconds until the limit is where it begins."""
    return b"%d" % -(-status.reset_ms // 1000)


def rate_headers(decision: Decision, older_reset: Callable[[LimitStatus], bytes] = reset_seconds) -> Headers:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the older `X-RateLimit-*`.

    In seconds, but for what `older_reset` makes of `X-RateLimit-Reset-*`. `X-Gateway-Limiter` says that this is not
    what all gateways count together: `local` or `open`.
    """
    policies: list[bytes] = []
    limits: list[bytes] = []
    older: Headers = []
    for name, status in ((b"requests", decision.requests), (b"tokens", decision.tokens)):
        if status is not None:
            remaining, reset = b"%d" % status.remaining, reset_seconds(status)
            policy, stated, remaining_name, reset_name = _limit(name, status.limit, status.window_ms)
            policies.append(policy)
            limits.append(b'"%b";r=%b;t=%b' % (name, remaining, reset))
            told = reset if older_reset is reset_seconds else older_reset(status)
            older += (stated, (remaining_name, remaining), (reset_name, told))
    headers: Headers = []
    if decision.mode is not _EXACT:
        headers.append((b"x-gateway-limiter", decision.mode.value.encode()))
    if policies:
        headers += ((b"ratelimit-policy", b", ".join(policies)), (b"ratelimit", b", ".join(limits)))
    return headers + older


@lru_cache(1024)
def _limit(name: bytes, limit: int, window_ms: int) -> tuple[bytes, tuple[bytes, bytes], bytes, bytes]:
    """What a client's answers all say: its policy, the older field, and the names of what they say beside it."""
    older = b"x-ratelimit-limit-" + name, b"%d" % limit
    policy = b'"%b";q=%d;w=%d' % (name, limit, -(-window_ms // 1000))
    return policy, older, b"x-ratelimit-remaining-" + name, b"x-ratelimit-reset-" + name


def provenance(
    endpoint: EndpointId | None, cache: CacheStatus | None, ignored: Sequence[str] = ()
) -> tuple[tuple[bytes, bytes], ...]:
    """Which endpoint answers, whether from the cache, and which fields of the request had no effect.

    What a header can't hold of a name is percent-encoded. Fields past `MAX_IGNORED_BYTES` are not named.
    """
    if endpoint is None or cache is None:
        return ()
    answered = _answered(endpoint.provider, endpoint.model, cache)
    if not ignored:
        return answered
    named = quote(", ".join(ignored[:MAX_IGNORED]), safe=_SAFE + "[]").encode()
    if len(named) > MAX_IGNORED_BYTES:
        named = named[: max(0, named.rfind(b", ", 0, MAX_IGNORED_BYTES + 2))]
    return (b"x-gateway-ignored", named), *answered


@lru_cache(1024)
def _answered(provider: str, model: str, cache: CacheStatus) -> tuple[tuple[bytes, bytes], ...]:
    return (*_located(provider, model), (b"x-gateway-cache", cache.value.encode()))


def cost(microdollars: int | None) -> bytes:
    """What the answer cost in micro-dollars, rounded up; nothing where no call was made for it."""
    return b"unknown" if microdollars is None else b"%d" % microdollars


def queued(position: int | None) -> tuple[tuple[bytes, bytes], ...]:
    """At which place the request began to wait for its turn at a pool, 1 being the next; None where it did not wait."""
    return () if position is None else ((b"x-gateway-queue", b"%d" % position),)


def located(endpoint: EndpointId, *, estimated: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Which endpoint's tokens were counted, and whether they are only estimated."""
    return (*_located(endpoint.provider, endpoint.model), *(((b"x-gateway-estimated", b"true"),) if estimated else ()))


def _located(provider: str, model: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-gateway-provider", quote(provider, safe=_SAFE).encode()),
        (b"x-gateway-model", quote(model, safe=_SAFE).encode()),
    )
