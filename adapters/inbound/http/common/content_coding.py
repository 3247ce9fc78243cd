"""Bodies that a client compressed: which codings are taken, and what they hold, within a bound."""

import zlib
from typing import Final

from llm_gateway.domain.errors import InvalidRequest

from .problems import TooLarge, UnsupportedCoding
from .requests import Fields

_ZLIB, _GZIP = zlib.MAX_WBITS, 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
"""What some clients send as deflate (RFC 9110, section 8.4.1.2)."""
_CODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


def coding_of(fields: Fields) -> str | None:
    """How the body is compressed, None where it is not. Raises `UnsupportedCoding`."""
    values = fields.get(b"content-encoding")
    if values is None:
        return None
    stated = [token.strip().lower() for token in b",".join(values).decode("latin-1").split(",")]
    codings = [coding for coding in stated if coding not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _CODINGS:
        raise UnsupportedCoding("Content-Encoding may be gzip or deflate, once.")
    return codings[0]


def decompressed(data: bytes, coding: str, most: int) -> bytes:
    """At most so many bytes. Pure.

    Raises `TooLarge`, and `InvalidRequest` where the data are cut, go on, or are of no such coding.
    """
    window = _CODINGS[coding]
    if window == _ZLIB and not _has_header(data):
        window = _RAW
    unpacking = zlib.decompressobj(window)
    try:
        body = unpacking.decompress(data, most + 1)
    except zlib.error:
        raise InvalidRequest.at("", f"the body is not {coding}, as Content-Encoding says") from None
    if len(body) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    if not unpacking.eof:
        raise InvalidRequest.at("", f"the body ends before its {coding} does")
    if unpacking.unused_data:
        raise InvalidRequest.at("", f"the body goes on behind the end of its {coding}")
    return body


def _has_header(data: bytes) -> bool:
    """Of zlib (RFC 1950)."""
    return len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
