"""What a provider wants back unchanged, such as Gemini's thought signature, as one opaque text. Pure.

Families whose clients keep no field of ours have one for opaque reasoning, in which this travels: `encrypted_content`
of Responses, `signature` and `data` of Messages.
"""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping
from typing import Any, Final

from msgspec import DecodeError, ValidationError, json

from llm_gateway.domain.errors import InvalidRequest

PREFIX: Final = "gw1."
MAX_CARRIER: Final = 1 << 20
"""In characters."""
_encode = json.Encoder().encode
_decoder = json.Decoder(dict[str, Any])


def carrier_of(extra_content: Mapping[str, object]) -> str:
    """`extra_content` as a text that `carried` reads."""
    return PREFIX + urlsafe_b64encode(_encode(dict(extra_content))).rstrip(b"=").decode()


def carried(text: str, path: str) -> dict[str, Any] | None:
    """The `extra_content` of a carrier, None for what another gateway or vendor gave.

    Raises `InvalidRequest` at `path` for a carrier of ours that can't be read, or is longer than `MAX_CARRIER`.
    """
    if not text.startswith(PREFIX):
        return None
    if len(text) > MAX_CARRIER:
        raise InvalidRequest.at(path, f"is longer than {MAX_CARRIER} characters")
    try:
        data = text[len(PREFIX) :].encode("ascii")
        return _decoder.decode(b64decode(data + b"=" * (-len(data) % 4), b"-_", validate=True))
    except (UnicodeError, Error, DecodeError, ValidationError, RecursionError):
        raise InvalidRequest.at(path, "is not what this gateway gave: it must be sent back unchanged") from None
