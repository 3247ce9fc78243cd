"""Embeddings in the domain's own types: the request and the reply. Absent means None: no defaults here."""

from collections.abc import Sequence
from datetime import timedelta
from math import isfinite
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from .cache_policy import CacheDirective
from .errors import ProviderBroken, ProviderRejected
from .routing import EndpointId, Hint
from .sequences import CheckedStruct, collection_of

Vector: TypeAlias = tuple[float, ...]

_MOST = 3.4028234663852886e38
"""The largest number of 32 bits: vectors are given out as such."""


class EmbedRequest(CheckedStruct, frozen=True, kw_only=True, dict=True):
    """The texts to embed, and the wanted length of the vectors; None is the model's own length.

    Every field is part of the cache key.
    """

    inputs: tuple[str, ...]
    dimensions: int | None = None


class EmbedCall(CheckedStruct, frozen=True, kw_only=True):
    """An embedding request with how it is to be served.

    `model` is `provider/model`, a model, or a provider whose own model embeds; a hint only filters. `timeout` bounds
    the whole call; None leaves it to the gateway's settings. `ignored` are paths of what came along and has no effect.
    """

    request: EmbedRequest
    model: str
    hint: Hint | None = None
    cache: CacheDirective = CacheDirective()
    timeout: timedelta | None = None
    ignored: tuple[str, ...] = ()


class EmbedReply(Struct, frozen=True, kw_only=True):
    """A vector for each input, in the order of the inputs; all of one length.

    `model` is the model that the provider says answered. `prompt_tokens` are as the provider counted them, or as the
    gateway estimates them where it did not: then `estimated`. 0 where nobody does either.
    """

    endpoint: EndpointId
    model: str
    vectors: tuple[Vector, ...]
    prompt_tokens: int
    estimated: bool = False

    def __post_init__(self) -> None:
        vectors = collection_of(tuple, (tuple, list), self.vectors, "EmbedReply.vectors")
        force_setattr(self, "vectors", tuple(_numbers(vector, at) for at, vector in enumerate(vectors)))


def _numbers(vector: Sequence[float], at: int) -> Vector:
    """Numbers are what adds up: a vector has thousands, and asking each for its type takes ten times as long."""
    try:
        sum(vector)
    except TypeError as error:
        raise TypeError(f"EmbedReply.vectors[{at}]: must be a sequence of float") from error
    return tuple(vector)


def check_vectors(provider: str, request: EmbedRequest, vectors: Sequence[Sequence[float]]) -> None:
    """Raises `ProviderBroken` for what is no answer, `ProviderRejected` for one of other `dimensions` than asked.

    The latter is the request's fault, asked of a model that can't make them, and says nothing of its health.
    """
    if len(vectors) != len(request.inputs):
        raise ProviderBroken(provider, f"{len(vectors)} vectors for {len(request.inputs)} inputs")
    if not all(vectors) or len({len(vector) for vector in vectors}) > 1:
        raise ProviderBroken(provider, "the vectors are empty, or of several lengths")
    if not all(isfinite(sum(vector)) and min(vector) >= -_MOST and max(vector) <= _MOST for vector in vectors):
        raise ProviderBroken(provider, "a vector holds what is no number, or none of 32 bits")
    made = len(vectors[0])
    if request.dimensions not in (None, made):
        raise ProviderRejected(provider, f"this model makes vectors of {made}", path="dimensions")
