"""Tokens that nobody has counted: likely, for reservations and records; seldom more, for room; and never more."""

from collections.abc import Callable

from msgspec import Struct, json

from .chat import AssistantMessage, ChatRequest, JsonSchemaFormat, Message, Text, ToolMessage
from .embedding import EmbedRequest
from .events import Collector, text_bytes
from .media import Document, Image, ImageUrl
from .once import once_each

TOKENS_PER_MESSAGE = 16
TOKENS_PER_IMAGE = 2_048
BYTES_PER_DOCUMENT_TOKEN = 16
"""Of a PDF, whose pages count a few hundred tokens each and are compressed."""
BYTES_PER_TOKEN = 4
"""Of English text, by the tokenizers in use; of most other languages, fewer characters of more bytes each."""
BYTES_PER_FOREIGN_TOKEN = 3
"""Of what is not ASCII: one Chinese, Japanese or Korean character, or one and a half of Cyrillic or Hebrew."""
BYTES_PER_CODE_TOKEN = 3
"""Of the JSON of tools, their calls, results and schemas, whose punctuation and digits are tokens of their own."""
LIKELY_TOKENS_PER_MESSAGE = 4
"""Of a chat template's marks around a message."""
LIKELY_TOKENS_PER_INPUT = 2
"""Of the marks around a text to embed."""
LIKELY_TOKENS_PER_IMAGE = 1_120
"""At Gemini 3's resolution for images of which none is stated; earlier models take 258 a tile (November 2026)."""


class _Measure(Struct, frozen=True):
    """How each kind of a prompt's parts is counted."""

    text: Callable[[str], int]
    code: Callable[[str], int]
    per_message: int
    per_image: int


@once_each
def estimate_prompt(request: ChatRequest) -> int:
    """UTF-8 bytes, as no tokenizer in use makes more than one token of a byte, and constants for what has no text."""
    return _prompt(request, _MOST)


def ample_prompt(request: ChatRequest) -> int:
    """Tokens that few prompts pass: an upper quantile, where a bound would leave nothing of a small context.

    By SmolLM2's tokenizer, whose vocabulary is a small one: English, code and JSON have 3.2 to 5.1 bytes a token,
    German 2.8, Chinese, Russian and Hindi 1.7 to 2.5, and each digit is one.
    """
    return _prompt(request, _AMPLE)


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


def likely_answer_tokens(answer: Collector) -> int:
    """Of what the model generated until now, by its kinds of content."""
    text, arguments = answer.generated()
    return _likely_text(text) + _likely_code(arguments)


@once_each
def likely_prompt_tokens(request: ChatRequest | EmbedRequest) -> int:
    """Of a prompt or of texts to embed, by the bytes a token that each kind of content has: at least 1."""
    if isinstance(request, ChatRequest):
        return max(1, _prompt(request, _LIKELY))
    return max(1, sum(LIKELY_TOKENS_PER_INPUT + _likely_text(text) for text in request.inputs))


def _likely_text(text: str) -> int:
    size = text_bytes(text)
    ascii_bytes = len(text) if size == len(text) else len(text.encode("ascii", "ignore"))
    return likely_tokens(ascii_bytes) - (ascii_bytes - size) // BYTES_PER_FOREIGN_TOKEN


def _likely_code(text: str) -> int:
    return -(-text_bytes(text) // BYTES_PER_CODE_TOKEN)


_MOST = _Measure(text_bytes, text_bytes, TOKENS_PER_MESSAGE, TOKENS_PER_IMAGE)
_AMPLE = _Measure(ample_tokens, ample_tokens, TOKENS_PER_MESSAGE, TOKENS_PER_IMAGE)
_LIKELY = _Measure(_likely_text, _likely_code, LIKELY_TOKENS_PER_MESSAGE, LIKELY_TOKENS_PER_IMAGE)


def _prompt(request: ChatRequest, measure: _Measure) -> int:
    total = sum(_message(message, measure) for message in request.messages)
    for tool in request.tools:
        total += measure.code(json.encode(tool).decode())
    if isinstance(request.response_format, JsonSchemaFormat):
        total += measure.code(json.encode(request.response_format).decode())
    return total


def _message(message: Message, measure: _Measure) -> int:
    of_text = measure.code if isinstance(message, ToolMessage) else measure.text
    total = measure.per_message + (measure.text(message.name) if message.name else 0)
    for part in message.content:
        match part:
            case Text(text=text):
                total += of_text(text)
            case Document(data=data):
                total += max(measure.per_image, len(data) // BYTES_PER_DOCUMENT_TOKEN)
            case Image() | ImageUrl():
                total += measure.per_image
    if isinstance(message, AssistantMessage):
        total += sum(measure.code(json.encode(call).decode()) for call in message.tool_calls)
        if message.extra_content is not None:
            total += measure.code(json.encode(message.extra_content).decode())
    elif isinstance(message, ToolMessage):
        total += measure.code(message.tool_call_id)
    return total
