"""What is read of a request before any handler acts: key, hint, timeout and body, each within bounds."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeAlias, TypeVar

from litestar.types import Receive
from msgspec import DecodeError, Struct, ValidationError, json

from llm_gateway.domain.errors import InvalidRequest, Overloaded
from llm_gateway.domain.routing import Hint

from .faults import fault_of
from .json_text import check_names, not_decoded
from .problems import RequestTimeout, TooLarge, UnsupportedMediaType

T = TypeVar("T")
Fields: TypeAlias = Mapping[bytes, Sequence[bytes]]
"""A request's header fields: every value of each name, which is in lower case."""

TIMEOUT = b"x-gateway-timeout"
_HINT = b"x-gateway-hint"
_CACHE_CONTROL = b"cache-control"
CAME = "llm_gateway.came"
"""Under `state` of a scope stands when its request's head came, in seconds of `time.monotonic`."""
MAX_KEY_BYTES = 4096
_KEY_FIELDS = (b"x-api-key", b"x-goog-api-key", b"api-key")
BYTES_A_SECOND = 100_000
"""Of a body: slower ones are given up, after a time that any has."""
_NUMBER = re.compile(rb"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_ABSENT = (b"",)
_JSON = b"application/json"
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


class ClientLeft(asyncio.CancelledError):
    """The client is gone: nothing that is answered would be read."""


class Bodies(Struct):
    """The bytes of all bodies under way, which are `most` at most.

    They count as they come, so that a client that announces a large body takes no room by that alone. What is read of
    a body lives on in what it asks for, so it counts until its request ends.
    """

    most: int
    held: int = 0


class Share(Struct):
    """How many of these bytes one request holds, until it releases them."""

    bodies: Bodies
    size: int = 0

    def check(self, size: int) -> None:
        """Raises `Overloaded` where so many bytes more would be too many now."""
        if self.bodies.held + size > self.bodies.most:
            raise Overloaded

    def take(self, size: int) -> None:
        """Raises `Overloaded`, and takes none."""
        held = self.bodies.held + size
        if held > self.bodies.most:
            raise Overloaded
        self.bodies.held = held
        self.size += size

    def release(self) -> None:
        self.bodies.held -= self.size
        self.size = 0


def api_keys(fields: Fields) -> Sequence[str]:
    """What may be the key, each once: every `X-API-Key`, and every `Authorization: Bearer`; and by the names that
    Google's and Azure's clients give it.

    What can be no key of ours is left out: other schemes' credentials, nothing, and more than `MAX_KEY_BYTES`.
    """
    found = [value.strip() for name in _KEY_FIELDS if name in fields for value in fields[name]]
    for value in fields.get(b"authorization", ()):
        scheme, _, credentials = value.partition(b" ")
        if scheme.lower() == b"bearer":
            found.append(credentials.strip())
    different = found if len(found) == 1 else dict.fromkeys(found)
    return [key.decode("utf-8", "surrogateescape") for key in different if 0 < len(key) <= MAX_KEY_BYTES]


def says_of_calls(fields: Fields) -> bool:
    """Whether the head says anything of the call, beside who asks and how the body is sent."""
    return TIMEOUT in fields or _HINT in fields or _CACHE_CONTROL in fields


def hint_of(fields: Fields, stated: Hint | None) -> Hint | None:
    """The body's hint and the header's as one: `secure` wins, and others must not differ."""
    values = fields.get(_HINT)
    if values is None:
        return stated
    hints = set() if stated is None else {stated}
    for value in values:
        try:
            hints.add(Hint(value.decode("latin-1").strip()))
        except ValueError:
            raise InvalidRequest.at("X-Gateway-Hint", f"must be one of {', '.join(Hint)}") from None
    if Hint.SECURE in hints:
        return Hint.SECURE
    if len(hints) > 1:
        raise InvalidRequest.at("X-Gateway-Hint", "differs from model_hint, or stands there twice")
    return hints.pop() if hints else None


def timeout_of(fields: Fields) -> timedelta | None:
    """The request's own timeout. Raises `InvalidRequest` for anything but seconds within bounds, once."""
    values = fields.get(TIMEOUT)
    if not values:
        return None
    seconds = float(values[0]) if len(values) == 1 and _NUMBER.fullmatch(values[0]) else 0.0
    if not 0.001 <= seconds <= 86_400:
        raise InvalidRequest.at("X-Gateway-Timeout", "must be seconds, from 0.001 to 86400")
    return timedelta(seconds=seconds)


def time_left(timeout: timedelta, came: float) -> timedelta:
    """Of a request's own timeout, which began when its bytes `came`. Raises `RequestTimeout` where none is."""
    left = timeout - timedelta(seconds=time.monotonic() - came)
    if left <= timedelta(0):
        raise RequestTimeout("The time that X-Gateway-Timeout gives was over before this request could be begun.")
    return left


def keeps_nothing(fields: Fields) -> bool:
    """Whether `Cache-Control` has `no-store` (RFC 9111, section 5.2.1.5). What stands within quotes is no directive."""
    values = fields.get(_CACHE_CONTROL)
    return values is not None and any(
        _directive_name(part) == b"no-store" for value in values for part in _QUOTED.sub(b"", value).split(b",")
    )


def _directive_name(part: bytes) -> bytes:
    return part.partition(b"=")[0].strip().lower()


async def read_body(
    fields: Fields,
    receive: Receive,
    share: Share,
    *,
    max_bytes: int,
    seconds: float,
    sent: Callable[[], bytes] | None = None,
    any_type: bool = False,
) -> bytes:
    """The whole body, which `share` holds from then on. It has so many seconds, and more by `BYTES_A_SECOND`.

    Where it was `sent` already, that gives it, and nothing is waited for; with `any_type` it need not say that it is
    JSON. Raises `UnsupportedMediaType`, `InvalidRequest`, `TooLarge`, `Overloaded`, `RequestTimeout` or `ClientLeft`.
    """
    media_type = fields.get(b"content-type", _ABSENT)[0]
    if media_type != _JSON and not any_type and media_type.partition(b";")[0].strip().lower() != _JSON:
        raise UnsupportedMediaType("The body must be JSON, sent as application/json.")
    transfer = fields.get(b"transfer-encoding")
    if transfer is not None and [coding.strip().lower() for coding in transfer] != [b"chunked"]:
        raise InvalidRequest.at("Transfer-Encoding", "must be chunked alone")
    announced = int(fields.get(b"content-length", _ABSENT)[0] or 0)
    if announced > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes.")
    if sent is not None:
        data = sent()
        if len(data) > max_bytes:
            raise TooLarge(f"The body is larger than {max_bytes} bytes.")
        share.take(len(data))
        return data
    share.check(announced)
    try:
        async with asyncio.timeout(seconds) as limit:
            ends = limit.when() or 0.0
            return await _parts(receive, share, max_bytes, lambda size: limit.reschedule(ends + size / BYTES_A_SECOND))
    except TimeoutError as error:
        raise RequestTimeout(f"The body did not arrive within {seconds:g} seconds, or in time for its size.") from error


async def _parts(receive: Receive, share: Share, max_bytes: int, came: Callable[[int], object] | None = None) -> bytes:
    """Up to the last. `came` is told how many bytes came so far."""
    parts: list[bytes] = []
    size = 0
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
        if not message.get("more_body", False):
            return b"".join(parts)
        if came is not None:
            came(size)


def decode(decoder: "json.Decoder[T]", body: bytes) -> T:
    """The body as the decoder's type. Raises `InvalidRequest` with the path of the fault."""
    try:
        decoded = decoder.decode(body)
    except ValidationError as error:
        raise fault_of(error, decoder.type, body) from None  # its message may quote the value
    except UnicodeDecodeError:
        raise InvalidRequest.at("", "the body is not valid UTF-8") from None
    except RecursionError:
        raise InvalidRequest.at("", "the body is nested too deeply") from None
    except DecodeError:
        raise not_decoded(body) from None
    check_names(body)
    return decoded
