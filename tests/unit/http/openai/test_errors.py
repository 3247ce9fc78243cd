"""OpenAI's error objects, and the headers that its clients read."""

from datetime import timedelta

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.common.problems import TABLE
from llm_gateway.adapters.inbound.http.openai.errors import (
    encode_openai_error,
    openai_error_headers,
    openai_rate_headers,
)
from llm_gateway.adapters.inbound.http.routes import NATIVE_ERRORS, OPENAI_ERRORS, error_style_of
from llm_gateway.domain import errors
from llm_gateway.domain.errors import GatewayError, InvalidRequest, ProviderMisconfigured, ProviderThrottled
from llm_gateway.domain.quota import Decision, Limit, LimitStatus


def told(error: BaseException) -> dict[str, object]:
    body = json.decode(encode_openai_error(error, "id-1"))
    assert body.keys() == {"error"}
    assert body["error"].keys() - {"quota"} == {"message", "type", "param", "code"}
    return dict(body["error"])


@pytest.mark.parametrize("kind", TABLE)
def test_every_error_has_a_type_by_its_status_and_a_code(kind: type[GatewayError]) -> None:
    status, code = TABLE[kind]
    error = kind.__new__(kind)
    error.message = "it went wrong"
    vars(error).update(limit=Limit.REQUESTS, setting="")  # of which only a refused quota has any

    types = {403: "permission_error", 429: "rate_limit_error"}
    renamed = {
        "unauthenticated": "invalid_api_key",
        "unknown_model": "model_not_found",
        "rate_limited": "rate_limit_exceeded",
    }
    assert told(error)["type"] == types.get(status, "invalid_request_error" if status < 500 else "server_error")
    assert told(error)["code"] == renamed.get(code, code)
    assert told(error)["message"] == "it went wrong"


@pytest.mark.parametrize("error", [ValueError("canary"), KeyboardInterrupt("canary"), GatewayError("canary")])
def test_anything_else_says_nothing(error: BaseException) -> None:
    assert told(error) == {
        "message": "Internal server error occurred while processing your request",
        "type": "server_error",
        "param": None,
        "code": "internal",
    }


def test_the_param_is_the_first_fault_s_path() -> None:
    faults = [errors.Fault(path="n", message="is too many"), errors.Fault(path="seed", message="is too odd")]

    assert told(InvalidRequest(faults))["param"] == "n"
    assert told(InvalidRequest(faults))["message"] == "n: is too many; seed: is too odd"
    assert told(InvalidRequest.at("", "is no JSON"))["param"] is None
    assert told(errors.UnknownModel("unknown"))["param"] == "model"
    assert told(errors.ProviderRejected("gemini", "at most 5", path="stop"))["param"] == "stop"
    assert told(errors.ProviderRejected("gemini", "refused the request with 400"))["param"] is None


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "exactly"),
    [(0, b"1", b"1"), (0.2, b"1", b"1"), (1_000, b"1", b"1000"), (1_200, b"2", b"1200")],
)
def test_the_wait_is_told_exactly_beside_whole_seconds(milliseconds: float, seconds: bytes, exactly: bytes) -> None:
    """OpenAI's clients prefer the former; the latter is what HTTP has."""
    headers = openai_error_headers(ProviderThrottled("p", "wait", retry_after=timedelta(milliseconds=milliseconds)))

    assert dict(headers) == {b"retry-after": seconds, b"retry-after-ms": exactly}


def test_where_trying_again_is_in_vain_the_clients_are_told() -> None:
    assert dict(openai_error_headers(ProviderMisconfigured("p", "wrong key"))) == {b"x-should-retry": b"false"}


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, b"0ms"),
        (20, b"20ms"),
        (999, b"999ms"),
        (1_000, b"1s"),
        (1_439, b"1.439s"),
        (59_999, b"59.999s"),
        (60_000, b"1m0s"),
        (360_000, b"6m0s"),
        (3_600_000, b"1h0m0s"),
        (90_061_001, b"25h1m1.001s"),
    ],
)
def test_a_reset_is_a_duration_as_openai_spells_it(milliseconds: int, text: bytes) -> None:
    standing = LimitStatus(limit=5, remaining=1, reset_ms=milliseconds, window_ms=5_000)

    headers = dict(openai_rate_headers(Decision(allowed=True, requests=standing)))

    assert headers[b"x-ratelimit-reset-requests"] == text
    assert headers[b"x-ratelimit-limit-requests"] == b"5"


def test_an_exceeded_quota_has_each_header_once() -> None:
    standing = LimitStatus(limit=5, remaining=0, reset_ms=4_200, window_ms=5_000)
    headers = openai_error_headers(
        errors.QuotaExceeded(Decision(allowed=False, retry_after_ms=700, requests=standing, tokens=standing))
    )

    assert len(headers) == len(dict(headers))
    assert dict(headers)[b"x-ratelimit-reset-tokens"] == b"4.2s"
    assert dict(headers)[b"retry-after-ms"] == b"700"


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/models", "/v1/chat/completions", "/v1/nothing"])
def test_openai_s_paths_speak_so(path: str) -> None:
    assert error_style_of(path) is OPENAI_ERRORS


@pytest.mark.parametrize("path", ["/", "/api/v1/chat", "/v10", "/v1x/models", "/docs", "/health"])
def test_the_others_speak_natively(path: str) -> None:
    assert error_style_of(path) is NATIVE_ERRORS
