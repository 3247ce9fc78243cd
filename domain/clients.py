"""Who asks: a client, what it may use, and the digest that stands for its key."""

from hashlib import sha256
from typing import NewType

from msgspec import Struct

from .quota import Quota
from .routing import EndpointId, Hint

ClientId = NewType("ClientId", str)
ApiKeyDigest = NewType("ApiKeyDigest", bytes)


def digest_of(key: str) -> ApiKeyDigest:
    """SHA-256 of the key. Keys are long and random, so a plain digest can't be guessed back.

    Bytes of a header that are no UTF-8 come as surrogate escapes, and count as the bytes that they were.
    """
    try:
        data = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = key.encode("utf-8", "surrogatepass")
    return ApiKeyDigest(sha256(data).digest())


class Client(Struct, frozen=True, kw_only=True):
    """An authenticated caller.

    `namespace` separates cached answers: two clients share answers only where the operator gives both the same one.
    `hints` and `models` are what it may use; None is everything. A model is named as in a request: `gemini`,
    `llama3.1` or `ollama/llama3.1`.
    """

    id: ClientId
    namespace: str
    quota: Quota
    hints: frozenset[Hint] | None = None
    models: frozenset[str] | None = None

    def may_hint(self, hint: Hint) -> bool:
        return self.hints is None or hint in self.hints

    def may_use(self, endpoint: EndpointId) -> bool:
        return self.models is None or not self.models.isdisjoint((endpoint.provider, endpoint.model, endpoint.name))
