"""What a caller may say about the cache."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class CacheMode(StrEnum):
    """`refresh` asks anew and stores; `bypass` neither reads, joins nor stores."""

    USE = "use"
    REFRESH = "refresh"
    BYPASS = "bypass"


class CacheDirective(Struct, frozen=True, kw_only=True):
    mode: CacheMode = CacheMode.USE
    ttl: timedelta | None = None
