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


_NATIVE, _, _NEVER = CacheSampled  # here, as looking a member up takes as long as the rest of the decision
_USE, _REFRESHES, _BYPASSES = CacheMode
BYPASS: Final = CacheUse(mode=_BYPASSES)
_SAMPLED: Final = CacheUse(mode=_BYPASSES, sampled=True)
_ALONE: Final = CacheUse(mode=_USE)
_REFRESH_ALONE: Final = CacheUse(mode=_REFRESHES)
_SHARED: Final = CacheUse(mode=_USE, joins=True)
_REFRESH: Final = CacheUse(mode=_REFRESHES, joins=True)


def cache_use(request: ChatRequest | EmbedRequest, directive: CacheDirective, sampled: CacheSampled) -> CacheUse:
    """A stated mode first; then whether the answer is one that the caller takes for drawn for it.

    That is the answer to a chat that states a temperature above 0 and no seed. One that states neither is kept as any,
    but two at once are two calls. Embeddings are always shared.
    """
    mode = directive.mode
    if mode is _BYPASSES:
        return BYPASS
    if mode is _USE:
        return _SHARED
    shared = _SHARED if mode is None else _REFRESH
    own = directive.own_samples if sampled is _NATIVE else sampled is _NEVER
    if not own or isinstance(request, EmbedRequest):
        return shared
    sampling = request.sampling
    temperature = None if sampling.temperature_by_default else sampling.temperature
    if sampling.seed is not None or temperature == 0:
        return shared
    if mode is not None:
        return _REFRESH_ALONE
    return _ALONE if temperature is None else _SAMPLED
