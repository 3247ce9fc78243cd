"""The structured details of Gemini's errors (google.rpc), as far as they are what they should be."""

from collections.abc import Iterator, Mapping

from google.genai.errors import APIError


def details_of(error: APIError) -> Iterator[Mapping[str, object]]:
    match error.details:
        case {"error": {"details": [*details]}} | {"details": [*details]}:
            yield from (detail for detail in details if isinstance(detail, dict))


def reasons_of(error: APIError) -> Iterator[str]:
    """What `ErrorInfo` names, and the status by name."""
    if isinstance(error.status, str):
        yield error.status
    for detail in details_of(error):
        match detail:
            case {"reason": str(reason)}:
                yield reason


def fields_of(error: APIError) -> Iterator[str]:
    """The vendor's own paths of the fields that it refuses."""
    for violation in _listed(error, "fieldViolations"):
        match violation:
            case {"field": str(field)} if field:
                yield field


def quotas_of(error: APIError) -> Iterator[str]:
    """The ids of the quotas that are used up."""
    for violation in _listed(error, "violations"):
        match violation:
            case {"quotaId": str(quota)}:
                yield quota


def delays_of(error: APIError) -> Iterator[str]:
    """Of `RetryInfo`, such as `34.07s`."""
    for detail in details_of(error):
        match detail:
            case {"retryDelay": str(delay)}:
                yield delay


def _listed(error: APIError, name: str) -> Iterator[object]:
    for detail in details_of(error):
        listed = detail.get(name)
        if isinstance(listed, list):
            yield from listed
