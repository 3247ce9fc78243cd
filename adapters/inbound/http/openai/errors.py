"""From the error tree to OpenAI's error objects, with the headers that OpenAI's clients read."""

import math

from msgspec import UNSET, Struct, UnsetType, json

from llm_gateway.domain import errors
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.quota import Decision, LimitStatus

from ..common.problems import INTERNAL, INTERNAL_DETAIL, QuotaOut, faults_of, problem_headers, quota_of, status_of
from ..common.response_headers import Headers, rate_headers

CODES = {
    "unauthenticated": "invalid_api_key",
    "unknown_model": "model_not_found",
    "rate_limited": "rate_limit_exceeded",
}
"""OpenAI's own names for some of the contract's codes."""
_TYPES = {403: "permission_error", 429: "rate_limit_error"}


class ErrorObject(Struct, frozen=True, kw_only=True):
    """`param` is the path of the first field at fault, such as `messages[0].content`.

    `quota` is this gateway's own.
    """

    message: str
    type: str
    param: str | None
    code: str
    quota: QuotaOut | UnsetType = UNSET


class ErrorOut(Struct, frozen=True, kw_only=True):
    """The body of every error."""

    error: ErrorObject


def openai_error(error: BaseException) -> ErrorOut:
    """The error object of an error, which says nothing of the inside."""
    status, code = status_of(error)
    return ErrorOut(
        error=ErrorObject(
            message=error.message if isinstance(error, GatewayError) and status != INTERNAL[0] else INTERNAL_DETAIL,
            type=_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error"),
            param=_param(error),
            code=CODES.get(code, code),
            quota=quota_of(error),
        )
    )


def _param(error: BaseException) -> str | None:
    if isinstance(error, errors.UnknownModel):
        return "model"
    return next((fault.path for fault in faults_of(error)), None) or None


def encode_openai_error(error: BaseException, request_id: str) -> bytes:
    """The request's id is in its header, where OpenAI's clients look for it."""
    return json.encode(openai_error(error))


def openai_error_headers(error: BaseException) -> Headers:
    """Beside the common ones what OpenAI's clients prefer to `Retry-After`, and whether to try again at all."""
    headers = dict(problem_headers(error))
    if isinstance(error, GatewayError) and error.retry_after is not None:
        headers[b"retry-after-ms"] = b"%d" % max(1, math.ceil(error.retry_after.total_seconds() * 1000))
    if isinstance(error, errors.QuotaExceeded):
        headers.update(openai_rate_headers(error.decision))
    if isinstance(error, errors.ProviderMisconfigured):
        headers[b"x-should-retry"] = b"false"
    return list(headers.items())


def openai_rate_headers(decision: Decision) -> Headers:
    """The common ones, with `X-RateLimit-Reset-*` as the durations that OpenAI sends, such as `6m0s` or `20ms`."""
    return rate_headers(decision, _reset)


def _reset(status: LimitStatus) -> bytes:
    if status.reset_ms < 1000:
        return b"%dms" % status.reset_ms
    minutes, rest = divmod(status.reset_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return (f"{hours}h{text}" if hours else text).encode()
