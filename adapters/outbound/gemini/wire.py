"""What Gemini sends, as far as it is used here: of its REST reference, with other fields passed over."""

import json
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from ..vendor_http.errors import Malformed

_T = TypeVar("_T")


class WireCall(Struct, rename="camel"):
    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None


class WirePart(Struct, rename="camel"):
    """Holds one kind of content. The kinds from `inline_data` on are read to be refused.

    Of a kind that is none of these, nothing is set.
    """

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: WireCall | None = None
    inline_data: Any = None
    file_data: Any = None
    executable_code: Any = None
    code_execution_result: Any = None
    function_response: Any = None
    tool_call: Any = None
    tool_response: Any = None
    audio_transcription: Any = None


class Content(Struct, rename="camel"):
    parts: list[WirePart] | None = None


class Candidate(Struct, rename="camel"):
    content: Content | None = None
    finish_reason: str | None = None
    continuation_token: str | None = None


class PromptFeedback(Struct, rename="camel"):
    block_reason: str | None = None


class UsageMetadata(Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None


class GenerateContentResponse(Struct, rename="camel"):
    """An answer, or a chunk of one. `error` is there where a stream fails after its 200."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


class CountTokensResponse(Struct, rename="camel"):
    total_tokens: int | None = None


class ContentEmbedding(Struct, rename="camel"):
    values: list[float] | None = None


class EmbedContentResponse(Struct, rename="camel"):
    """The answer to a batch."""

    embeddings: list[ContentEmbedding] | None = None
    usage_metadata: UsageMetadata | None = None


class Model(Struct, rename="camel"):
    """One of the vendor's list."""

    name: str | None = None
    supported_generation_methods: list[str] | None = None
    input_token_limit: int | None = None
    output_token_limit: int | None = None


class ModelPage(Struct, rename="camel"):
    models: list[Model] | None = None
    next_page_token: str | None = None


# Not strict: numbers may be texts, as the vendor's protocol allows, and as servers like it write them.
ANSWERS: Final = msgspec.json.Decoder(GenerateContentResponse, strict=False)
COUNTS: Final = msgspec.json.Decoder(CountTokensResponse, strict=False)
EMBEDDINGS: Final = msgspec.json.Decoder(EmbedContentResponse, strict=False)
PAGES: Final = msgspec.json.Decoder(ModelPage, strict=False)


def read(decoder: msgspec.json.Decoder[_T], text: bytes) -> _T:
    """Raises `Malformed`."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise Malformed from None
    except (ValueError, RecursionError):
        return _leniently(decoder, text)


def _leniently(decoder: msgspec.json.Decoder[_T], text: bytes) -> _T:
    """What only Python's own reader takes, such as halves of surrogate pairs: what they mean is found further in."""
    try:
        return msgspec.convert(json.loads(text), decoder.type, strict=False)
    except (ValueError, RecursionError):
        raise Malformed from None
