"""Estimates of the tokens that a prompt costs, before anyone has counted: never passed, and seldom passed."""

from collections.abc import Callable

from msgspec import json

from .chat import AssistantMessage, ChatRequest, Image, JsonSchemaFormat, Message, ToolMessage
from .embedding import EmbedRequest
from .events import text_bytes

TOKENS_PER_MESSAGE = 16
TOKENS_PER_IMAGE = 2_048


def estimate_prompt(request: ChatRequest) -> int:
    """UTF-8 bytes, as no tokenizer in use makes more than one token of a byte, and constants for what has no text."""
    return _prompt(request, text_bytes)


def likely_prompt(request: ChatRequest) -> int:
    """Tokens that few prompts pass: an upper quantile, where a bound would leave nothing of a small context.

    By SmolLM2's tokenizer, whose vocabulary is a small one: English, code and JSON have 3.2 to 5.1 bytes a token,
    German 2.8, Chinese, Russian and Hindi 1.7 to 2.5, and each digit is one.
    """
    return _prompt(request, likely_tokens)


def likely_tokens(text: str) -> int:
    """Two fifths of the ASCII characters, three fifths of the bytes of others, and every digit."""
    size = text_bytes(text)
    ascii_bytes = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    digits = sum(map(text.count, "0123456789"))
    return -(-(2 * (ascii_bytes - digits) + 3 * (size - ascii_bytes) + 5 * digits) // 5)


def estimate_inputs(request: EmbedRequest) -> int:
    """As for a prompt: each input counts as a message."""
    return sum(TOKENS_PER_MESSAGE + text_bytes(text) for text in request.inputs)


def _prompt(request: ChatRequest, measure: Callable[[str], int]) -> int:
    total = sum(_message(message, measure) for message in request.messages)
    for tool in request.tools:
        total += measure(json.encode(tool).decode())
    if isinstance(request.response_format, JsonSchemaFormat):
        total += measure(json.encode(request.response_format).decode())
    return total


def _message(message: Message, measure: Callable[[str], int]) -> int:
    total = TOKENS_PER_MESSAGE + measure(message.name or "")
    for part in message.content:
        total += TOKENS_PER_IMAGE if isinstance(part, Image) else measure(part.text)
    if isinstance(message, AssistantMessage):
        total += sum(measure(json.encode(call).decode()) for call in message.tool_calls)
        if message.extra_content is not None:
            total += measure(json.encode(message.extra_content).decode())
    elif isinstance(message, ToolMessage):
        total += measure(message.tool_call_id)
    return total
