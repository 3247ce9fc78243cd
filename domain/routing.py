"""Where a call may go: hints, endpoints, what is known of them, and the plan that the policy makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from .sequences import CheckedStruct, tuple_of


class Hint(StrEnum):
    """What matters to the client when an endpoint is chosen.

    `online` and `fast` prefer the cloud, `local` the premises, by the default routes; routes say which endpoints each
    hint leads to. `secure` never leaves the premises, whatever the routes say.
    """

    ONLINE = "online"
    FAST = "fast"
    LOCAL = "local"
    SECURE = "secure"


class Locality(StrEnum):
    """Where an endpoint runs. Requests with the hint `secure` go only to `on_premises`."""

    ON_PREMISES = "on_premises"
    CLOUD = "cloud"


MAX_NAME = 256
"""Characters of a model's name as its provider lists it."""


def is_name(text: str) -> bool:
    """Whether a model can be known by it. It is shown, logged and sent as a header: short, printable, in one line."""
    return 0 < len(text) <= MAX_NAME and text.isprintable()


class EndpointId(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A model at a provider. `provider` is the name that the operator gave, such as `gemini` or `ollama`."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"

    def is_model(self, name: str, aliases: AbstractSet[str] = frozenset()) -> bool:
        """Whether it is the model's name. `aliases` are in lower case, and hold for any."""
        return name == self.model or name.lower() in aliases

    def is_named(self, name: str, aliases: AbstractSet[str] = frozenset()) -> bool:
        """Whether it is the name as `provider/model`."""
        prefix = f"{self.provider}/"
        return name.startswith(prefix) and self.is_model(name.removeprefix(prefix), aliases)


class Endpoint(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A model at a provider, with the place where it runs: on the premises or in the cloud.

    `fingerprint` names whatever of its configuration changes an answer; it is part of the cache key.
    """

    id: EndpointId
    locality: Locality
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """`provider/model`."""
        return self.id.name


class Task(StrEnum):
    """What an endpoint can be asked for, named by what it then does."""

    CHAT = "chat"
    EMBED = "embed"


class Feature(StrEnum):
    """What a request may ask for and a provider may be unable to honour, named by the request's field."""

    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    TOP_K = "top_k"
    STOP = "stop"
    SEED = "seed"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    TOOLS = "tools"
    TOOL_CHOICE = "tool_choice"
    JSON_OBJECT = "response_format.json_object"
    JSON_SCHEMA = "response_format.json_schema"
    TOOLS_WITH_JSON = "tools with response_format"
    FORCED_TOOLS_WITH_JSON = "tool_choice with response_format"
    REASONING_EFFORT = "reasoning_effort"
    REASONING_OFF = "reasoning_effort.none"
    REASONING_XHIGH = "reasoning_effort.xhigh"
    IMAGES = "images"
    IMAGE_URLS = "images by their URL"
    DOCUMENTS = "documents"
    TOOL_RESULT_MEDIA = "images and documents in tool results"
    LOGPROBS = "logprobs"
    PREFILL = "an answer that goes on from the last message"


UNSEEN: Final = "not looked at yet"
"""Why an endpoint is unusable whose provider has said neither that it is there nor that it is away."""


class EndpointState(CheckedStruct, frozen=True, kw_only=True):
    """What is known of an endpoint now.

    `configured` says that the operator asked for it; `unusable` is the reason why it can't answer now, None if it can.
    A `pin_only` endpoint is in no route and answers only requests that name it. `demonstration` marks the stand-in that
    answers where none of a plan's providers is configured. One that is `loading` is usable, and its first answer waits.
    `aliases` are, in lower case, what else its provider takes for the model's name, in any case. `context_length` and
    `output_limit` are in tokens. `answered_by` is the model that answers now in the place of another, which the name
    says or which was seen first; None for no other. `features` are those of its chats, of which `max_stops`,
    `seed_bits` and `media_types` bound three; None where the request's own bounds are enough. `left_out` are the
    fields, as the table of parameters has them, that would change nothing there: not sent, and named to the client.
    `notes` are what an operator has to know though it answers. One that `signs_calls` gives something with its tool
    calls, and wants it back. `out_for` is how long it stays unusable, where its vendor told. `server_version` is what a
    server that the operator runs says of itself.
    """

    endpoint: Endpoint
    features: frozenset[Feature]
    left_out: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    tasks: frozenset[Task] = frozenset({Task.CHAT})
    configured: bool = True
    unusable: str | None = None
    pin_only: bool = False
    demonstration: bool = False
    loading: bool = False
    signs_calls: bool = False
    context_length: int | None = None
    output_limit: int | None = None
    answered_by: str | None = None
    max_stops: int | None = None
    seed_bits: int | None = None
    media_types: frozenset[str] | None = None
    notes: tuple[str, ...] = ()
    out_for: timedelta | None = None
    server_version: str | None = None


Routes: TypeAlias = Mapping[Hint, Sequence[str]]
"""For each hint the providers, or `provider/model`s, in the order of preference."""

DEFAULT_ROUTES: Routes = {
    Hint.ONLINE: ("gemini", "ollama"),
    Hint.FAST: ("gemini", "ollama"),
    Hint.LOCAL: ("ollama",),
    Hint.SECURE: ("ollama",),
}


def routes_over(providers: Iterable[str]) -> Routes:
    """Every hint leads to these providers, in this order. `secure` still passes over those in the cloud."""
    return dict.fromkeys(Hint, tuple(dict.fromkeys(providers)))


def checked_routes(routes: Routes) -> Routes:
    """The routes as tuples. Raises `TypeError` where one is no sequence of names."""
    if not isinstance(routes, Mapping):
        raise TypeError(f"routes: must be a mapping of hints to names, not {type(routes).__name__}")
    return {hint: tuple_of(str, route, f"routes.{hint}") for hint, route in routes.items()}


Aliases: TypeAlias = Mapping[str, str]
"""What a request may name as its model beside the real names, each with the real name that it stands for."""


def checked_aliases(aliases: Aliases) -> Aliases:
    """Raises `TypeError` where they are no mapping of names to names."""
    if not isinstance(aliases, Mapping):
        raise TypeError(f"aliases: must be a mapping of names to names, not {type(aliases).__name__}")
    for name, target in aliases.items():
        if not isinstance(name, str) or not isinstance(target, str):
            raise TypeError(f"aliases: must be a mapping of names to names, and one is {type(target).__name__}")
    return dict(aliases)


class Alias(Struct, frozen=True, kw_only=True):
    """The name that a request gave its model, and the one that it stands for."""

    name: str
    target: str


class Skip(Struct, frozen=True, kw_only=True):
    """An endpoint or provider that was left out of a plan. `path` is the request's field at fault, None if there is
    none.
    """

    name: str
    reason: str
    path: str | None = None


class Plan(CheckedStruct, frozen=True, kw_only=True):
    """The endpoints to ask, in order, and those that were left out with the reasons.

    `hint` is the hint in effect, None for a plan by model alone. `pinned` says that the request named its endpoint.
    `used` are the fields that the request uses, as the table of parameters has them, each with its first path. `alias`
    is how the request named its model, None for a name that is the model's own.
    """

    hint: Hint | None
    pinned: bool
    endpoints: tuple[EndpointState, ...]
    skipped: tuple[Skip, ...] = ()
    used: Mapping[str, str] = {}
    alias: Alias | None = None

    def ignored(self, endpoint: EndpointId) -> tuple[str, ...]:
        """The paths of what the request states and this endpoint of the plan leaves out."""
        if not self.used:
            return ()
        state = next((state for state in self.endpoints if state.endpoint.id == endpoint), None)
        left_out = state.left_out if state is not None else frozenset()
        return tuple(path for field, path in self.used.items() if field in left_out)
