"""What a request asks of a model, by the table of parameters, and what an endpoint lacks for it."""

from collections.abc import Callable, Mapping
from typing import Any

from .chat import AssistantMessage, ChatRequest, Image, ToolMessage, UserMessage
from .parameters import NUMBERS, PARAMETERS, Place
from .routing import EndpointState, Feature, Skip, Task

_ASKING = tuple(
    (row.read, row.kind, row.neutral, row.feature, row.path)
    for row in PARAMETERS
    if row.read is not None and row.feature is not None
)


def features_used(request: ChatRequest) -> dict[Feature, str]:
    """Each feature that the request needs, with the path of the first field that asks for it."""
    used: dict[Feature, str] = {}
    for read, kind, neutral, feature, path in _ASKING:
        value = read(request)
        if value is not None and isinstance(value, kind) and value not in neutral:
            used.setdefault(feature, path)
    for index, message in enumerate(request.messages):
        match message:
            case UserMessage(content=parts):
                for number, part in enumerate(parts):
                    if isinstance(part, Image):
                        used.setdefault(Feature.IMAGES, f"messages[{index}].content[{number}]")
            case AssistantMessage(tool_calls=calls) if calls:
                used.setdefault(Feature.TOOLS, f"messages[{index}].tool_calls")
            case ToolMessage():
                used.setdefault(Feature.TOOLS, f"messages[{index}].role")
    return used


def unable(request: ChatRequest, used: Mapping[Feature, str], state: EndpointState) -> Skip | None:
    """Why an endpoint can't take a request that uses these features; None where it can."""
    endpoint = state.endpoint
    if state.unusable or not state.configured:
        return Skip(name=endpoint.name, reason=state.unusable or "not configured")
    if Task.CHAT not in state.tasks:
        return Skip(name=endpoint.name, reason=f"does not {Task.CHAT.value}")
    for feature, path in used.items():
        if feature not in state.features:
            return Skip(name=endpoint.name, reason=f"cannot honour {feature.value}", path=path)
    if state.max_stops is not None and len(request.sampling.stop) > state.max_stops:
        limit = f"{endpoint.name} takes at most {state.max_stops} stop sequences"
        return Skip(name=endpoint.name, reason=limit, path="stop")
    seed, bits = request.sampling.seed, state.seed_bits
    if seed is not None and bits is not None and not -(2 ** (bits - 1)) <= seed < 2 ** (bits - 1):
        limit = f"{endpoint.name} takes a seed of {bits} bits"
        return Skip(name=endpoint.name, reason=limit, path="seed")
    return None


def numbers_sent(places: Mapping[str, Place]) -> Callable[[ChatRequest], dict[str, Any]]:
    """A function that gives each number that a request states, under the last name of its place; none without one."""
    reads = [(places[field].at.rpartition(".")[2], read) for field, (read, _) in NUMBERS.items() if field in places]

    def numbers(request: ChatRequest) -> dict[str, Any]:
        sent = {}
        for name, read in reads:
            value = read(request)
            if value is not None:
                sent[name] = value
        return sent

    return numbers
