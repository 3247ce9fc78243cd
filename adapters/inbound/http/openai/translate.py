"""Between OpenAI's wire types and the domain, one function each way. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from msgspec import UNSET

from llm_gateway.domain.chat import (
    ChatCall,
    Message,
    Part,
    Text,
    Usage,
    UserMessage,
)
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.media import Media
from llm_gateway.domain.routing import Hint

from ..common.chat_calls import call_of, given, request_of, to_detail, to_message
from ..common.data_urls import document_of, image_of
from . import answers, wire
from .fields import TABLE


def to_call(body: wire.CompletionIn, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call. Raises `InvalidRequest` naming the fields that ask for what is not given here."""
    ignored = TABLE.check(body)
    messages = tuple(_message(message, at) for at, message in enumerate(body.messages))
    return call_of(
        request_of(body, messages, _max_tokens(body)),
        model=body.model,
        hint=hint,
        timeout=timeout,
        stream=body.stream,
        cache=body.cache,
        own_samples=True,
        ignored=ignored,
    )


def _max_tokens(body: wire.CompletionIn) -> int | None:
    older, newer = body.max_tokens, body.max_completion_tokens
    if older is not None and newer is not None and older != newer:
        raise InvalidRequest.at("max_tokens", "differs from max_completion_tokens, whose older name it is")
    return older if newer is None else newer


def _message(message: wire.MessageIn, at: int) -> Message:
    if isinstance(message, wire.User):
        return UserMessage(content=_parts(message.content, at), name=message.name)
    return to_message(message)


def _parts(content: str | Sequence[wire.PartIn], message: int) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    return tuple(
        Text(text=part.text)
        if isinstance(part, wire.TextPartIn)
        else _media(part, f"messages[{message}].content[{at}]")
        for at, part in enumerate(content)
    )


def _media(part: wire.ImagePartIn | wire.FilePartIn, path: str) -> Media:
    match part:
        case wire.ImagePartIn(image_url=image):
            return image_of(image.url, to_detail(image.detail), f"{path}.image_url.url")
        case wire.FilePartIn(file=file):
            return document_of(file.file_data, file.filename, f"{path}.file.file_data")
        case _:
            assert_never(part)


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
        estimated=True if usage.estimated else UNSET,
    )
