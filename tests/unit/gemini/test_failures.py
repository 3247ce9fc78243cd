"""What the vendor's exceptions mean: by class, status and structured details."""

import traceback
from datetime import timedelta
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from google.genai.errors import APIError, ClientError, ServerError, UnknownApiResponseError

from llm_gateway.adapters.outbound.gemini.failures import GeminiFailures, failure_of
from llm_gateway.application.vendor_failures import LONGEST_RETRY_AFTER
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.routing import EndpointId

NOW = 1_800_000_000.0
TO = EndpointId(provider="google", model="gemini-flash-latest")


def refusal(code: int, *details: dict[str, Any], status: str = "X", **headers: str) -> APIError:
    body = {"error": {"code": code, "message": "SECRET", "status": status, "details": list(details)}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return APIError(code, body, SimpleNamespace(headers=named))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal(400), ProviderRejected),
        (refusal(400, {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}), ProviderMisconfigured),
        (refusal(400, status="FAILED_PRECONDITION"), ProviderMisconfigured),
        (refusal(401), ProviderMisconfigured),
        (refusal(403), ProviderMisconfigured),
        (refusal(404), ProviderMisconfigured),
        (refusal(408), ProviderTimeout),
        (refusal(413), ProviderRejected),
        (refusal(429), ProviderThrottled),
        (refusal(302), ProviderMisconfigured),
        (refusal(204), ProviderBroken),
        (refusal(500), ProviderUnavailable),
        (refusal(503), ProviderUnavailable),
        (refusal(504), ProviderTimeout),
        (ClientError(429, [{"error": {"code": 429}}]), ProviderThrottled),
        (ServerError(500, {"error": "odd"}), ProviderUnavailable),
        (ClientError(400, {"error": {"details": ["odd", None]}}), ProviderRejected),
        (TimeoutError(), ProviderTimeout),
        (aiohttp.ServerTimeoutError(), ProviderTimeout),
        (aiohttp.InvalidURL("SECRET"), ProviderMisconfigured),
        (aiohttp.ServerDisconnectedError(), ProviderBroken),
        (aiohttp.ClientPayloadError("SECRET"), ProviderBroken),
        (aiohttp.ClientOSError(104, "SECRET"), ProviderBroken),
        (UnknownApiResponseError("SECRET"), ProviderBroken),
        (UnicodeDecodeError("utf-8", b"SECRET", 0, 1, "SECRET"), ProviderBroken),
        (RecursionError("SECRET"), ProviderBroken),
        (TypeError("SECRET"), ProviderBroken),
    ],
)
def test_what_an_exception_means(error: Exception, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught, GeminiFailures(TO, lambda: NOW):
        raise error
    assert type(caught.value) is kind
    assert caught.value.provider == "google"
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "SECRET" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


def test_our_own_errors_and_cancellation_pass() -> None:
    ours = ProviderBroken("gemini", "it broke")
    with pytest.raises(ProviderBroken) as caught, GeminiFailures(TO, lambda: NOW):
        raise ours
    assert caught.value is ours
    with pytest.raises(KeyboardInterrupt), GeminiFailures(TO, lambda: NOW):
        raise KeyboardInterrupt


def violated(field: object) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}, "odd"]}


def worded(words: object, *details: dict[str, Any], code: int = 400) -> APIError:
    return APIError(code, {"error": {"code": code, "message": words, "details": list(details)}})


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (refusal(400, violated("generation_config.thinking_config.thinking_level")), "reasoning_effort"),
        (refusal(400, violated("generationConfig.thinkingConfig")), "reasoning_effort"),
        (refusal(400, violated("generation_config.temperature")), "temperature"),
        (worded("Thinking level MINIMAL is not supported for this model. Please retry."), "reasoning_effort"),
        (worded("You can only set only one of thinking budget and thinking level."), "reasoning_effort"),
        (worded("Budget 0 is invalid. This model only works in thinking mode."), "reasoning_effort"),
        (worded("Thinking is not enabled for models/gemma-4-31b-it"), "reasoning_effort"),
        (worded("thinking_config is not supported"), "reasoning_effort"),
        (worded("Temperature is not enabled for models/gemini-6"), "temperature"),
        (worded("Thinking level LOW is not supported", violated("contents[0].parts")), None),
        (worded("SECRET", violated("tools[0].function_declarations[0].parameters.properties[temperature]")), None),
        (worded("SECRET", violated("")), None),
        (worded("SECRET", violated(7)), None),
        (worded(None), None),
        (worded("What level of thinking is not supported?", code=400), None),
        (worded("Thinking level LOW is not supported", code=404), None),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_refused_field_is_whose_fault_it_is_that_it_was_sent(
    error: APIError, field: str | None, stated: bool, caplog: pytest.LogCaptureFixture
) -> None:
    unstated = frozenset() if stated else frozenset({"reasoning_effort", "temperature"})
    with pytest.raises(ProviderError) as caught, GeminiFailures(TO, lambda: NOW, unstated):
        raise error
    ours = field is not None and not stated
    assert isinstance(caught.value, ProviderMisconfigured) is (ours or error.code == 404)
    if isinstance(caught.value, ProviderRejected):
        assert caught.value.path == field
    warnings = ["google/gemini-flash-latest refuses what this gateway adds to a request: " + str(field)] * ours
    assert [record.getMessage() for record in caplog.records] == warnings
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert not any(word in told for word in ("SECRET", "hinking level", "Budget"))


DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refusal(429, Retry_After="7"), 7),
        (refusal(503, Retry_After="7"), 7),
        (refusal(429, Retry_After="0.5"), 0.5),
        (refusal(429, Retry_After=formatdate(NOW + 90, usegmt=True)), 90),
        (refusal(429, Retry_After=formatdate(NOW - 90, usegmt=True)), 0),
        (refusal(429, DELAY), 34.5),
        (refusal(429, DELAY, Retry_After="7"), 7),
        (refusal(429, DELAY, Retry_After="soon"), 34.5),
        (refusal(429, {"retryDelay": "-3s"}), None),
        (refusal(429, {"retryDelay": 3}), None),
        (refusal(429), None),
        (refusal(429, Retry_After=""), None),
        (refusal(429, Retry_After="-5"), None),
        (refusal(429, Retry_After="nan"), None),
        (refusal(429, Retry_After="1e400"), None),
        (refusal(429, Retry_After="٣"), None),
        (refusal(429, Retry_After="9" * 400), LONGEST_RETRY_AFTER.total_seconds()),
        (refusal(429, Retry_After="Fri, 31 Dec 99999 23:59:59 GMT"), None),
        (refusal(400, Retry_After="7"), None),
    ],
)
def test_how_long_to_wait(error: APIError, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert failure_of("gemini", error, NOW).retry_after == expected
