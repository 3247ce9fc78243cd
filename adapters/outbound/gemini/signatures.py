"""Thought signatures as `extra_content` carries them: opaque to us and to the client, sent back byte by byte."""

from base64 import b64decode, b64encode
from typing import Final

from llm_gateway.domain.chat import JsonObject

_STANDARD: Final = str.maketrans("-_", "+/")

UNSIGNED: Final = b"skip_thought_signature_validator"
"""What the vendor documents for a call whose signature there is none of, because another model made it or a client lost
it: without any, Gemini 3 refuses the request. (ai.google.dev/gemini-api/docs/thought-signatures, FAQ.)
"""


def received(text: str) -> bytes:
    """The bytes of what the vendor sends, in either alphabet, with or without its end. Raises `ValueError`."""
    return b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)


def carried(signature: bytes | None) -> JsonObject | None:
    """What goes out to the client, in the shape of the vendor's own OpenAI-compatible API."""
    return {"google": {"thought_signature": b64encode(signature).decode()}} if signature else None


def returned(extra_content: JsonObject | None) -> tuple[bool, bytes | None]:
    """Whether the client gave one back, and its bytes where it is base64, in either alphabet."""
    match extra_content:
        case {"google": {"thought_signature": str(text)}}:
            try:
                return True, b64decode(text.translate(_STANDARD), validate=True)
            except ValueError:
                return True, None
        case {"google": {"thought_signature": _}}:
            return True, None
    return False, None
