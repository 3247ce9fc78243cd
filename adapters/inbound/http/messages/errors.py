"""From the error tree to Anthropic's error objects, with the headers that Anthropic's clients read."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, json

from llm_gateway.domain import errors
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.quota import Decision, LimitStatus

from ..common.problems import INTERNAL, INTERNAL_DETAIL, faults_of, problem_headers, status_in_table
from ..common.response_headers import Headers, rate_headers

OVERLOADED: Final = 529
"""What Anthropic answers instead of 503."""
_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_THREAD: Final = "thread"
"""A conversation that is kept by the server: told by `details` that none is, Anthropic's client sends all of it."""
_WAITING_MENDS: Final = (408, 429)
_RATE_PREFIX: Final = b"anthropic-ratelimit-"


class AnthropicError(Struct, frozen=True, kw_only=True):
    """`details` are for clients that mend a request by them."""

    type: str
    message: str
    details: dict[str, Any] | UnsetType = UNSET


class AnthropicErrorOut(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """The body of every error, and the data of a stream's `error` event."""

    error: AnthropicError
    request_id: str


def anthropic_status(error: BaseException) -> int:
    status = status_in_table(error)
    return OVERLOADED if status == 503 else status


def anthropic_error(error: BaseException, request_id: str) -> AnthropicErrorOut:
    """The error object of an error, which says nothing of the inside."""
    status = anthropic_status(error)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    details: dict[str, Any] | UnsetType = UNSET
    if any(fault.path == _THREAD for fault in faults_of(error)):
        details = {"error_code": "thread_unsupported_request", "unsupported": [_THREAD]}
    return AnthropicErrorOut(
        error=AnthropicError(type=kind, message=_message(error, status), details=details), request_id=request_id
    )


def _message(error: BaseException, status: int) -> str:
    if not isinstance(error, GatewayError) or status == INTERNAL[0]:
        return INTERNAL_DETAIL
    if isinstance(error, errors.ContextLengthExceeded):
        # Claude Code shortens a conversation by these words
        known = error.tokens is not None and error.limit is not None
        return f"prompt is too long: {f'{error.tokens} tokens > {error.limit} maximum' if known else error.message}"
    return error.message


def encode_anthropic_error(error: BaseException, request_id: str) -> bytes:
    return json.encode(anthropic_error(error, request_id))


def anthropic_error_headers(error: BaseException) -> Headers:
    """Beside the common ones whether to try again at all: Claude Code repeats a 401 for most of a minute otherwise."""
    headers = dict(problem_headers(error))
    if isinstance(error, errors.QuotaExceeded):
        headers.update(anthropic_rate_headers(error.decision))
    status = anthropic_status(error)
    if (status < 500 and status not in _WAITING_MENDS) or isinstance(error, errors.ProviderMisconfigured):
        headers[b"x-should-retry"] = b"false"
    return list(headers.items())


def anthropic_rate_headers(decision: Decision) -> Headers:
    """The common ones, and Anthropic's, whose resets are times (RFC 3339)."""
    headers = rate_headers(decision)
    for name, status in ((b"requests", decision.requests), (b"tokens", decision.tokens)):
        if status is not None:
            prefix = _RATE_PREFIX + name
            headers += (
                (prefix + b"-limit", b"%d" % status.limit),
                (prefix + b"-remaining", b"%d" % status.remaining),
                (prefix + b"-reset", _reset(status)),
            )
    return headers


def _reset(status: LimitStatus) -> bytes:
    at = datetime.now(UTC) + timedelta(milliseconds=status.reset_ms)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
