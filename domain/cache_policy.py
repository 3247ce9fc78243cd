"""What a caller may say about the cache."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class CacheMode(StrEnum):
    """How a request uses the cache.

    `use` reads, shares calls under way and stores; `refresh` asks anew and stores; `bypass` does none of these.
    """

    USE = "use"
    REFRESH = "refresh"
    BYPASS = "bypass"


class CacheDirective(Struct, frozen=True, kw_only=True):
    """What one request says about the cache. `ttl` is how long its answer is kept, None for the gateway's own time."""

    mode: CacheMode = CacheMode.USE
    ttl: timedelta | None = None
