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
_BY_MODE: Final = {
    (mode, joins): CacheUse(mode=mode, joins=joins)
    for mode in (CacheMode.USE, CacheMode.REFRESH)
    for joins in (False, True)
}


def cache_use(request: ChatRequest | EmbedRequest, directive: CacheDirective, sampled: CacheSampled) -> CacheUse:
    """A stated mode first; then whether the answer is one that the caller takes for drawn for it.

    That is the answer to a chat that states a temperature above 0 and no seed. One that states neither is kept as any,
    but two at once are two calls. Embeddings are always shared.
    """
    mode = directive.mode
    if mode is CacheMode.BYPASS:
        return BYPASS
    own = sampled is CacheSampled.NEVER or (sampled is CacheSampled.NATIVE and directive.own_samples)
    if not own or mode is CacheMode.USE or isinstance(request, EmbedRequest):
        return _BY_MODE[mode or CacheMode.USE, True]
    sampling = request.sampling
    temperature = None if sampling.temperature_by_default else sampling.temperature
    repeatable = sampling.seed is not None or temperature == 0
    if mode is None and temperature is not None and not repeatable:
        return _SAMPLED
    return _BY_MODE[mode or CacheMode.USE, repeatable]
