"""What is read of a request before any handler acts: its id, its key, its body, each within bounds."""

import asyncio
import re
from typing import TypeVar

from litestar.types import Receive, Scope
from msgspec import DecodeError, ValidationError, inspect, json

from llm_gateway.domain.errors import InvalidRequest, Unauthenticated

from .bodies import Share
from .choices import choices
from .problems import RequestTimeout, TooLarge, UnsupportedMediaType

T = TypeVar("T")

MAX_KEY_BYTES = 4096
BYTES_A_SECOND = 100_000
"""Of a body: slower ones are given up, after a time that any has."""
MAX_PATH = 256
"""Of a fault: a field's name is the client's, and may be as long as the body."""
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_FAULT = re.compile(r"(?P<message>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?", re.DOTALL)
_QUOTING = re.compile(r"Invalid (?:enum )?value(?= )")
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<field>[^`]*)`")


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this lower-case name."""
    return next((value for key, value in scope["headers"] if key == name), None)


def headers(scope: Scope, name: bytes) -> list[bytes]:
    """Every header of this lower-case name."""
    return [value for key, value in scope["headers"] if key == name]


def request_id(scope: Scope) -> str | None:
    """The client's own id for this request, where it is sane."""
    value = header(scope, b"x-request-id")
    text = value.decode("latin-1") if value else ""
    return text if _SANE_ID.fullmatch(text) else None


def text_headers(scope: Scope) -> dict[str, str]:
    """All headers, in lower case, as the observer is given them."""
    return {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}


def api_key(scope: Scope) -> str | None:
    """The key of `X-API-Key` or `Authorization: Bearer`. Raises `Unauthenticated` where credentials differ."""
    keys = set()
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            keys.add(value.strip())
        elif name == b"authorization":
            scheme, _, credentials = value.partition(b" ")
            keys.add(credentials.strip() if scheme.lower() == b"bearer" else b"")
    if not keys:
        return None
    key = keys.pop()
    if keys or len(key) > MAX_KEY_BYTES:
        raise Unauthenticated
    return key.decode("utf-8", "surrogateescape")


async def read_body(scope: Scope, receive: Receive, share: Share, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body, which `share` holds from then on. It has so many seconds, and more by `BYTES_A_SECOND`.

    Raises `UnsupportedMediaType`, `TooLarge`, `Overloaded` or `RequestTimeout`; `ClientLeft` if nobody waits.
    """
    media_type = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise UnsupportedMediaType("The body must be JSON, sent as application/json.")
    length = header(scope, b"content-length")
    if length is not None and int(length) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes.")
    share.check(int(length or 0))
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds) as limit:
            ends = limit.when() or 0.0
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientLeft
                part = message.get("body", b"")
                size += len(part)
                if size > max_bytes:
                    raise TooLarge(f"The body is larger than {max_bytes} bytes.")
                share.take(len(part))
                parts.append(part)
                limit.reschedule(ends + size / BYTES_A_SECOND)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        raise RequestTimeout(f"The body did not arrive within {seconds:g} seconds, or in time for its size.") from error


class ClientLeft(asyncio.CancelledError):
    """The client is gone: whatever is answered, nobody reads it."""


def decode(decoder: "json.Decoder[T]", body: bytes) -> T:
    """The body as the decoder's type. Raises `InvalidRequest` with the path of the fault."""
    try:
        return decoder.decode(body)
    except ValidationError as error:
        raise _fault(str(error), decoder.type) from None  # its message may quote the value
    except UnicodeDecodeError:
        raise InvalidRequest.at("", "the body is not valid UTF-8") from None
    except RecursionError:
        raise InvalidRequest.at("", "the body is nested too deeply") from None
    except DecodeError:
        raise InvalidRequest.at("", "the body is not valid JSON") from None


def _fault(text: str, kind: object) -> InvalidRequest:
    """msgspec's own words, as a path and a message that says what may stand there and never what did."""
    parts = _FAULT.fullmatch(text)
    message = parts["message"] if parts else "the body is not what is expected here"
    path = (parts["path"] or "").removeprefix(".")[:MAX_PATH] if parts else ""
    field = _FIELD.match(message)
    quoting = _QUOTING.match(message)
    if quoting:
        words = choices(inspect.type_info(kind), path)
        message = f"must be {'one of ' if len(words) > 1 else ''}{', '.join(words)}" if words else quoting[0]
    elif field:
        path = f"{path}.{field['field'][:MAX_PATH]}".removeprefix(".")
        message = "is not a field here" if "unknown" in message else "is required"
    return InvalidRequest.at(path, message)
