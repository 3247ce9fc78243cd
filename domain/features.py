"""What a request asks of a model beyond text in and text out, and where in the request it asks."""

from collections.abc import Iterator

from .chat import (
    AssistantMessage,
    ChatRequest,
    Image,
    JsonFormat,
    JsonSchemaFormat,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from .routing import EndpointState, Feature

_FREE_CHOICES = (None, ToolMode.AUTO, ToolMode.NONE)
"""Every provider of tools honours these: the one is the default, for the other the tools are left out."""


def features_used(request: ChatRequest) -> dict[Feature, str]:
    """Each feature that the request needs, with the path of the first field that asks for it."""
    used: dict[Feature, str] = {}
    for feature, path in _asked(request):
        used.setdefault(feature, path)
    return used


def _asked(request: ChatRequest) -> Iterator[tuple[Feature, str]]:
    sampling = request.sampling
    for feature, value in (
        (Feature.TEMPERATURE, sampling.temperature),
        (Feature.TOP_P, sampling.top_p),
        (Feature.SEED, sampling.seed),
        (Feature.PRESENCE_PENALTY, sampling.presence_penalty or None),  # 0 is no penalty: nothing is asked
        (Feature.FREQUENCY_PENALTY, sampling.frequency_penalty or None),
        (Feature.TOOL_CHOICE, None if request.tool_choice in _FREE_CHOICES else request.tool_choice),
        (Feature.REASONING_EFFORT, request.reasoning_effort),
    ):
        if value is not None:
            yield feature, feature.value
    if sampling.stop:
        yield Feature.STOP, "stop"
    if request.tools:
        yield Feature.TOOLS, "tools"
    match request.response_format:
        case JsonFormat():
            yield Feature.JSON_OBJECT, "response_format"
        case JsonSchemaFormat():
            yield Feature.JSON_SCHEMA, "response_format"
    yield from _asked_by_messages(request)


def _asked_by_messages(request: ChatRequest) -> Iterator[tuple[Feature, str]]:
    for index, message in enumerate(request.messages):
        match message:
            case UserMessage(content=parts):
                for number, part in enumerate(parts):
                    if isinstance(part, Image):
                        yield Feature.IMAGES, f"messages[{index}].content[{number}]"
            case AssistantMessage(tool_calls=calls) if calls:
                yield Feature.TOOLS, f"messages[{index}].tool_calls"
            case ToolMessage():
                yield Feature.TOOLS, f"messages[{index}].role"


def limit_exceeded(request: ChatRequest, state: EndpointState) -> tuple[str, str] | None:
    """The path of the first field that asks for more than the endpoint takes, and what it takes."""
    stops, seed = request.sampling.stop, request.sampling.seed
    if state.max_stops is not None and len(stops) > state.max_stops:
        return "stop", f"at most {state.max_stops} stop sequences"
    if state.seed_bits is not None and seed is not None:
        half = 2 ** (state.seed_bits - 1)
        if not -half <= seed < half:
            return "seed", f"a seed of {state.seed_bits} bits"
    return None
