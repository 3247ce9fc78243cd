"""Of the answers in OpenAI's form the fields that are used, read from JSON. Every other is skipped."""

from typing import Any, Final

from msgspec import Raw, Struct, json

NOTHING: Final = Raw()


class PartFunction(Struct, frozen=True, gc=False):
    """`arguments` are JSON text, and at some servers the object itself."""

    name: str | None = None
    arguments: Raw = NOTHING


class PartCall(Struct, frozen=True, gc=False):
    function: PartFunction = PartFunction()
    index: int | None = None
    id: str | None = None


class Piece(Struct, frozen=True, gc=False):
    """Of a content that is a list, as Mistral's reasoning models write it."""

    text: str | None = None
    thinking: "tuple[Piece, ...] | str | None" = None


class Said(Struct, frozen=True, gc=False):
    """A message, or what is added to one."""

    content: str | tuple[Piece, ...] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: tuple[Any, ...] | None = None
    tool_calls: tuple[PartCall, ...] | None = None


class WireToken(Struct, frozen=True, gc=False):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None


class WireLogprob(WireToken, frozen=True, gc=False):
    """A token that the model chose."""

    top_logprobs: tuple[WireToken, ...] | None = None


class WireLogprobs(Struct, frozen=True, gc=False):
    content: tuple[WireLogprob, ...] | None = None


class AnswerChoice(Struct, frozen=True, gc=False):
    """Of a stream a `delta`, of a whole answer a `message`."""

    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    logprobs: WireLogprobs | None = None


class TokenDetails(Struct, frozen=True, gc=False):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class WireUsage(Struct, frozen=True, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None
    prompt_cache_hit_tokens: int | None = None


class BesideUsage(Struct, frozen=True, gc=False):
    usage: WireUsage | None = None


class AnswerPart(Struct, frozen=True, gc=False):
    """A whole answer, or an event of a stream. An error may stand in the place of either."""

    choices: tuple[AnswerChoice, ...] | None = None
    usage: WireUsage | None = None
    model: str | None = None
    error: Any = None
    object: str | None = None
    x_groq: BesideUsage | None = None


class TextVector(Struct, frozen=True, gc=False):
    embedding: tuple[float, ...]
    index: int | None = None


class TextVectors(Struct, frozen=True, gc=False):
    data: tuple[TextVector, ...] | None = None
    model: str | None = None
    usage: WireUsage | None = None
    error: Any = None


class OfferedModel(Struct, frozen=True, gc=False):
    """What servers' lists say of a model, each under its own names (vLLM, OpenRouter, Mistral, Groq, llama.cpp).

    Of any type: what one server says of one model must not hide all the others.
    """

    id: Any = None
    max_model_len: Any = None
    context_length: Any = None
    max_context_length: Any = None
    context_window: Any = None
    meta: Any = None
    capabilities: Any = None
    architecture: Any = None
    supported_parameters: Any = None


class OfferedModels(Struct, frozen=True, gc=False):
    data: tuple[OfferedModel, ...] | None


answer_part: Final = json.Decoder(AnswerPart)
text_vectors: Final = json.Decoder(TextVectors)
_offered: Final = json.Decoder(OfferedModels | tuple[OfferedModel, ...])  # Together leaves the frame out
_text: Final = json.Decoder(str)


def offered_in(told: bytes) -> tuple[OfferedModel, ...]:
    listed = _offered.decode(told)
    return listed if isinstance(listed, tuple) else listed.data or ()


def arguments_of(call: PartCall) -> str:
    """As text, whether they came so or as an object. Raises `ValueError` for neither."""
    written = bytes(call.function.arguments).strip()
    if written.startswith(b'"'):
        return _text.decode(written)
    return "" if written in (b"", b"null") else written.decode()
