"""Gemini's errors with their structured details (google.rpc), as far as they are what they should be."""

import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ..vendor_http.errors import HttpRefusal


class GeminiError(Struct, frozen=True, kw_only=True):
    """`status` is HTTP's, `name` the same by `google.rpc.Code`, as far as it is told. `retry_after` is the header."""

    status: int
    name: str | None
    message: str
    details: Sequence[Mapping[str, object]]
    retry_after: str | None


def told_by(refusal: HttpRefusal) -> GeminiError:
    """What can't be read is left out: the status says enough."""
    body = _body(refusal.body)
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    name, message = body.get("status", error.get("status")), body.get("message", error.get("message"))
    details = error.get("details", body.get("details"))
    return GeminiError(
        status=refusal.status,
        name=name if isinstance(name, str) else None,
        message=message if isinstance(message, str) else "",
        details=[each for each in details if isinstance(each, dict)] if isinstance(details, list) else [],
        retry_after=refusal.retry_after,
    )


def _body(text: bytes) -> dict[str, object]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return body if isinstance(body, dict) else {}


def reasons_of(error: GeminiError) -> Iterator[str]:
    """What `ErrorInfo` names, and the status by name."""
    if error.name is not None:
        yield error.name
    for detail in error.details:
        match detail:
            case {"reason": str(reason)}:
                yield reason


def fields_of(error: GeminiError) -> Iterator[str]:
    """The vendor's own paths of the fields that it refuses."""
    for violation in _listed(error, "fieldViolations"):
        match violation:
            case {"field": str(field)} if field:
                yield field


def quotas_of(error: GeminiError) -> Iterator[str]:
    """The ids of the quotas that are used up."""
    for violation in _listed(error, "violations"):
        match violation:
            case {"quotaId": str(quota)}:
                yield quota


def delays_of(error: GeminiError) -> Iterator[str]:
    """Of `RetryInfo`, such as `34.07s`."""
    for detail in error.details:
        match detail:
            case {"retryDelay": str(delay)}:
                yield delay


def _listed(error: GeminiError, name: str) -> Iterator[object]:
    for detail in error.details:
        listed = detail.get(name)
        if isinstance(listed, list):
            yield from listed
