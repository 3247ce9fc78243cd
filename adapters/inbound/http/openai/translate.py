"""Between OpenAI's wire types and the domain, one function each way. Pure."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from msgspec import UNSET, ValidationError, convert

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
from llm_gateway.domain.media import PDF, Document, Image, ImageUrl, Media, url_fault
from llm_gateway.domain.routing import Hint

from ..common.chat_calls import call_of, given, request_of, to_detail, to_message
from . import answers, wire
from .fields import TABLE

_DATA_URL = re.compile(
    r"data:(?P<type>(?:image|application)/[A-Za-z0-9.+-]{1,58})(?:;[^,;]{1,64}){0,4};base64,", re.IGNORECASE
)


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
            return _image(image, f"{path}.image_url.url")
        case wire.FilePartIn(file=file):
            kind, data = _data(file.file_data, f"{path}.file.file_data", "a data: URL of a PDF in base64")
            if kind != PDF:
                raise InvalidRequest.at(f"{path}.file.file_data", f"must be {PDF}")
            return Document(data=data, name=file.filename)
        case _:
            assert_never(part)


def _image(image: wire.ImageAddress, path: str) -> Image | ImageUrl:
    """The image within a URL, or its address. None is fetched: that would let a caller send requests from here."""
    if image.url[:5].lower() != "data:":
        fault = url_fault(image.url)
        if fault is not None:
            raise InvalidRequest.at(path, fault)
        return ImageUrl(url=image.url, detail=to_detail(image.detail))
    kind, data = _data(image.url, path, "a data: URL of an image in base64")
    if not kind.startswith("image/"):
        raise InvalidRequest.at(path, "must be an image")
    return Image(data=data, mime_type=kind, detail=to_detail(image.detail))


def _data(url: str, path: str, wanted: str) -> tuple[str, bytes]:
    """The media type and the bytes of a `data:` URL."""
    head = _DATA_URL.match(url)
    if head is None:
        raise InvalidRequest.at(path, f"must be {wanted}")
    try:
        data = convert(url[head.end() :], bytes)  # base64, several times faster than the standard library
    except ValidationError:
        raise InvalidRequest.at(path, "is not valid base64") from None
    if not data:
        raise InvalidRequest.at(path, "holds no data")
    return head["type"].lower(), data


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
