"""What a caller and an operator may say about the cache."""

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


class CacheSampled(StrEnum):
    """Whether answers that are drawn by chance are shared.

    `native`: by callers that take no samples of their own, as the original's. `always`, or `never`: by all callers, or
    by none, but for those that state how they use the cache.
    """

    NATIVE = "native"
    ALWAYS = "always"
    NEVER = "never"


class CacheDirective(Struct, frozen=True, kw_only=True):
    """What one request says about the cache.

    `mode` is None where it says nothing. `ttl` is how long its answer is kept, None for the gateway's own time.
    `own_samples`: callers of its kind take an answer that is drawn by chance for one drawn for them.
    """

    mode: CacheMode | None = None
    ttl: timedelta | None = None
    own_samples: bool = False
