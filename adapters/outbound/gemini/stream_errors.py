"""The errors that a stream holds after its 200: in an event, or bare among the events."""

from collections.abc import Mapping
from typing import Final

from ..vendor_http.errors import HttpRefusal, Malformed
from .wire import ANSWERS, GenerateContentResponse, read

CODES: Final[Mapping[object, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status of each name of `google.rpc.Code`, as the vendor's own mapping has it: a stream may give the name
alone.
"""


def chunk_of(event: bytes) -> GenerateContentResponse:
    """An event of a stream. Raises `Malformed`, and `HttpRefusal` for an error, alone or in a list of one."""
    listed = event.startswith(b"[")
    if listed:
        event = event.strip()[1:-1]
    chunk = read(ANSWERS, event)
    if chunk.error is not None:
        raise HttpRefusal(_status(chunk.error), None, event)
    if listed:
        raise Malformed
    return chunk


def _status(error: object) -> int:
    """0 where it tells none, which means nothing."""
    match error:
        case {"code": int(code)} if 400 <= code <= 599:
            return code
        case {"status": str(name)}:
            return CODES.get(name, 0)
    return 0
