"""What a request asks of a model beyond text in and text out, and where in the request it asks."""

from collections.abc import Iterator

from .chat import AssistantMessage, ChatRequest, Image, ToolMessage, UserMessage
from .parameters import PARAMETERS
from .routing import EndpointState, Feature

_ASKING = tuple(
    (row.read, row.neutral, row.feature, row.path)
    for row in PARAMETERS
    if row.read is not None and row.feature is not None
)


def features_used(request: ChatRequest) -> dict[Feature, str]:
    """Each feature that the request needs, with the path of the first field that asks for it."""
    used: dict[Feature, str] = {}
    for feature, path in _asked(request):
        used.setdefault(feature, path)
    return used


def _asked(request: ChatRequest) -> Iterator[tuple[Feature, str]]:
    for read, neutral, feature, path in _ASKING:
        if (value := read(request)) is not None and value != neutral:
            yield feature, path
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
