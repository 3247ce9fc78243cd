"""Tokens that nobody has counted: at most, for reserving them before a call; and likely, where none comes after it."""

from msgspec import json

from .chat import AssistantMessage, ChatRequest, JsonSchemaFormat, Message, Text, ToolMessage
from .embedding import EmbedRequest
from .events import text_bytes
from .media import Document, Image, ImageUrl

TOKENS_PER_MESSAGE = 16
TOKENS_PER_IMAGE = 2_048
BYTES_PER_DOCUMENT_TOKEN = 16
"""Of a PDF, whose pages count a few hundred tokens each and are compressed."""
BYTES_PER_TOKEN = 4
"""Of English text, by the tokenizers in use; of most other languages, fewer characters of more bytes each."""


def estimate_prompt(request: ChatRequest) -> int:
    """UTF-8 bytes, as no tokenizer in use makes more than one token of a byte, and constants for what has no text."""
    total = sum(_message(message) for message in request.messages)
    for tool in request.tools:
        total += len(json.encode(tool))
    if isinstance(request.response_format, JsonSchemaFormat):
        total += len(json.encode(request.response_format))
    return total


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


def _message(message: Message) -> int:
    total = TOKENS_PER_MESSAGE + text_bytes(message.name or "")
    for part in message.content:
        match part:
            case Text(text=text):
                total += text_bytes(text)
            case Document(data=data):
                total += max(TOKENS_PER_IMAGE, len(data) // BYTES_PER_DOCUMENT_TOKEN)
            case Image() | ImageUrl():
                total += TOKENS_PER_IMAGE
    if isinstance(message, AssistantMessage):
        total += sum(len(json.encode(call)) for call in message.tool_calls)
        if message.extra_content is not None:
            total += len(json.encode(message.extra_content))
    elif isinstance(message, ToolMessage):
        total += text_bytes(message.tool_call_id)
    return total
