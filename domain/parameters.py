"""Each field of a chat request, once: how it is read, its range, what it asks of a model; what vendors make of it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, TypeAlias

from msgspec import Meta, Struct

from .chat import ChatRequest, JsonFormat, JsonSchemaFormat, NamedTool, ToolMode
from .routing import Feature

Read: TypeAlias = Callable[[ChatRequest], Any]

MAX_TOKENS_LIMIT: Final = 10_000_000
"""Above any model's output, and low enough that the quota arithmetic stays exact."""


class Range(Struct, frozen=True):
    """Of a number. Both ends are in it."""

    low: float
    high: float


class Parameter(Struct, frozen=True):
    """A field of a request, and the feature that an endpoint must have for it; None where every endpoint takes it.

    `read` gives what a request holds there; it is None for what stands in messages, and for what goes along with
    another field. A value asks for something where it is of the `kind` and not `neutral`. A `label` changes no answer
    by itself: a vendor without a place for it leaves it out, and does not lack the feature for that.
    """

    field: str
    feature: Feature | None = None
    read: Read | None = None
    range: Range | None = None
    kind: type = object
    neutral: tuple[object, ...] = ()
    label: bool = False

    @property
    def path(self) -> str:
        """Of the request's own field."""
        return self.field.partition(":")[0]


def _sampled(feature: Feature, low: float, high: float, *, neutral: tuple[float, ...] = ()) -> Parameter:
    """A number of `Sampling`, whose name is the feature's."""
    read = attrgetter(f"sampling.{feature.value}")
    return Parameter(feature.value, feature, read, Range(low, high), neutral=neutral)


PARAMETERS: Final = (
    Parameter("messages[].content"),
    Parameter("messages[].content, of a system message"),
    Parameter("messages[].content, an image", Feature.IMAGES),
    Parameter("messages[].name", label=True),
    Parameter("messages[].tool_calls", Feature.TOOLS),
    Parameter("messages[].tool_call_id", Feature.TOOLS),
    Parameter("messages[].extra_content", label=True),
    Parameter("max_tokens", None, attrgetter("max_tokens"), Range(1, MAX_TOKENS_LIMIT)),
    _sampled(Feature.TEMPERATURE, 0.0, 2.0),
    _sampled(Feature.TOP_P, 0.0, 1.0),
    _sampled(Feature.TOP_K, 1, 2**31 - 1),  # as wide as vendors' own
    Parameter("stop", Feature.STOP, attrgetter("sampling.stop"), neutral=((),)),
    _sampled(Feature.SEED, -(2**63), 2**63 - 1),
    _sampled(Feature.PRESENCE_PENALTY, -2.0, 2.0, neutral=(0.0,)),
    _sampled(Feature.FREQUENCY_PENALTY, -2.0, 2.0, neutral=(0.0,)),
    Parameter("tools", Feature.TOOLS, attrgetter("tools"), neutral=((),)),
    Parameter("tools[].function.strict", Feature.TOOLS, label=True),
    Parameter("tool_choice: none", Feature.TOOLS),
    Parameter(
        "tool_choice: required",
        Feature.TOOL_CHOICE,
        attrgetter("tool_choice"),
        kind=ToolMode,
        neutral=(ToolMode.AUTO, ToolMode.NONE),
    ),
    Parameter("tool_choice: a function", Feature.TOOL_CHOICE, attrgetter("tool_choice"), kind=NamedTool),
    Parameter("response_format: json_object", Feature.JSON_OBJECT, attrgetter("response_format"), kind=JsonFormat),
    Parameter(
        "response_format: json_schema", Feature.JSON_SCHEMA, attrgetter("response_format"), kind=JsonSchemaFormat
    ),
    Parameter("response_format.json_schema.name", Feature.JSON_SCHEMA, label=True),
    Parameter("response_format.json_schema.description", Feature.JSON_SCHEMA, label=True),
    Parameter("response_format.json_schema.strict", Feature.JSON_SCHEMA, label=True),
    Parameter("reasoning_effort", Feature.REASONING_EFFORT, attrgetter("reasoning_effort")),
)
NUMBERS: Final = {row.field: (row.read, row.range) for row in PARAMETERS if row.read and row.range}
"""How each number is read, and its range."""


def bounds(field: str) -> Meta:
    """The range of a number, for the type that decodes it."""
    _, limits = NUMBERS[field]
    return Meta(ge=limits.low, le=limits.high)


class Treatment(StrEnum):
    HONOURED = "yes"
    TRANSLATED = "translated"
    MODEL_DEPENDENT = "by model"
    REFUSED = "400"
    LEFT_OUT = "left out"


class Place(Struct, frozen=True):
    """Where a vendor's request holds a field: a path, with `[]` for any item. `how`: what it is turned into, None where
    it stays as it is.
    """

    at: str
    how: str | None = None


def features_of(places: Mapping[str, Place]) -> frozenset[Feature]:
    """The features that a request with these places can carry: those of whose rows, but for labels, each has one.

    The one way to a provider's features, so that what is added tomorrow is honoured only where it has a place.
    """
    rows = [parameter for parameter in PARAMETERS if not parameter.label]
    lacking = {row.feature for row in rows if row.field not in places}
    return frozenset(row.feature for row in rows if row.feature is not None) - lacking


class Column(Struct, frozen=True, kw_only=True):
    """What the models of one pattern make of a request. `by_model` are features that not all of these models have."""

    provider: str
    models: str
    features: frozenset[Feature]
    by_model: frozenset[Feature] = frozenset()
    places: Mapping[str, Place]

    def treatment(self, parameter: Parameter) -> Treatment:
        if parameter.feature is not None and parameter.feature not in self.features | self.by_model:
            return Treatment.REFUSED
        place = self.places.get(parameter.field)
        if place is None:
            return Treatment.LEFT_OUT
        if parameter.feature in self.by_model:
            return Treatment.MODEL_DEPENDENT
        return Treatment.HONOURED if place.how is None else Treatment.TRANSLATED
