"""From a chat request to the body of the engine's chat completions, and from its chunks to events."""

from typing import Any, assert_never

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ReasoningEffort,
    ResponseFormat,
    SystemMessage,
    Text,
    TextFormat,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ContextLengthExceeded, ProviderRejected
from llm_gateway.domain.features import numbers_sent
from llm_gateway.domain.media import Document, Image, ImageUrl

from .limits import CONTEXT_LENGTH, LONGEST_PROMPT_BYTES, OUTPUT_LIMIT, PROVIDER
from .parameters import PLACES
from .schema import Unenforceable, enforceable

_numbers = numbers_sent(PLACES)

# A model this small wanders at the temperatures that suit a large one. Without a penalty it repeats itself, and with
# one of 1.1 it avoids the very words that the question has.
_TEMPERATURE = 0.0
_REPEAT_PENALTY = 1.05
DEMONSTRATION_SYSTEM = "You are a helpful assistant. Be brief."
"""With which the demonstration's model answered best, of those tried. Without one its template has one of its own."""
_SEEDS = 2**32 - 1  # the engine's seeds are 32 bits wide, and the highest one means chance


def request_body(request: ChatRequest, *, system: str | None = None) -> dict[str, Any]:
    """What the engine is asked, with this system message where the request has none.

    Raises `ProviderRejected` for what this model can't honour.
    """
    if request.tools:
        raise ProviderRejected(PROVIDER, "this model calls no tools")
    if request.reasoning_effort not in (None, ReasoningEffort.NONE):
        raise ProviderRejected(PROVIDER, "this model has no reasoning effort")
    messages = [_message(message) for message in request.messages]
    if system is not None and all(message["role"] != "system" for message in messages):
        messages.insert(0, {"role": "system", "content": system})
    _check_length(messages, request.sampling.stop)
    return {
        "messages": messages,
        "repeat_penalty": _REPEAT_PENALTY,
        **_sampling(request),
        **_format(request.response_format),
        # Streamed also where the answer is wanted whole: only a streamed call can be stopped. The progress reports
        # make it stoppable while the prompt is read.
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        # One client's prompt must not show in the time or the rounding of another's answer.
        "cache_prompt": False,
    }


def _message(message: Message) -> dict[str, str]:
    match message:
        case SystemMessage(content=parts):
            return {"role": "system", "content": _text(parts)}
        case UserMessage(content=parts):
            return {"role": "user", "content": _text(parts)}
        case AssistantMessage(content=parts, tool_calls=()):
            return {"role": "assistant", "content": _text(parts)}
        case AssistantMessage() | ToolMessage():
            raise ProviderRejected(PROVIDER, "this model calls no tools")
        case _:
            assert_never(message)


def _text(parts: tuple[Part, ...]) -> str:
    texts = []
    for part in parts:
        match part:
            case Text(text=text):
                texts.append(text)
            case Image() | ImageUrl() | Document():
                raise ProviderRejected(PROVIDER, "this model sees no images, and reads no documents")
            case _:
                assert_never(part)
    return "\n".join(texts)


def _check_length(messages: list[dict[str, str]], stops: tuple[str, ...]) -> None:
    """The engine counts the tokens exactly before it reads a prompt, but takes seconds to count a huge one."""
    try:
        size = sum(len(text.encode()) for text in (*(message["content"] for message in messages), *stops))
    except UnicodeEncodeError:
        raise ProviderRejected(PROVIDER, "a text holds half of a surrogate pair") from None
    if size > LONGEST_PROMPT_BYTES:
        raise ContextLengthExceeded(PROVIDER, f"the prompt does not fit into {CONTEXT_LENGTH} tokens")


def _sampling(request: ChatRequest) -> dict[str, Any]:
    stop, seed = request.sampling.stop, request.sampling.seed
    sent = {"temperature": _TEMPERATURE, **_numbers(request)}
    if request.sampling.temperature_by_default:  # the native surface's, which is for large models
        sent["temperature"] = _TEMPERATURE
    sent["max_tokens"] = min(request.max_tokens or OUTPUT_LIMIT, OUTPUT_LIMIT)
    if seed is not None:
        sent["seed"] = seed % _SEEDS
    return sent | {"stop": list(stop)} if stop else sent


def _format(wanted: ResponseFormat | None) -> dict[str, Any]:
    match wanted:
        case None | TextFormat():
            return {}
        case JsonFormat():
            return {"response_format": {"type": "json_object", "schema": {"type": "object"}}}
        case JsonSchemaFormat(schema=schema):
            try:
                enforced = enforceable(schema)
            except Unenforceable as error:
                raise ProviderRejected(
                    PROVIDER, f"this model can't be held to it: {error}", path="response_format"
                ) from None
            # The client's name for the schema changes nothing here, and its text need not reach the engine.
            return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": enforced}}}
        case _:
            assert_never(wanted)
