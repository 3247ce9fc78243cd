"""Clients: what each may use, and the digest that stands for its key."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import NewType

from msgspec import Struct

from .quota import Limit, Quota, Reserve
from .routing import EndpointId, Hint
from .sequences import CheckedStruct

ClientId = NewType("ClientId", str)
"""A client's name: in quotas, records and logs."""
ApiKeyDigest = NewType("ApiKeyDigest", bytes)
"""The SHA-256 digest of a client's key, 32 bytes: what stands for the key everywhere behind the entrance."""

DEMO_KEY = "sk-gateway-123"
"""Everybody knows it: for demonstrations on one machine alone."""
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A client's name, a namespace's and an endpoint's, as a pattern."""


def digest_of(key: str) -> ApiKeyDigest:
    """SHA-256 of the key. Keys are long and random, so a plain digest can't be guessed back.

    Bytes of a header that are no UTF-8 come as surrogate escapes, and count as the bytes that they were.
    """
    try:
        data = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = key.encode("utf-8", "surrogatepass")
    return ApiKeyDigest(sha256(data).digest())


class Client(CheckedStruct, frozen=True, kw_only=True):
    """A caller with its quota and its rights.

    Quotas are counted by `id`. `namespace` separates stored answers: two clients share answers only where the operator
    gives both the same one. `hints` and `models` are what it may use; None is everything. A model is named as in a
    request: `gemini`, `llama3.1` or `ollama/llama3.1`. A `strict` client is refused where an endpoint would leave out
    something that it asks for, which others are told of afterwards. `aliases` are names of its own for models: they win
    over the gateway's, and give no rights. `reserve` is how much of its tokens is held for an answer. `settings` are
    the names of what sets its limits, by limit.
    """

    id: ClientId
    namespace: str
    quota: Quota
    hints: frozenset[Hint] | None = None
    models: frozenset[str] | None = None
    strict: bool = False
    aliases: Mapping[str, str] = {}
    reserve: Reserve = Reserve.LIKELY
    settings: Mapping[str, str] = {}

    def setting_of(self, limit: Limit) -> str:
        """Where the operator set the limit, as a refusal tells it: by default, with the client."""
        return self.settings.get(limit, f"the client's {limit.value}")

    def may_hint(self, hint: Hint) -> bool:
        """Whether the client may use the hint."""
        return self.hints is None or hint in self.hints

    def may_use(self, endpoint: EndpointId, aliases: AbstractSet[str] = frozenset()) -> bool:
        """`aliases` are the endpoint's, in lower case: a right names the same model in whichever spelling."""
        return self.models is None or any(
            name == endpoint.provider or endpoint.is_model(name, aliases) or endpoint.is_named(name, aliases)
            for name in self.models
        )


MAX_KEYS = 2
"""Keys of one client that are live at the same time, so that a client can change to a new one without a pause."""


class RegisteredKey(Struct, frozen=True, kw_only=True):
    """A key's digest, and when it was made, in Unix seconds."""

    digest: ApiKeyDigest
    created: int

    @property
    def name(self) -> str:
        """The beginning of the digest, which tells keys apart and leads to none."""
        return self.digest.hex()[:12]


class Registration(CheckedStruct, frozen=True, kw_only=True):
    """A registered client with its live keys, the newest first."""

    client: Client
    keys: tuple[RegisteredKey, ...]

    def rotated(self, key: RegisteredKey) -> "Registration":
        """With a new key. The newest one so far lives on beside it, an older one ends."""
        return Registration(client=self.client, keys=(key, *self.keys)[:MAX_KEYS])

    def without(self, key: RegisteredKey) -> "Registration":
        """This registration without one of its keys."""
        return Registration(client=self.client, keys=tuple(kept for kept in self.keys if kept != key))
