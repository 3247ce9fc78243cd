"""What makes two requests the same question: the cache key."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NewType

from msgspec import Struct, msgpack

from .chat import ChatRequest
from .embedding import EmbedRequest
from .once import once_each
from .routing import Endpoint, Task

CacheKey = NewType("CacheKey", bytes)
"""A digest of everything that changes an answer, 32 bytes. Made by `domain.cache_key.cache_keys`."""

_encode = msgpack.Encoder().encode


class EncodedRequest(Struct, frozen=True):
    """A request as it goes into its keys: how many bytes it has there, and their hash so far."""

    size: int
    hashed: Any


@once_each
def encoded(request: ChatRequest | EmbedRequest) -> EncodedRequest:
    """Of the whole request. Raises `UnicodeEncodeError` or `OverflowError` for what validation refuses."""
    data = _encode(request)
    return EncodedRequest(len(data), blake2b(data, digest_size=32, person=b"llm-gw-2"))


@lru_cache(1024)
def _place(task: Task, namespace: str, endpoint: Endpoint) -> bytes:
    return _encode((task, namespace, endpoint.id.provider, endpoint.id.model, endpoint.fingerprint))


def cache_keys(
    namespace: str, endpoints: Iterable[Endpoint], request: ChatRequest | EmbedRequest, *, task: Task = Task.CHAT
) -> dict[Endpoint, CacheKey]:
    """The key of a request at each endpoint: 32 bytes over the task, the whole request, the namespace and the endpoint.

    The request is encoded from its type, so that a field added tomorrow is in tomorrow's keys. Blake2b because a client
    chooses the prompt: a hash with findable collisions would let it choose another client's answer.
    """
    keys = {}
    for endpoint in endpoints:
        digest = encoded(request).hashed.copy()
        digest.update(_place(task, namespace, endpoint))
        keys[endpoint] = CacheKey(digest.digest())
    return keys
