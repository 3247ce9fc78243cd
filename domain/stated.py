"""Which fields of a request its client stated: whatever else a vendor is sent stands there by the gateway's choice."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from .chat import AssistantMessage, ChatRequest, ToolMessage
from .parameters import PARAMETERS

_READ = tuple((row.read, row.path) for row in PARAMETERS if row.read is not None)


def stated_fields(request: ChatRequest) -> frozenset[str]:
    """The paths of the fields that the client stated, with `[]` for any message."""
    fields = {path for read, path in _READ if _is_value(read(request))}
    if request.sampling.temperature_by_default:
        fields.discard("temperature")
    return frozenset(fields | {"messages[].content", *_of_messages(request)})


def is_stated(path: str, stated: AbstractSet[str]) -> bool:
    """Whether the field at this path, one above it or one below it was stated."""
    return any(_within(path, field) or _within(field, path) for field in stated)


def _is_value(read: object) -> bool:
    return read is not None and read is not False and read != ()


def _within(path: str, field: str) -> bool:
    return path == field or path.startswith((f"{field}.", f"{field}["))


def _of_messages(request: ChatRequest) -> Iterator[str]:
    for message in request.messages:
        match message:
            case AssistantMessage(tool_calls=calls, extra_content=extra):
                if calls:
                    yield "messages[].tool_calls"
                if extra or any(call.extra_content for call in calls):
                    yield "messages[].extra_content"
            case ToolMessage(error=failed):
                yield "messages[].tool_call_id"
                if failed:
                    yield "messages[].error"
