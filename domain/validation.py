"""The rules of a request that its types can't state. One place, for every surface."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, islice
from operator import attrgetter
from typing import assert_never

from .cache_policy import CacheDirective
from .chat import (
    AssistantMessage,
    ChatCall,
    ChatRequest,
    JsonObject,
    JsonSchemaFormat,
    Message,
    NamedTool,
    Part,
    Sampling,
    SystemMessage,
    Text,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from .embedding import EmbedCall
from .errors import Fault, InvalidRequest
from .json_values import json_fault
from .media import Document, Image, ImageUrl, url_fault
from .once import once_each
from .parameters import NUMBERS

_, _TOKENS = NUMBERS["max_tokens"]
_, _TEMPERATURES = NUMBERS["temperature"]
_beside = attrgetter(
    *("top_logprobs", "tools", "tool_choice", "response_format"),
    *(f"sampling.{name}" for name in Sampling.__struct_fields__ if not name.startswith("temperature")),
)
_NOTHING = _beside(ChatRequest(messages=()))
"""What most requests state beside these two."""

MAX_STOPS = 16
MAX_INPUTS = 2_048
MAX_DIMENSIONS = 65_536
MAX_FAULTS = 32
"""The most faults that are reported of one call: a body of a million small faults is not answered with as many."""


def check(call: ChatCall) -> None:
    """Raise `InvalidRequest` with every fault of the call, up to `MAX_FAULTS`."""
    faults = request_faults(call.request)
    if faults or call.timeout is not None or call.cache.ttl is not None:
        _refuse(iter(faults), _serving_faults(call.timeout, call.cache))


@once_each
def request_faults(request: ChatRequest) -> tuple[Fault, ...]:
    """Every fault of a request, up to `MAX_FAULTS`."""
    if request.messages and _is_usual(request) and all(map(_is_usual_message, request.messages)):
        return ()
    faults = chain(_message_faults(request.messages), _parameter_faults(request))
    if request.tools or request.tool_choice is not None or request.response_format is not None:
        faults = chain(faults, _answer_faults(request))
    return tuple(islice(faults, MAX_FAULTS))


def check_embedding(call: EmbedCall) -> None:
    """Raise `InvalidRequest` with every fault of the call, up to `MAX_FAULTS`."""
    _refuse(_embedding_faults(call))


def _refuse(*faults: Iterator[Fault]) -> None:
    first = tuple(islice(chain(*faults), MAX_FAULTS))
    if first:
        raise InvalidRequest(first)


def _embedding_faults(call: EmbedCall) -> Iterator[Fault]:
    inputs, dimensions = call.request.inputs, call.request.dimensions
    if not call.model:
        yield Fault(path="model", message="must not be empty")
    if not 1 <= len(inputs) <= MAX_INPUTS:
        yield Fault(path="input", message=f"must be between 1 and {MAX_INPUTS} texts")
    for index, text in enumerate(inputs[:MAX_INPUTS]):
        if not text:
            yield Fault(path=f"input[{index}]", message="must not be empty")
        elif not _is_text(text):
            yield Fault(path=f"input[{index}]", message="holds a half of a surrogate pair")
    if dimensions is not None and not 1 <= dimensions <= MAX_DIMENSIONS:
        yield Fault(path="dimensions", message=f"must be between 1 and {MAX_DIMENSIONS}")
    yield from _serving_faults(call.timeout, call.cache)


def _serving_faults(timeout: timedelta | None, cache: CacheDirective) -> Iterator[Fault]:
    if timeout is not None and timeout.total_seconds() <= 0:
        yield Fault(path="timeout", message="must be above 0 seconds")
    if cache.ttl is not None and not 0 <= cache.ttl.total_seconds() <= 2_592_000:
        yield Fault(path="cache.ttl_seconds", message="must be between 0 and 2592000")


def _message_faults(messages: tuple[Message, ...]) -> Iterator[Fault]:
    if not messages:
        yield Fault(path="messages", message="at least one message is needed")
    called: set[str] = set()
    for index, message in enumerate(messages):
        if not all(map(_is_plain, message.content)):
            yield from _content_faults(message.content, f"messages[{index}].content")
        match message:
            case SystemMessage() | UserMessage():
                if not message.content:
                    yield Fault(path=f"messages[{index}].content", message="must not be empty")
            case AssistantMessage():
                if message.tool_calls or message.extra_content is not None:
                    called.update(call.id for call in message.tool_calls)
                    yield from _assistant_faults(message, f"messages[{index}]")
            case ToolMessage():
                if message.tool_call_id not in called:
                    path = f"messages[{index}].tool_call_id"
                    yield Fault(path=path, message="answers no tool call of an earlier message")
            case _:
                assert_never(message)


def _is_usual_message(message: Message) -> bool:
    """Whether nothing can be wrong with it, wherever it stands."""
    if not all(map(_is_plain, message.content)):
        return False
    if isinstance(message, AssistantMessage):
        return not message.tool_calls and message.extra_content is None
    return bool(message.content) and not isinstance(message, ToolMessage)


def _is_plain(part: Part) -> bool:
    """Almost all are: nothing can be wrong with it."""
    return isinstance(part, Text) and part.text.isascii()


def _content_faults(parts: tuple[Part, ...], path: str) -> Iterator[Fault]:
    for part in parts:
        if isinstance(part, Text) and not _is_text(part.text):
            yield Fault(path=path, message="holds a half of a surrogate pair")
            break
    for number, part in enumerate(parts):
        if isinstance(part, Image | Document) and not part.data:
            yield Fault(path=f"{path}[{number}].data", message="must not be empty")
        elif isinstance(part, ImageUrl) and (fault := url_fault(part.url)) is not None:
            yield Fault(path=f"{path}[{number}].url", message=fault)


def _assistant_faults(message: AssistantMessage, path: str) -> Iterator[Fault]:
    """One that holds nothing is none: a model's answer may be empty, and goes back as it came."""
    yield from _json_faults(message.extra_content, f"{path}.extra_content")
    called: set[str] = set()
    for number, call in enumerate(message.tool_calls):
        at = f"{path}.tool_calls[{number}]"
        if not call.id:
            yield Fault(path=f"{at}.id", message="must not be empty")
        elif call.id in called:  # a tool's result could answer either
            yield Fault(path=f"{at}.id", message="stands there twice")
        called.add(call.id)
        if not call.name:
            yield Fault(path=f"{at}.function.name", message="must not be empty")
        yield from _json_faults(call.extra_content, f"{at}.extra_content")


