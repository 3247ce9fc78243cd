"""Each field of a chat request, once: how it is read, its range, what it asks of a model; what vendors make of it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeAlias

from msgspec import Meta, Struct

from .chat import ChatRequest, JsonFormat, JsonSchemaFormat, NamedTool, ReasoningEffort, ToolMode
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

    `read` gives what a request holds there; it is None for what stands in messages and tools, of which there are many.
    A value asks for something where it is of the `kind` and not `neutral`. A `label` changes no answer by itself: a
    vendor without a place for it leaves it out, and does not lack the feature for that.
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


def _schema(request: ChatRequest, field: str) -> Any:
    return getattr(request.response_format, field) if isinstance(request.response_format, JsonSchemaFormat) else None


def _beside_tools(request: ChatRequest, *, forced: bool) -> bool | None:
    """Whether structured output is asked for where tools may be called, or where one must be; None where not."""
    structured = isinstance(request.response_format, JsonFormat | JsonSchemaFormat)
    offered = bool(request.tools) and request.tool_choice is not ToolMode.NONE
    must = request.tool_choice is ToolMode.REQUIRED or isinstance(request.tool_choice, NamedTool)
    return (structured and offered and (must or not forced)) or None


def _logprobs(request: ChatRequest) -> bool | None:
    return request.logprobs or None


def _effort(field: str, feature: Feature, *asking: ReasoningEffort) -> Parameter:
    neutral = tuple(effort for effort in ReasoningEffort if effort not in asking)
    return Parameter(field, feature, attrgetter("reasoning_effort"), neutral=neutral)


def _sampled(feature: Feature, low: float, high: float, *, neutral: tuple[float, ...] = ()) -> Parameter:
    """A number of `Sampling`, whose name is the feature's."""
    read = attrgetter(f"sampling.{feature.value}")
    return Parameter(feature.value, feature, read, Range(low, high), neutral=neutral)


PARAMETERS: Final = (
    Parameter("messages[].content"),
    Parameter("messages[].content, of a system message"),
    Parameter("messages[].content, an image", Feature.IMAGES),
    Parameter("messages[].content, an image by its URL", Feature.IMAGE_URLS),
    Parameter("messages[].content, an image's detail", Feature.IMAGES, label=True),
    Parameter("messages[].content, a document", Feature.DOCUMENTS),
    Parameter("messages[].content, of a last answer", Feature.PREFILL),
    Parameter("messages[].name", label=True),
    Parameter("messages[].tool_calls", Feature.TOOLS),
    Parameter("messages[].tool_call_id", Feature.TOOLS),
    Parameter("messages[].content, media of a tool result", Feature.TOOL_RESULT_MEDIA),
    Parameter("messages[].error", Feature.TOOLS),
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
    Parameter("response_format.json_schema.name", Feature.JSON_SCHEMA, partial(_schema, field="name"), label=True),
    Parameter(
        "response_format.json_schema.description",
        Feature.JSON_SCHEMA,
        partial(_schema, field="description"),
        label=True,
    ),
    Parameter(
        "response_format.json_schema.strict",
        Feature.JSON_SCHEMA,
        partial(_schema, field="strict"),
        neutral=(False,),
        label=True,
    ),
    Parameter(
        "response_format: beside tools",
        Feature.TOOLS_WITH_JSON,
        partial(_beside_tools, forced=False),
    ),
    Parameter(
        "response_format: beside a tool_choice",
        Feature.FORCED_TOOLS_WITH_JSON,
        partial(_beside_tools, forced=True),
    ),
    Parameter("logprobs", Feature.LOGPROBS, _logprobs),
    Parameter("top_logprobs", Feature.LOGPROBS, attrgetter("top_logprobs"), Range(0, 20), neutral=(0,)),
    _effort("reasoning_effort", Feature.REASONING_EFFORT, *(set(ReasoningEffort) - {ReasoningEffort.NONE})),
    _effort("reasoning_effort: none", Feature.REASONING_OFF, ReasoningEffort.NONE),
    _effort("reasoning_effort: xhigh", Feature.REASONING_XHIGH, ReasoningEffort.XHIGH),
)
FEATURES: Final = {row.field: row.feature for row in PARAMETERS}
"""Of each row."""
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
    LEFT_OUT = "named"


class Place(Struct, frozen=True):
    """Where a vendor's request holds a field: a path, with `[]` for any item. `how`: what it is turned into, None where
    it stays as it is. An empty `at` needs nothing to be sent.
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


def left_out_of(places: Mapping[str, Place], *without_effect: str) -> frozenset[str]:
    """The fields that a vendor with these places leaves out: labels without a place, and what has no effect there."""
    labels = {row.field for row in PARAMETERS if row.label and row.field not in places}
    return frozenset((*labels, *without_effect))


class Column(Struct, frozen=True, kw_only=True):
    """What the models of one pattern make of a request. `by_model` are features that not all of these models have, and
    `left_out` the fields that none of them takes notice of.
    """

    provider: str
    models: str
    features: frozenset[Feature]
    left_out: frozenset[str]
    by_model: frozenset[Feature] = frozenset()
    places: Mapping[str, Place]

    def treatment(self, parameter: Parameter) -> Treatment:
        """What becomes of the field, at a model that can do what it belongs to."""
        lacking = parameter.feature is not None and parameter.feature not in self.features | self.by_model
        place = self.places.get(parameter.field)
        if parameter.field in self.left_out and not (parameter.label and lacking):
            return Treatment.LEFT_OUT
        if lacking or place is None:
            return Treatment.REFUSED
        if parameter.feature in self.by_model:
            return Treatment.MODEL_DEPENDENT
        return Treatment.HONOURED if place.how is None else Treatment.TRANSLATED
