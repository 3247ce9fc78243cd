"""What a request asks of a model, by the table of parameters, and what an endpoint lacks for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from .chat import AssistantMessage, ChatRequest, Message, Part, Sampling, Text, ToolMessage, UserMessage
from .media import Document, Image, ImageUrl, Media
from .once import once_each
from .parameters import FEATURES, NUMBERS, PARAMETERS, Place
from .routing import EndpointState, Skip, Task

_ASKING = tuple(
    (row.read, row.kind, row.neutral, row.field, row.path)
    for row in PARAMETERS
    if row.read is not None and (row.feature is not None or row.label)
)

_EVERYBODY_STATES = {
    "messages",
    "max_tokens",
    "max_tokens_by_default",
    "sampling",
    "temperature",
    "temperature_by_default",
}
_beside = attrgetter(
    *(name for name in ChatRequest.__struct_fields__ if name not in _EVERYBODY_STATES),
    *(f"sampling.{name}" for name in Sampling.__struct_fields__ if name not in _EVERYBODY_STATES),
)
_PLAIN = ChatRequest(messages=())
_NOTHING = _beside(_PLAIN)
"""What most requests state beside that."""
_OF_ALL = tuple(row for row in _ASKING if row[3] == "temperature" or row[0](_PLAIN) not in (None, *row[2]))
"""The rows that such a request can use."""

_MEDIA: Mapping[type[Media], str] = {
    Image: "messages[].content, an image",
    ImageUrl: "messages[].content, an image by its URL",
    Document: "messages[].content, a document",
}


@once_each
def fields_used(request: ChatRequest) -> Mapping[str, str]:
    """Each field of the table of parameters that the request uses, with the path of its first use.

    Without the fields that every endpoint takes. A temperature that no client stated is not used.
    """
    used: dict[str, str] = {}
    for read, kind, neutral, field, path in _OF_ALL if _beside(request) == _NOTHING else _ASKING:
        value = read(request)
        if value is not None and isinstance(value, kind) and value not in neutral:
            used[field] = path
    if request.sampling.temperature_by_default:
        used.pop("temperature", None)
    for index, tool in enumerate(request.tools):
        if tool.strict:
            used.setdefault("tools[].function.strict", f"tools[{index}].function.strict")
    _in_messages(request.messages, used)
    return used


def _in_messages(messages: Sequence[Message], used: dict[str, str]) -> None:
    for index, message in enumerate(messages):
        match message:
            case UserMessage(content=parts, name=None) if all(map(_is_text, parts)):
                continue
            case AssistantMessage(tool_calls=(), name=None, extra_content=None):
                continue
        for field, rest in _in_message(message):
            if field not in used:
                used[field] = f"messages[{index}].{rest}"
    match messages:
        case [*_, AssistantMessage(content=parts, tool_calls=())] if any(part.text for part in parts):
            used["messages[].content, of a last answer"] = f"messages[{len(messages) - 1}].content"


def _is_text(part: Part) -> bool:
    return isinstance(part, Text)


def _in_message(message: Message) -> Iterator[tuple[str, str]]:
    if message.name is not None:
        yield "messages[].name", "name"
    match message:
        case UserMessage(content=parts):
            yield from _media(parts)
        case AssistantMessage(tool_calls=calls):
            if calls:
                yield "messages[].tool_calls", "tool_calls"
            if message.extra_content is not None or any(call.extra_content is not None for call in calls):
                yield "messages[].extra_content", "extra_content"
        case ToolMessage(content=parts):
            yield "messages[].tool_call_id", "role"
            if message.error:
                yield "messages[].error", "error"
            for field, rest in _media(parts):
                yield "messages[].content, media of a tool result", rest
                yield field, rest


def _media(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    for number, part in enumerate(parts):
        if not isinstance(part, Text):
            yield _MEDIA[type(part)], f"content[{number}]"
            if isinstance(part, Image | ImageUrl) and part.detail is not None:
                yield "messages[].content, an image's detail", f"content[{number}].detail"


def has_media(used: Mapping[str, str]) -> bool:
    """Whether a request that uses these fields holds images or documents."""
    return bool(used) and not used.keys().isdisjoint(_MEDIA.values())


def unable(request: ChatRequest, used: Mapping[str, str], state: EndpointState, *, strict: bool = False) -> Skip | None:
    """Why an endpoint can't take a request that uses these fields; None where it can.

    `strict`: what an endpoint would leave out, labels too, is what it can't take.
    """
    endpoint = state.endpoint
    if state.unusable or not state.configured:
        return Skip(name=endpoint.name, reason=state.unusable or "not configured")
    if Task.CHAT not in state.tasks:
        return Skip(name=endpoint.name, reason=f"does not {Task.CHAT.value}")
    for field, path in used.items():
        feature = FEATURES[field]
        left_out = field in state.left_out
        if (left_out and not strict) or (not left_out and (feature is None or feature in state.features)):
            continue
        reason = "has no place for it" if feature is None else f"cannot honour {feature.value}"
        return Skip(name=endpoint.name, reason=reason, path=path)
    return _beyond(request, used, state)


_EFFORTS = tuple(row.field for row in PARAMETERS if row.path == "reasoning_effort")


def with_nearest_effort(state: EndpointState, used: Mapping[str, str]) -> EndpointState:
    """The state of an endpoint that leaves out what it has not of the effort, instead of refusing it."""
    lacking = {field for field in _EFFORTS if field in used and FEATURES[field] not in state.features}
    return state if lacking <= state.left_out else replace(state, left_out=state.left_out | lacking)


def as_taken(request: ChatRequest, state: EndpointState) -> ChatRequest:
    """The request as its adapter gets it: without an effort for a model that has none at all.

    Between the efforts that a model has the adapter finds the nearest.
    """
    if request.reasoning_effort is None or "reasoning_effort" not in state.left_out:
        return request
    return replace(request, reasoning_effort=None)


def _beyond(request: ChatRequest, used: Mapping[str, str], state: EndpointState) -> Skip | None:
    """What the endpoint has the feature for, and not in this measure."""
    name = state.endpoint.name
    if state.max_stops is not None and len(request.sampling.stop) > state.max_stops:
        return Skip(name=name, reason=f"takes at most {state.max_stops} stop sequences", path="stop")
    seed, bits = request.sampling.seed, state.seed_bits
    if seed is not None and bits is not None and not -(2 ** (bits - 1)) <= seed < 2 ** (bits - 1):
        return Skip(name=name, reason=f"takes a seed of {bits} bits", path="seed")
    if state.media_types is not None and has_media(used):
        for index, message in enumerate(request.messages):
            for number, part in enumerate(message.content):
                if not isinstance(part, Text) and part.kind not in state.media_types:
                    taken = ", ".join(sorted(state.media_types))
                    path = f"messages[{index}].content[{number}]"
                    kind = part.kind or "an image without .png, .jpg or the like at the end of its path"
                    return Skip(name=name, reason=f"takes {taken}, not {kind}", path=path)
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
