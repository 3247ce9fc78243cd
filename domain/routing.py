"""Where a call may go: hints, endpoints, what is known of them, and the plan that the policy makes of it."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Hint(StrEnum):
    ONLINE = "online"
    FAST = "fast"
    LOCAL = "local"
    SECURE = "secure"


class Locality(StrEnum):
    ON_PREMISES = "on_premises"
    CLOUD = "cloud"


MAX_NAME = 256
"""Characters of a model's name as its provider lists it."""


def is_name(text: str) -> bool:
    """Whether a model can be known by it. It is told, logged and sent as a header: short, printable, in one line."""
    return 0 < len(text) <= MAX_NAME and text.isprintable()


class EndpointId(Struct, frozen=True, kw_only=True):
    """A model at a provider. `provider` is the name the operator gave, such as `gemini` or `ollama`."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    def is_model(self, name: str, aliases: AbstractSet[str] = frozenset()) -> bool:
        """Whether it is the model's name. `aliases` are in lower case, and hold for any."""
        return name == self.model or name.lower() in aliases

    def is_named(self, name: str, aliases: AbstractSet[str] = frozenset()) -> bool:
        """Whether it is the name as `provider/model`."""
        prefix = f"{self.provider}/"
        return name.startswith(prefix) and self.is_model(name.removeprefix(prefix), aliases)


class Endpoint(Struct, frozen=True, kw_only=True):
    """Something that answers. `fingerprint` names what of its configuration changes an answer."""

    id: EndpointId
    locality: Locality
    fingerprint: str = ""

    @property
    def name(self) -> str:
        return self.id.name


class Task(StrEnum):
    """What an endpoint can be asked for, named by what it then does."""

    CHAT = "chat"
    EMBED = "embed"


class Feature(StrEnum):
    """What a request may ask for and a provider may be unable to honour, named by the request's field."""

    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    STOP = "stop"
    SEED = "seed"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    TOOLS = "tools"
    TOOL_CHOICE = "tool_choice"
    JSON_OBJECT = "response_format.json_object"
    JSON_SCHEMA = "response_format.json_schema"
    REASONING_EFFORT = "reasoning_effort"
    IMAGES = "images"


class EndpointState(Struct, frozen=True, kw_only=True):
    """What is known of an endpoint now.

    `configured` says that the operator asked for it; `unusable` says why it can't answer at the moment, None if it can.
    A `pin_only` endpoint is in no route and answers only requests that name it. `demonstration` marks the stand-in that
    answers where none of a plan's providers is configured. One that is `loading` is usable: who asks it waits for it.
    `aliases` are, in lower case, what else its provider takes for the model's name, in any case.
    `context_length` and `output_limit` are in tokens. `features` are those of its chats, of which `max_stops` and
    `seed_bits` bound two; None where the request's own bounds are enough.
    """

    endpoint: Endpoint
    features: frozenset[Feature]
    aliases: frozenset[str] = frozenset()
    tasks: frozenset[Task] = frozenset({Task.CHAT})
    configured: bool = True
    unusable: str | None = None
    pin_only: bool = False
    demonstration: bool = False
    loading: bool = False
    context_length: int | None = None
    output_limit: int | None = None
    max_stops: int | None = None
    seed_bits: int | None = None

    def is_model(self, name: str) -> bool:
        return self.endpoint.id.is_model(name, self.aliases)

    def is_named(self, name: str) -> bool:
        """Whether it is the name as `provider/model`."""
        return self.endpoint.id.is_named(name, self.aliases)


Routes: TypeAlias = Mapping[Hint, Sequence[str]]
"""For each hint the providers, or `provider/model`s, in the order of preference."""

DEFAULT_ROUTES: Routes = {
    Hint.ONLINE: ("gemini", "ollama"),
    Hint.FAST: ("gemini", "ollama"),
    Hint.LOCAL: ("ollama",),
    Hint.SECURE: ("ollama",),
}


class Skip(Struct, frozen=True, kw_only=True):
    """An endpoint or a provider that was left out of a plan. `path` is the request's field at fault, if any."""

    name: str
    reason: str
    path: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """The endpoints to ask, in order, and what was left out. `pinned`: the request named its endpoint."""

    hint: Hint | None
    pinned: bool
    endpoints: tuple[EndpointState, ...]
    skipped: tuple[Skip, ...] = ()