def _is_text(text: str) -> bool:
    """Whether it can be encoded: JSON's escapes can spell halves of characters, which no store and no vendor takes."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


def _json_faults(value: JsonObject | None, path: str) -> Iterator[Fault]:
    fault = json_fault(value)
    if fault is not None:
        yield Fault(path=path, message=fault)


def _is_usual(request: ChatRequest) -> bool:
    """Whether nothing can be wrong with all that it has beside messages, at one look."""
    tokens, temperature = request.max_tokens, request.sampling.temperature
    return (
        (tokens is None or _TOKENS.low <= tokens <= _TOKENS.high)
        and (temperature is None or _TEMPERATURES.low <= temperature <= _TEMPERATURES.high)
        and _beside(request) == _NOTHING
    )


def _parameter_faults(request: ChatRequest) -> Iterator[Fault]:
    for field, (read, limits) in NUMBERS.items():
        value = read(request)
        if value is not None and not limits.low <= value <= limits.high:
            yield Fault(path=field, message=f"must be between {limits.low} and {limits.high}")
    if request.top_logprobs and not request.logprobs:
        yield Fault(path="top_logprobs", message="needs logprobs to be true")
    stop = request.sampling.stop
    if len(stop) > MAX_STOPS:
        yield Fault(path="stop", message=f"at most {MAX_STOPS} sequences")
    if "" in stop:
        yield Fault(path="stop", message="a sequence must not be empty")


def _answer_faults(request: ChatRequest) -> Iterator[Fault]:
    """Of what the answer may be: calls of tools, and JSON."""
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        if not tool.name:
            yield Fault(path=f"tools[{index}].function.name", message="must not be empty")
        elif tool.name in names:
            yield Fault(path=f"tools[{index}].function.name", message="stands there twice")
        names.add(tool.name)
        yield from _json_faults(tool.parameters, f"tools[{index}].function.parameters")
    match request.tool_choice:
        case NamedTool(name=name) if name not in names:
            yield Fault(path="tool_choice.function.name", message="names no tool of this request")
        case ToolMode.REQUIRED if not names:
            yield Fault(path="tool_choice", message="requires a tool, and the request has none")
    if isinstance(request.response_format, JsonSchemaFormat):
        if request.response_format.name == "":
            yield Fault(path="response_format.json_schema.name", message="must not be empty")
        yield from _json_faults(request.response_format.schema, "response_format.json_schema.schema")
