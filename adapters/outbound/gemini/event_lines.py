"""The lines of a stream as the SDK reads them right, and the errors among them, which it would lose or misread."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from google.genai.errors import APIError

_ERROR: Final = re.compile(rb'\s*\[?\s*\{\s*"error"\s*:')
_BEGIN: Final = (b"{", b"[")
_END: Final = (b"}", b"]")

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


class EventLines:
    """Takes a stream line by line, and gives the lines to read in its place.

    The space after `data:`, which the standard makes optional, is set. An error object, behind `data:` or bare and over
    several lines, is raised as the `APIError` that its status makes it.
    """

    def __init__(self) -> None:
        self._bare: list[bytes] = []

    def read(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            yield from self.rest()
            payload = line[5:].removeprefix(b" ")
            _raise_error(payload)
            yield b"data: " + payload
        elif not line.strip():
            if not self._bare:
                yield line
        elif self._bare or line.lstrip().startswith(_BEGIN):
            yield from self._beside(line)
        else:
            yield line

    def rest(self) -> Iterator[bytes]:
        """What of a bare object came so far: for the SDK, which finds that it is none."""
        yield from self._bare
        self._bare.clear()

    def _beside(self, line: bytes) -> Iterator[bytes]:
        self._bare.append(line)
        if line.startswith(_END) or (len(self._bare) == 1 and line.rstrip().endswith(_END)):
            whole = b"".join(self._bare)
            _raise_error(whole)
            if not _ERROR.match(whole):
                yield from self.rest()


def _raise_error(text: bytes) -> None:
    if not _ERROR.match(text):
        return
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return
    body = body[0] if isinstance(body, list) else body
    error = body["error"]
    if isinstance(error, dict):
        code = error.get("code")
        if not isinstance(code, int) or not 400 <= code <= 599:
            code = CODES.get(error.get("status"), 0)
        raise APIError(code, body)
