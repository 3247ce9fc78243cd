"""Of the vendor's answers the fields that are used (ollama's api/types.go), read from JSON. Every other is skipped."""

import json as slow_json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw, Struct, convert, json


class Function(Struct, frozen=True, gc=False):
    """`arguments` as the server wrote them."""

    name: str
    arguments: Raw


class PartToolCall(Struct, frozen=True, gc=False):
    function: Function
    id: str | None = None


class PartMessage(Struct, frozen=True, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: tuple[PartToolCall, ...] | None = None


class PartToken(Struct, frozen=True, gc=False):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None


class PartLogprob(PartToken, frozen=True, gc=False):
    """A token that the model chose."""

    top_logprobs: tuple[PartToken, ...] | None = None


class ChatPart(Struct, frozen=True, gc=False):
    """A whole answer, or a line of a stream. The last line may come without a message, or be an `error` alone."""

    message: PartMessage = PartMessage()
    done: bool | None = None
    done_reason: str | None = None
    model: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    logprobs: tuple[PartLogprob, ...] | None = None
    remote_host: str | None = None
    error: str | None = None


class Vectors(Struct, frozen=True, gc=False):
    """One vector for each text."""

    embeddings: tuple[tuple[float, ...], ...]
    model: str | None = None
    prompt_eval_count: int | None = None
    remote_host: str | None = None


class Details(Struct, frozen=True, gc=False):
    family: str | None = None


class Shown(Struct, frozen=True, gc=False):
    """What the server tells of a model."""

    details: Details | None = None
    capabilities: tuple[str, ...] | None = None
    parameters: str | None = None
    model_info: Mapping[str, Any] | None = None
    remote_host: str | None = None


class Listed(Struct, frozen=True, gc=False):
    """A model that the server has; `context_length` is told of a loaded one."""

    model: str | None = None
    name: str | None = None
    digest: str | None = None
    context_length: int | None = None


class Models(Struct, frozen=True, gc=False):
    """The models that the server has, or those that are loaded."""

    models: tuple[Listed, ...]


class About(Struct, frozen=True, gc=False):
    """What the server tells of itself."""

    version: str | None = None


chat_part: Final = json.Decoder(ChatPart)
vectors: Final = json.Decoder(Vectors)
shown: Final = json.Decoder(Shown)
about: Final = json.Decoder(About)


def models(told: bytes | str) -> Models:
    """One that is named with half a character, as JSON can spell it, hides none of the others."""
    return convert(slow_json.loads(told), Models)


_object: Final = json.Decoder(dict[str, Any])


def arguments_of(call: PartToolCall) -> str:
    """As JSON without spaces, numbers to the digit, characters in place of their escapes.

    Raises `ValueError` for what is no object, and for half a character, which no answer of ours could be made of.
    """
    written = bytes(call.function.arguments)
    arguments = _object.decode(written)
    if b"\\u" in written:
        return slow_json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return json.format(written, indent=-1).decode()
