"""How a request uses the cache, by all that is said of it: decided once, before the cache is asked."""

from typing import Final

from msgspec import Struct

from .cache_policy import CacheDirective, CacheMode, CacheSampled
from .chat import ChatRequest
from .embedding import EmbedRequest


class CacheUse(Struct, frozen=True, kw_only=True):
    """How a request uses the cache, and whether it `joins` an equal one's call under way, where it does not bypass.

    `sampled`: it bypasses because its answer is a sample of its own.
    """

    mode: CacheMode
    joins: bool = False
    sampled: bool = False


BYPASS: Final = CacheUse(mode=CacheMode.BYPASS)
_SAMPLED: Final = CacheUse(mode=CacheMode.BYPASS, sampled=True)
_ALONE: Final = {mode: CacheUse(mode=mode) for mode in (CacheMode.USE, CacheMode.REFRESH)}
_SHARED: Final = CacheUse(mode=CacheMode.USE, joins=True)
_REFRESH: Final = CacheUse(mode=CacheMode.REFRESH, joins=True)


def cache_use(request: ChatRequest | EmbedRequest, directive: CacheDirective, sampled: CacheSampled) -> CacheUse:
    """A stated mode first; then whether the answer is one that the caller takes for drawn for it.

    That is the answer to a chat that states a temperature above 0 and no seed. One that states neither is kept as any,
    but two at once are two calls. Embeddings are always shared.
    """
    mode = directive.mode
    if mode is CacheMode.BYPASS:
        return BYPASS
    if mode is CacheMode.USE:
        return _SHARED
    shared = _SHARED if mode is None else _REFRESH
    own = directive.own_samples if sampled is CacheSampled.NATIVE else sampled is CacheSampled.NEVER
    if not own or isinstance(request, EmbedRequest):
        return shared
    sampling = request.sampling
    temperature = None if sampling.temperature_by_default else sampling.temperature
    repeatable = sampling.seed is not None or temperature == 0
    if repeatable:
        return shared
    return _SAMPLED if mode is None and temperature is not None else _ALONE[mode or CacheMode.USE]
