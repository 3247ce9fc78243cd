"""What makes two requests the same question: the cache key."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NewType

from msgspec import msgpack

from .chat import ChatRequest
from .embedding import EmbedRequest
from .routing import Endpoint, Task

CacheKey = NewType("CacheKey", bytes)
"""A digest of everything that changes an answer, 32 bytes. Made by `domain.cache_key.cache_keys`."""

_encode = msgpack.Encoder().encode


def cache_keys(
    namespace: str, endpoints: Iterable[Endpoint], request: ChatRequest | EmbedRequest, *, task: Task = Task.CHAT
) -> dict[Endpoint, CacheKey]:
    """The key of a request at each endpoint: 32 bytes over the task, the namespace, the endpoint and the whole request.

    The request is encoded from its type, so that a field added tomorrow is in tomorrow's keys. Blake2b because a client
    chooses the prompt: a hash with findable collisions would let it choose another client's answer.
    """
    question = blake2b(_encode(request), digest_size=32, person=f"llm-gw-{task.value}-2".encode())
    keys = {}
    for endpoint in endpoints:
        digest = question.copy()  # a long question is hashed once
        digest.update(_encode((namespace, endpoint.id.provider, endpoint.id.model, endpoint.fingerprint)))
        keys[endpoint] = CacheKey(digest.digest())
    return keys
