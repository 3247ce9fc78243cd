"""Between OpenAI's wire types and the domain, one function each way. Pure."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from msgspec import UNSET, ValidationError, convert
from msgspec.structs import replace

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    Image,
    Message,
    Part,
    SystemMessage,
    Text,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Hint

from ..common.chat_calls import call_of, given, to_tool_call
from . import answers, wire
from .fields import refusals, without_effect

_DATA_URL = re.compile(r"data:(?P<type>image/[A-Za-z0-9.+-]{1,58})(?:;[^,;]{1,64}){0,4};base64,", re.IGNORECASE)


def to_call(body: wire.CompletionIn, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call. Raises `InvalidRequest` naming the fields that ask for what is not given here."""
    faults = tuple(refusals(body))
    if faults:
        raise InvalidRequest(faults)
    messages = tuple(_message(message, f"messages[{at}]") for at, message in enumerate(body.messages))
    call = call_of(body, messages, _max_tokens(body), hint, timeout)
    return replace(call, ignored=tuple(without_effect(body)))


def _max_tokens(body: wire.CompletionIn) -> int | None:
    older, newer = body.max_tokens, body.max_completion_tokens
    if older is not None and newer is not None and older != newer:
        raise InvalidRequest.at("max_tokens", "differs from max_completion_tokens, whose older name it is")
    return older if newer is None else newer


def _message(message: wire.MessageIn, path: str) -> Message:
    match message:
        case wire.User():
            return UserMessage(content=_parts(message.content, path), name=message.name)
        case wire.System() | wire.Developer():
            return SystemMessage(content=_texts(message.content), name=message.name)
        case wire.Assistant():
            return AssistantMessage(
                content=_texts(message.content or ()),
                tool_calls=tuple(map(to_tool_call, message.tool_calls or ())),
                name=message.name,
                extra_content=message.extra_content,
            )
        case wire.ToolAnswer():
            return ToolMessage(content=_texts(message.content), tool_call_id=message.tool_call_id, name=message.name)
        case _:
            assert_never(message)


def _texts(content: str | Sequence[wire.TextPartIn]) -> tuple[Text, ...]:
    return (Text(text=content),) if isinstance(content, str) else tuple(Text(text=part.text) for part in content)


def _parts(content: str | Sequence[wire.TextPartIn | wire.ImagePartIn], path: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    return tuple(
        Text(text=part.text)
        if isinstance(part, wire.TextPartIn)
        else _image(part.image_url.url, f"{path}.content[{at}].image_url.url")
        for at, part in enumerate(content)
    )


def _image(url: str, path: str) -> Image:
    """The image within a URL. None is fetched: that would let a caller send requests from here."""
    head = _DATA_URL.match(url)
    if head is None:
        raise InvalidRequest.at(path, "must be a data: URL of an image in base64; this gateway fetches nothing")
    try:
        data = convert(url[head.end() :], bytes)  # base64, several times faster than the standard library
    except ValidationError:
        raise InvalidRequest.at(path, "is not valid base64") from None
    if not data:
        raise InvalidRequest.at(path, "holds no data")
    return Image(data=data, mime_type=head["type"].lower())


def from_delta(delta: Delta) -> answers.ChunkDelta:
    match delta:
        case TextDelta(text=text):
            return answers.ChunkDelta(content=text)
        case ReasoningDelta(text=text):
            return answers.ChunkDelta(reasoning_content=text)
        case ToolCallDelta():
            call = answers.ChunkToolCall(
                index=delta.index,
                id=UNSET if delta.id is None else delta.id,
                type=UNSET if delta.id is None else "function",
                function=answers.FunctionDelta(
                    name=UNSET if delta.name is None else delta.name, arguments=delta.arguments
                ),
                extra_content=given(delta.extra_content),
            )
            return answers.ChunkDelta(tool_calls=[call])
        case _:
            assert_never(delta)


def usage_out(usage: Usage) -> answers.CompletionUsage:
    cached, reasoning = usage.cached_tokens, usage.reasoning_tokens
    return answers.CompletionUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=UNSET if cached is None else answers.PromptDetails(cached_tokens=cached),
        completion_tokens_details=UNSET if reasoning is None else answers.CompletionDetails(reasoning_tokens=reasoning),
    )
