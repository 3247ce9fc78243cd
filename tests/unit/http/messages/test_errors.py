"""Anthropic's error objects, and the headers that its clients read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.common.problems import TABLE
from llm_gateway.adapters.inbound.http.messages.errors import (
    anthropic_error_headers,
    anthropic_rate_headers,
    anthropic_status,
    encode_anthropic_error,
)
from llm_gateway.adapters.inbound.http.routes import (
    ANTHROPIC_ERRORS,
    NATIVE_ERRORS,
    OPENAI_ERRORS,
    error_style_of,
)
from llm_gateway.domain import errors
from llm_gateway.domain.errors import ContextLengthExceeded, GatewayError, InvalidRequest
from llm_gateway.domain.quota import Decision, Limit, LimitStatus

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    421: "invalid_request_error",
    429: "rate_limit_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STANDING = LimitStatus(limit=5, remaining=1, reset_ms=90_000, window_ms=90_000)


def told(error: BaseException) -> dict[str, Any]:
    body = json.decode(encode_anthropic_error(error, "id-1"))
    assert body.keys() == {"type", "error", "request_id"}
    assert (body["type"], body["request_id"]) == ("error", "id-1")
    return dict(body["error"])


def made(kind: type[GatewayError]) -> GatewayError:
    error = kind.__new__(kind)
    error.message = "it went wrong"
    error.retry_after = None
    vars(error).update(limit=Limit.REQUESTS, setting="", tokens=None, faults=(), path=None, allowed="GET")
    vars(error).update(decision=Decision(allowed=False, requests=STANDING))
    return error


@pytest.mark.parametrize("kind", TABLE)
def test_every_error_has_a_type_by_its_status(kind: type[GatewayError]) -> None:
    status = {503: 529}.get(TABLE[kind][0], TABLE[kind][0])
    error = made(kind)
    assert anthropic_status(error) == status
    assert told(error)["type"] == TYPES[status]
    assert told(error)["message"].endswith("it went wrong")


@pytest.mark.parametrize("kind", TABLE)
def test_what_waiting_does_not_mend_is_not_to_be_tried_again(kind: type[GatewayError]) -> None:
    headers = dict(anthropic_error_headers(made(kind)))
    mends = TABLE[kind][0] in (408, 429, 503, 504) or kind is errors.ProviderBroken
    assert (headers.get(b"x-should-retry") == b"false") is not mends


@pytest.mark.parametrize("error", [ValueError("canary"), KeyboardInterrupt("canary"), GatewayError("canary")])
def test_anything_else_says_nothing(error: BaseException) -> None:
    said = "Internal server error occurred while processing your request"
    assert told(error) == {"type": "api_error", "message": said}
    assert anthropic_status(error) == 500


def test_a_prompt_beyond_the_context_is_told_in_the_words_that_its_clients_know() -> None:
    known = ContextLengthExceeded("gemini", "it does not fit", limit=1_000, tokens=1_200)
    assert told(known)["message"] == "prompt is too long: 1200 tokens > 1000 maximum"
    for unknown in (ContextLengthExceeded("gemini", "it does not fit", limit=1_000), ContextLengthExceeded("g", "no")):
        assert told(unknown)["message"].startswith("prompt is too long: g")


def test_a_thread_is_refused_so_that_the_client_goes_on_without() -> None:
    refused = InvalidRequest.at("thread", "is not kept here")
    assert told(refused)["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert "details" not in told(InvalidRequest.at("threads", "is not a field here"))


def test_a_quota_is_told_as_times() -> None:
    before = datetime.now(UTC)
    headers = dict(anthropic_rate_headers(Decision(allowed=True, requests=STANDING, tokens=STANDING)))
    for name in (b"requests", b"tokens"):
        prefix = b"anthropic-ratelimit-" + name
        assert (headers[prefix + b"-limit"], headers[prefix + b"-remaining"]) == (b"5", b"1")
        reset = datetime.fromisoformat(headers[prefix + b"-reset"].decode())
        assert timedelta(seconds=89) <= reset - before <= timedelta(seconds=90) + (datetime.now(UTC) - before)
    assert b"ratelimit" in headers
    assert not any(b"unified" in name for name in headers)
    assert anthropic_rate_headers(Decision(allowed=True)) == []


VERSION = [(b"host", b"localhost"), (b"anthropic-version", b"2023-06-01")]
GOOGLE = [(b"host", b"localhost"), (b"x-goog-api-key", b"key")]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/messages", "/v1/messages/batches"])
@pytest.mark.parametrize("headers", [[], VERSION])
def test_its_own_paths_are_anthropic_s_whoever_asks(path: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert error_style_of(path, headers) is ANTHROPIC_ERRORS


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gemini/flash", "/v1", "/v1/nothing", "/v1/files"])
def test_a_path_of_several_families_is_the_caller_s(path: str) -> None:
    assert error_style_of(path, VERSION) is ANTHROPIC_ERRORS
    assert error_style_of(path, GOOGLE) is OPENAI_ERRORS
    assert error_style_of(path) is OPENAI_ERRORS


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/responses"])
def test_a_path_of_openai_s_alone_stays_so(path: str) -> None:
    assert error_style_of(path, VERSION) is OPENAI_ERRORS


@pytest.mark.parametrize("path", ["/", "/api/v1/chat", "/v1x/messages", "/health"])
def test_the_others_are_no_family_s(path: str) -> None:
    assert error_style_of(path, VERSION) is NATIVE_ERRORS
