"""What becomes of each field of a chat request, as data: the rows, and what a provider says of each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from .routing import Feature


class Parameter(Struct, frozen=True):
    """A field of a request, and the feature that an endpoint must have for it; None where every endpoint takes it.

    A `label` changes no answer by itself: a vendor without a place for it leaves it out, and does not lack the
    feature for that.
    """

    field: str
    feature: Feature | None = None
    label: bool = False


PARAMETERS: Final = (
    Parameter("messages[].content"),
    Parameter("messages[].content, of a system message"),
    Parameter("messages[].content, an image", Feature.IMAGES),
    Parameter("messages[].name", label=True),
    Parameter("messages[].tool_calls", Feature.TOOLS),
    Parameter("messages[].tool_call_id", Feature.TOOLS),
    Parameter("messages[].extra_content", label=True),
    Parameter("max_tokens"),
    Parameter("temperature", Feature.TEMPERATURE),
    Parameter("top_p", Feature.TOP_P),
    Parameter("stop", Feature.STOP),
    Parameter("seed", Feature.SEED),
    Parameter("presence_penalty", Feature.PRESENCE_PENALTY),
    Parameter("frequency_penalty", Feature.FREQUENCY_PENALTY),
    Parameter("tools", Feature.TOOLS),
    Parameter("tools[].function.strict", Feature.TOOLS, label=True),
    Parameter("tool_choice: none", Feature.TOOLS),
    Parameter("tool_choice: required", Feature.TOOL_CHOICE),
    Parameter("tool_choice: a function", Feature.TOOL_CHOICE),
    Parameter("response_format: json_object", Feature.JSON_OBJECT),
    Parameter("response_format: json_schema", Feature.JSON_SCHEMA),
    Parameter("response_format.json_schema.name", Feature.JSON_SCHEMA, label=True),
    Parameter("response_format.json_schema.description", Feature.JSON_SCHEMA, label=True),
    Parameter("response_format.json_schema.strict", Feature.JSON_SCHEMA, label=True),
    Parameter("reasoning_effort", Feature.REASONING_EFFORT),
)


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
