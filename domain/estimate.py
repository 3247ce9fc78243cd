"""Tokens that nobody has counted: never more, for reservations; seldom more, for room; and likely, for a record."""

from collections.abc import Callable

from msgspec import json

from .chat import AssistantMessage, ChatRequest, JsonSchemaFormat, Message, Text, ToolMessage
from .embedding import EmbedRequest
from .events import text_bytes
from .media import Document, Image, ImageUrl
from .once import once_each

TOKENS_PER_MESSAGE = 16
TOKENS_PER_IMAGE = 2_048
BYTES_PER_DOCUMENT_TOKEN = 16
"""Of a PDF, whose pages count a few hundred tokens each and are compressed."""
BYTES_PER_TOKEN = 4
"""Of English text, by the tokenizers in use; of most other languages, fewer characters of more bytes each."""


@once_each
def estimate_prompt(request: ChatRequest) -> int:
    """UTF-8 bytes, as no tokenizer in use makes more than one token of a byte, and constants for what has no text."""
    return _prompt(request, text_bytes)


def ample_prompt(request: ChatRequest) -> int:
    """Tokens that few prompts pass: an upper quantile, where a bound would leave nothing of a small context.

    By SmolLM2's tokenizer, whose vocabulary is a small one: English, code and JSON have 3.2 to 5.1 bytes a token,
    German 2.8, Chinese, Russian and Hindi 1.7 to 2.5, and each digit is one.
    """
    return _prompt(request, ample_tokens)


def ample_tokens(text: str) -> int:
    """Two fifths of the ASCII characters, three fifths of the bytes of others, and every digit."""
    size = text_bytes(text)
    ascii_bytes = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    digits = sum(map(text.count, "0123456789"))
    return -(-(2 * (ascii_bytes - digits) + 3 * (size - ascii_bytes) + 5 * digits) // 5)


def estimate_inputs(request: EmbedRequest) -> int:
    """As for a prompt: each input counts as a message."""
    return sum(TOKENS_PER_MESSAGE + text_bytes(text) for text in request.inputs)


def likely_tokens(size: int) -> int:
    """Of so many bytes of text in UTF-8."""
    return -(-size // BYTES_PER_TOKEN)


def likely_prompt_tokens(request: ChatRequest | EmbedRequest) -> int:
    """Of a prompt or of texts to embed: at least 1."""
    most = estimate_prompt(request) if isinstance(request, ChatRequest) else estimate_inputs(request)
    return max(1, likely_tokens(most))


def _prompt(request: ChatRequest, measure: Callable[[str], int]) -> int:
    total = sum(_message(message, measure) for message in request.messages)
    for tool in request.tools:
        total += measure(json.encode(tool).decode())
    if isinstance(request.response_format, JsonSchemaFormat):
        total += measure(json.encode(request.response_format).decode())
    return total


def _message(message: Message, measure: Callable[[str], int]) -> int:
    total = TOKENS_PER_MESSAGE + (measure(message.name) if message.name else 0)
    for part in message.content:
        match part:
            case Text(text=text):
                total += measure(text)
            case Document(data=data):
                total += max(TOKENS_PER_IMAGE, len(data) // BYTES_PER_DOCUMENT_TOKEN)
            case Image() | ImageUrl():
                total += TOKENS_PER_IMAGE
    if isinstance(message, AssistantMessage):
        total += sum(measure(json.encode(call).decode()) for call in message.tool_calls)
        if message.extra_content is not None:
            total += measure(json.encode(message.extra_content).decode())
    elif isinstance(message, ToolMessage):
        total += measure(message.tool_call_id)
    return total
