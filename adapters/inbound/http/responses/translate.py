"""From a body to a call. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from msgspec.structs import asdict

from llm_gateway.domain.chat import (
    ChatCall,
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    ReasoningEffort,
    ResponseFormat,
    Sampling,
    SystemMessage,
    Text,
    TextFormat,
    UserMessage,
)
from llm_gateway.domain.routing import Hint

from ..common.chat_calls import call_of
from ..common.wire import JsonFormatIn, TextFormatIn
from . import wire
from .fields import COUNT_TABLE, TABLE
from .ignored import without_effect
from .items import to_messages
from .tools import Placed, callable_tools, left_out, to_choice, to_tool

_EFFORTS: Final[Mapping[str, ReasoningEffort]] = {effort.value: effort for effort in ReasoningEffort} | {
    "max": ReasoningEffort.XHIGH
}
_PLAIN: Final = Sampling()


def to_call(body: wire.ResponseIn, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call. Raises `InvalidRequest` naming the fields that ask for what is not given here."""
    ignored, placed = TABLE.check(body), tuple(callable_tools(body))
    sampling = Sampling(temperature=body.temperature, top_p=body.top_p)
    return call_of(
        _request(body, placed, body.max_output_tokens, sampling),
        model=body.model,
        hint=hint,
        timeout=timeout,
        stream=body.stream,
        cache=body.cache,
        own_samples=True,
        ignored=(*left_out(body), *ignored, *without_effect(body, placed)),
        nearest_effort=True,
    )


def to_counted(body: wire.ResponsePromptIn, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body whose tokens are counted, as a call. Raises as `to_call` does."""
    ignored, placed = COUNT_TABLE.check(body), tuple(callable_tools(body))
    return call_of(
        _request(body, placed, None, _PLAIN),
        model=body.model,
        hint=hint,
        timeout=timeout,
        stream=False,
        ignored=(*left_out(body), *ignored, *without_effect(body, placed)),
        nearest_effort=True,
    )


def _request(
    body: wire.ResponsePromptIn, placed: Sequence[Placed], max_tokens: int | None, sampling: Sampling
) -> ChatRequest:
    effort = body.reasoning.effort if body.reasoning is not None else None
    return ChatRequest(
        messages=tuple(_messages(body)),
        max_tokens=max_tokens,
        sampling=sampling,
        tools=tuple(map(to_tool, placed)),
        tool_choice=to_choice(body),
        response_format=_format(body.text.format) if body.text is not None else None,
        reasoning_effort=None if effort is None else _EFFORTS[effort],
    )


def _messages(body: wire.ResponsePromptIn) -> Iterator[Message]:
    if body.instructions:
        yield SystemMessage(content=(Text(text=body.instructions),))
    if isinstance(body.input, str):
        yield UserMessage(content=(Text(text=body.input),))
    else:
        yield from to_messages(body.input)


def _format(stated: TextFormatIn | JsonFormatIn | wire.SchemaFormatIn | None) -> ResponseFormat | None:
    match stated:
        case None:
            return None
        case TextFormatIn():
            return TextFormat()
        case JsonFormatIn():
            return JsonFormat()
        case wire.SchemaFormatIn():
            return JsonSchemaFormat(**asdict(stated))
