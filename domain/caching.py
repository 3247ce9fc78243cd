"""What makes two requests the same question: the cache key, and what a caller may say about the cache."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, NewType

from msgspec import Struct, msgpack

from .routing import Endpoint, Task

if TYPE_CHECKING:
    from .chat import ChatRequest
    from .embedding import EmbedRequest

CacheKey = NewType("CacheKey", bytes)

_encode = msgpack.Encoder().encode


class CacheMode(StrEnum):
    """`refresh` asks anew and stores; `bypass` neither reads, joins nor stores."""

    USE = "use"
    REFRESH = "refresh"
    BYPASS = "bypass"


class CacheDirective(Struct, frozen=True, kw_only=True):
    mode: CacheMode = CacheMode.USE
    ttl: timedelta | None = None


def cache_keys(
    namespace: str, endpoints: Iterable[Endpoint], request: "ChatRequest | EmbedRequest", *, task: Task = Task.CHAT
) -> dict[Endpoint, CacheKey]:
    """The key of a request at each endpoint: 32 bytes over the task, the namespace, the endpoint and the whole request.

    The request is encoded from its type, so that a field added tomorrow is in tomorrow's keys. Blake2b because a client
    chooses the prompt: a hash with findable collisions would let it choose another client's answer.
    """
    question = _encode(request)
    person = f"llm-gw-{task.value}-1".encode()
    keys = {}
    for endpoint in endpoints:
        asked = _encode((namespace, endpoint.id.provider, endpoint.id.model, endpoint.fingerprint))
        digest = blake2b(asked, digest_size=32, person=person)
        digest.update(question)
        keys[endpoint] = CacheKey(digest.digest())
    return keys
