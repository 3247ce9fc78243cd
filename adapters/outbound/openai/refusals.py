"""Refusals and failures of servers of OpenAI's API as data: by status, structured codes, and fragments of their texts.

Sources: the servers' own documents and sources, and reports of what they answer. The first row that fits counts.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import MsgspecError, json

from llm_gateway.application.vendor_signs import ANY, Sign, Told, told
from llm_gateway.domain.errors import FailureReason as R

MODEL: Final = "MODEL"
"""Stands for the model's name in what is said."""
_BAD: Final = (400, 413, 422, 500)
_TOO_LONG: Final = "the prompt does not fit the model's context"
_SAYING: Final = ("message", "msg", "detail", "error", "metadata", "raw")
"""Where servers say in words what is wrong; one may hold another."""
_CODING: Final = ("code", "type", "status")


def _long(*words: str, code: str | None = None) -> Sign:
    return Sign(reason=R.CONTEXT_LENGTH, says=_TOO_LONG, words=words, code=code, statuses=_BAD)


def _field(says: str, *paths: str, words: tuple[str, ...]) -> Sign:
    return Sign(reason=R.STATED_FIELD, says=says, words=words, statuses=_BAD, paths=paths)


SIGNS: Final[tuple[Sign, ...]] = (
    _long(code="context_length_exceeded"),
    _long(code="exceed_context_size_error"),  # llama.cpp
    _long("maximum context length"),  # vLLM, OpenAI, OpenRouter
    _long("exceeds the available context size"),
    _long("exceeds the context length"),
    _long("greater than the context length"),  # LM Studio
    _long("longer than the maximum model length"),  # vLLM, embeddings
    _long("too large for model with", "maximum context"),  # Mistral
    _long("input is too large to process"),  # llama.cpp, embeddings
    Sign(
        reason=R.RATE, says="the account's tokens of a minute are spent", words=("tokens per minute",), statuses=(413,)
    ),
    Sign(reason=R.BILLING, says="the account has no credit", code="insufficient_quota", statuses=(403, 429)),
    Sign(reason=R.UNUSABLE, says="the model's tool call can't be read", code="tool_use_failed"),  # Groq
    Sign(reason=R.UNKNOWN_MODEL, says=f"the server has no model {MODEL}", code="model_not_found", statuses=ANY),
    _field("the server calls no tools for this model", "tools", words=("requires", "--enable-auto-tool-choice")),
    _field("the server calls no tools for this model", "tools", words=("requires", "--jinja")),
    _field("the model calls no tools", "tools", words=("does not support tools",)),
    _field("the server has no such choice of tools", "tool_choice", words=("tool_choice",)),
    _field("the model sees no images", "messages[].content", words=("image input is not supported",)),
    _field("the model sees no images", "messages[].content", words=("is not a multimodal model",)),
    _field("the model sees no images", "messages[].content", words=("does not support image",)),
    Sign(
        reason=R.UNKNOWN_MODEL,
        says="the server makes no embeddings of this model",
        words=("does not support embedding",),
        statuses=(400, 501),
    ),
    _field("the server can't digest this JSON Schema", "response_format", "tools", words=("json schema",)),
    _field("the server can't digest this JSON Schema", "response_format", "tools", words=("grammar",)),
    _field("the server can't digest this JSON Schema", "response_format", "tools", words=("json_schema",)),
    _field("the server has no such form of answers", "response_format", words=("response_format",)),
    _field("the model does not reason that way", "reasoning_effort", words=("reasoning_effort",)),
    Sign(reason=R.CREDENTIALS, says="the server refuses access", statuses=(401, 403)),
    Sign(reason=R.BILLING, says="the account has no credit", statuses=(402,)),
    Sign(reason=R.UNKNOWN_MODEL, says=f"the server has no model {MODEL}, or not this address", statuses=(404, 405)),
    Sign(reason=R.TIMEOUT, says="no answer in time", statuses=(408, 504)),
    Sign(reason=R.GONE, says="what was asked for is gone there", statuses=(410,)),
    Sign(reason=R.RATE, says="the server asks to wait", statuses=(429,)),
    Sign(reason=R.CAPACITY, says="the server has no capacity left", statuses=(498, 529)),
    Sign(reason=R.CANCELLED, says="the request was cancelled there", statuses=(499,)),
    Sign(reason=R.CAPACITY, says="the server is still loading the model", words=("loading model",), statuses=(503,)),
    Sign(reason=R.SERVER, says="the server failed", statuses=range(500, 600)),
    Sign(reason=R.REQUEST, says="the server refuses the request", statuses=ANY),
)


class FaultInAnswer(Exception):
    """The server reports an error inside an answer. Its text is not kept: it may quote the prompt."""

    def __init__(self, what: Told | None) -> None:
        super().__init__("an error inside an answer")
        self.what = what


def told_by(status: int, body: bytes) -> tuple[Told | None, str | None]:
    """What a refusal's body tells, and the field that it names. A proxy's page tells nothing beside its status."""
    try:
        said = json.decode(body)
    except (MsgspecError, UnicodeError, RecursionError):
        said = None
    return told(SIGNS, status, " ".join(_words(said)), _codes(said)), _named(said)


def told_within(error: object) -> Told | None:
    """What an error inside an answer tells; its `code` may be the status that it would have had."""
    status = error.get("code") if isinstance(error, dict) else None
    known = status if isinstance(status, int) and 400 <= status < 600 else None
    return told(SIGNS, known, " ".join(_words(error)), _codes(error))


def _words(said: Any, depth: int = 4) -> Iterator[str]:
    match said:
        case str():
            yield said
        case dict() if depth:
            for name in _SAYING:
                if name in said:
                    yield from _words(said[name], depth - 1)
        case list() if depth:
            for one in said[:8]:
                yield from _words(one, depth - 1)


def _codes(said: Any) -> frozenset[str]:
    inner = said.get("error", said) if isinstance(said, dict) else None
    if not isinstance(inner, dict):
        return frozenset()
    return frozenset(value for name in _CODING if isinstance(value := inner.get(name), str))


def _named(said: Any) -> str | None:
    match said:
        case {"error": {"param": str(param)}}:
            return param
    return None
