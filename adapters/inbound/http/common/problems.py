"""From the error tree to HTTP: one table, and the problem documents of RFC 9457."""

import logging
import math
import traceback
from collections.abc import Sequence
from http import HTTPStatus

from msgspec import UNSET, Struct, UnsetType, json

from llm_gateway.domain import errors
from llm_gateway.domain.errors import Fault, GatewayError, InvalidRequest
from llm_gateway.domain.quota import Limit

from .response_headers import Headers, rate_headers

log = logging.getLogger("llm_gateway.http")


class RequestTimeout(GatewayError):
    """The request's body did not arrive in time, or its own time had run out before anything was begun."""


class TooLarge(GatewayError):
    """The request's body is larger than this gateway reads."""


class UnsupportedMediaType(GatewayError):
    """The request's body is not JSON, by its own account."""


class UnsupportedCoding(UnsupportedMediaType):
    """The request's body is compressed in a way that is not read."""


class NotFound(GatewayError):
    """There is nothing at this path."""


class MethodNotAllowed(GatewayError):
    """There is something at this path, but not for this method. `allowed` are the methods that it answers."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path answers {allowed}.")
        self.allowed = allowed


class Misdirected(GatewayError):
    """The Host is not one that this gateway serves."""


TABLE: dict[type[GatewayError], tuple[int, str]] = {
    InvalidRequest: (400, "invalid_request"),
    errors.ContextLengthExceeded: (400, "context_length_exceeded"),
    errors.ProviderRejected: (400, "invalid_request"),
    errors.Unauthenticated: (401, "unauthenticated"),
    errors.Forbidden: (403, "forbidden"),
    errors.UnknownModel: (404, "unknown_model"),
    NotFound: (404, "not_found"),
    MethodNotAllowed: (405, "method_not_allowed"),
    RequestTimeout: (408, "request_timeout"),
    TooLarge: (413, "too_large"),
    UnsupportedMediaType: (415, "unsupported_media_type"),
    UnsupportedCoding: (415, "unsupported_media_type"),
    Misdirected: (421, "misdirected"),
    errors.QuotaExceeded: (429, "rate_limited"),
    errors.ProviderBroken: (502, "provider_failed"),
    errors.ProviderMisconfigured: (502, "provider_misconfigured"),
    errors.ProviderRefused: (503, "provider_unavailable"),
    errors.ProviderUnavailable: (503, "provider_unavailable"),
    errors.ProviderThrottled: (503, "provider_throttled"),
    errors.ProviderOverloaded: (503, "overloaded"),
    errors.OutOfDescriptors: (503, "overloaded"),
    errors.Overloaded: (503, "overloaded"),
    errors.SlowReader: (503, "overloaded"),
    errors.Draining: (503, "draining"),
    errors.NoRoute: (503, "no_route"),
    errors.DirectoryUnavailable: (503, "directory_unavailable"),
    errors.LimiterUnavailable: (503, "limiter_unavailable"),
    errors.ProviderTimeout: (504, "provider_timeout"),
}
INTERNAL = (500, "internal")
INTERNAL_DETAIL = "Internal server error occurred while processing your request"


class FaultBody(Struct, frozen=True):
    """A field at fault, by its path such as `messages[0].content`."""

    path: str
    message: str


class QuotaOut(Struct, frozen=True, kw_only=True):
    """The limit that was spent, and where the operator set it."""

    limit: Limit
    setting: str


class Problem(Struct, frozen=True, kw_only=True):
    """A problem document. `code` is stable; `errors` names the fields of bad input."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: Sequence[FaultBody] | UnsetType = UNSET
    quota: QuotaOut | UnsetType = UNSET


def status_of(error: BaseException) -> tuple[int, str]:
    """Status and code. What is not of the error tree is ours, and internal."""
    for kind in type(error).__mro__:
        row = TABLE.get(kind)
        if row is not None:
            return row
    return INTERNAL


def status_in_table(error: BaseException) -> int:
    return status_of(error)[0]


def problem(error: BaseException, request_id: str) -> Problem:
    """The problem document of an error, which says nothing of the inside."""
    status, code = status_of(error)
    return Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.message if isinstance(error, GatewayError) and status != INTERNAL[0] else INTERNAL_DETAIL,
        code=code,
        request_id=request_id,
        errors=[FaultBody(fault.path, fault.message) for fault in faults_of(error)] or UNSET,
        quota=quota_of(error),
    )


def quota_of(error: BaseException) -> QuotaOut | UnsetType:
    """What a refusal by the client's own quota says of it."""
    if isinstance(error, errors.QuotaExceeded):
        return QuotaOut(limit=error.limit, setting=error.setting)
    return UNSET


def faults_of(error: BaseException) -> Sequence[Fault]:
    """What of the request is at fault, by its path, where that is known."""
    match error:
        case InvalidRequest(faults=faults):
            return faults
        case errors.ProviderRejected(path=str(path), provider=provider, complaint=complaint):
            return (Fault(path=path, message=f"{provider}: {complaint}"),)
    return ()


def problem_headers(error: BaseException) -> Headers:
    """The headers that go with an error, beside its content type."""
    headers: Headers = []
    if isinstance(error, GatewayError) and error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after.total_seconds()))))
    if isinstance(error, UnsupportedCoding):
        headers.append((b"accept-encoding", b"gzip, deflate"))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    if isinstance(error, errors.Unauthenticated):
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, errors.QuotaExceeded):
        headers += rate_headers(error.decision)
    return headers


def log_internal(error: BaseException, request_id: str) -> None:
    """Logs an error that is not of the tree, without its message, which may quote what it failed on."""
    if status_of(error) == INTERNAL:
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("request %s failed with %s\n%s", request_id, type(error).__qualname__, frames)


def encode_problem(error: BaseException, request_id: str) -> bytes:
    """The problem document of an error as JSON."""
    return json.encode(problem(error, request_id))
