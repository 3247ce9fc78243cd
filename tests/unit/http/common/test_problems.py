"""The error tree and the table that maps it to HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.common import problems
from llm_gateway.adapters.inbound.http.common.problems import TABLE, encode_problem, problem_headers, status_of
from llm_gateway.domain import errors
from llm_gateway.domain.errors import GatewayError, InvalidRequest, ProviderError, QuotaExceeded
from llm_gateway.domain.quota import Decision, LimitStatus

CONTRACT = {
    InvalidRequest: (400, "invalid_request"),
    errors.ProviderRejected: (400, "invalid_request"),
    errors.ContextLengthExceeded: (400, "context_length_exceeded"),
    errors.Unauthenticated: (401, "unauthenticated"),
    errors.Forbidden: (403, "forbidden"),
    errors.UnknownModel: (404, "unknown_model"),
    problems.NotFound: (404, "not_found"),
    problems.MethodNotAllowed: (405, "method_not_allowed"),
    problems.RequestTimeout: (408, "request_timeout"),
    problems.TooLarge: (413, "too_large"),
    problems.UnsupportedMediaType: (415, "unsupported_media_type"),
    problems.UnsupportedCoding: (415, "unsupported_media_type"),
    problems.Misdirected: (421, "misdirected"),
    QuotaExceeded: (429, "rate_limited"),
    errors.ProviderBroken: (502, "provider_failed"),
    errors.ProviderMisconfigured: (502, "provider_misconfigured"),
    errors.ProviderRefused: (503, "provider_unavailable"),
    errors.ProviderUnavailable: (503, "provider_unavailable"),
    errors.ProviderThrottled: (503, "provider_throttled"),
    errors.OutOfDescriptors: (503, "overloaded"),
    errors.ProviderOverloaded: (503, "overloaded"),
    errors.Overloaded: (503, "overloaded"),
    errors.SlowReader: (503, "overloaded"),
    errors.Draining: (503, "draining"),
    errors.NoRoute: (503, "no_route"),
    errors.DirectoryUnavailable: (503, "directory_unavailable"),
    errors.LimiterUnavailable: (503, "limiter_unavailable"),
    errors.ProviderTimeout: (504, "provider_timeout"),
}
FAMILIES = {ProviderError}
"""What is never raised itself."""


def tree(root: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from tree(kind)


def test_every_error_has_a_row_of_its_own() -> None:
    shipped = {kind for kind in tree(GatewayError) if kind.__module__.startswith("llm_gateway.")}

    assert shipped - FAMILIES == set(TABLE)


def test_the_rows_are_the_contract_s() -> None:
    assert TABLE == CONTRACT
    assert all(HTTPStatus(status).phrase for status, _ in TABLE.values())


def test_an_error_of_a_host_s_own_is_its_family_s() -> None:
    class HostsOwn(errors.ProviderTimeout):
        pass

    assert status_of(HostsOwn("p", "too slow")) == (504, "provider_timeout")


@pytest.mark.parametrize("error", [ValueError("canary"), KeyboardInterrupt("canary"), GatewayError("canary")])
def test_anything_else_is_internal_and_says_nothing(error: BaseException) -> None:
    assert status_of(error) == (500, "internal")
    assert json.decode(encode_problem(error, "id-1")) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Internal server error occurred while processing your request",
        "code": "internal",
        "request_id": "id-1",
    }


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(0, b"1"), (1, b"1"), (1000, b"1"), (1001, b"2"), (59_999, b"60")]
)
def test_retry_after_is_in_whole_seconds_rounded_up(milliseconds: int, seconds: bytes) -> None:
    error = errors.ProviderThrottled("p", "wait", retry_after=timedelta(milliseconds=milliseconds))

    assert dict(problem_headers(error))[b"retry-after"] == seconds


def test_an_exceeded_quota_says_where_its_client_stands() -> None:
    standing = LimitStatus(limit=5, remaining=0, reset_ms=4_200, window_ms=5_000)
    headers = problem_headers(QuotaExceeded(Decision(allowed=False, retry_after_ms=700, requests=standing)))

    assert dict(headers) == {
        b"retry-after": b"1",
        b"ratelimit-policy": b'"requests";q=5;w=5',
        b"ratelimit": b'"requests";r=0;t=5',
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"5",
    }


def test_faults_are_told_with_their_paths() -> None:
    problem = json.decode(encode_problem(InvalidRequest.at("messages[0].content", "must not be empty"), "id-1"))

    assert problem["detail"] == "messages[0].content: must not be empty"
    assert problem["errors"] == [{"path": "messages[0].content", "message": "must not be empty"}]


def test_a_field_that_a_provider_refuses_is_told_with_its_path_and_the_provider() -> None:
    problem = json.decode(encode_problem(errors.ProviderRejected("gemini", "at most 5", path="stop"), "id-1"))

    assert (problem["code"], problem["detail"]) == ("invalid_request", "gemini: stop: at most 5")
    assert problem["errors"] == [{"path": "stop", "message": "gemini: at most 5"}]
