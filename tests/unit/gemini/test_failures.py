"""What the vendor's exceptions mean: by class, status and structured details."""

import json
import traceback
from datetime import timedelta
from email.utils import formatdate
from typing import Any

import pytest

from llm_gateway.adapters.outbound.gemini.details import told_by
from llm_gateway.adapters.outbound.gemini.failures import GeminiFailures
from llm_gateway.adapters.outbound.vendor_http.errors import (
    AnswerTooLarge,
    BadAddress,
    BrokenOff,
    HttpRefusal,
    Malformed,
    Unconnected,
    VendorHttpError,
)
from llm_gateway.application.vendor_failures import LONGEST_RETRY_AFTER
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.errors import FailureReason as R
from llm_gateway.domain.routing import EndpointId

NOW = 1_800_000_000.0
TO = EndpointId(provider="google", model="gemini-flash-latest")


def refusal(code: int, *details: dict[str, Any], status: str = "X", **headers: str) -> HttpRefusal:
    body = {"error": {"code": code, "message": "SECRET", "status": status, "details": list(details)}}
    return refused(code, body, headers.get("Retry_After"))


def refused(code: int, body: object, retry_after: str | None = None) -> HttpRefusal:
    return HttpRefusal(code, retry_after, json.dumps(body).encode())


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
        (refused(429, [{"error": {"code": 429}}]), ProviderThrottled),
        (refused(500, {"error": "odd"}), ProviderUnavailable),
        (refused(400, {"error": {"details": ["odd", None]}}), ProviderRejected),
        (TimeoutError(), ProviderTimeout),
        (HttpRefusal(503, None, b"SECRET"), ProviderUnavailable),
        (HttpRefusal(503, None, b"[" * 200_000), ProviderUnavailable),
        (Unconnected("SECRET"), ProviderRefused),
        (BadAddress("SECRET"), ProviderMisconfigured),
        (BrokenOff("SECRET"), ProviderBroken),
        (Malformed("SECRET"), ProviderBroken),
        (AnswerTooLarge("SECRET"), ProviderBroken),
        (VendorHttpError("SECRET"), ProviderBroken),
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


def worded(words: object, *details: dict[str, Any], code: int = 400) -> HttpRefusal:
    return refused(code, {"error": {"code": code, "message": words, "details": list(details)}})


def words(case: object) -> str:
    return (told_by(case).message if isinstance(case, HttpRefusal) else str(case))[:40]


EFFORT, NAME, SCHEMA = "reasoning_effort", "tools[0].function.name", "tools[2].function.parameters"
DECLARED = "tools[0].function_declarations"
PREFILL = "Requests ending with a model turn are not supported"
BY_FIELD: list[tuple[HttpRefusal, str]] = [
    (refusal(400, violated("generation_config.thinking_config.thinking_level")), EFFORT),
    (refusal(400, violated("generationConfig.thinkingConfig")), EFFORT),
    (refusal(400, violated("generation_config.temperature")), "temperature"),
    (worded("Thinking level MINIMAL is not supported for this model. Please retry."), EFFORT),
    (worded("'minimal' is not a supported thinking level for this model."), EFFORT),
    (worded("Budget 0 is invalid. This model only works in thinking mode."), EFFORT),
    (worded("Thinking is not enabled for models/gemma-4-31b-it"), EFFORT),
    (worded("thinking_config is not supported"), EFFORT),
    (worded("Temperature is not enabled for models/gemini-6"), "temperature"),
    (worded("Penalty is not enabled for models/gemini-3.8-flash"), "presence_penalty"),
    (worded("SECRET", violated("generation_config.frequency_penalty")), "frequency_penalty"),
    (worded("Multiple candidates is not enabled for this model"), "n"),
    (worded("Logprobs is not enabled for models/gemini-3.8-flash"), "logprobs"),
    (worded("Function calling with a response mime type: 'application/json' is unsupported"), "response_format"),
    (worded(f"Invalid function name. Must start with a letter: {DECLARED}[0].name SECRET"), NAME),
    (worded("Invalid function name. Must start with a letter", violated(f"{DECLARED}[0].name")), NAME),
    (worded("SECRET", violated(f"{DECLARED}[2].parameters.properties[temperature]")), SCHEMA),
    (worded("Duplicate function declaration found: SECRET"), "tools"),
    (worded("allowed_function_names must be declared"), "tool_choice"),
    (worded(f"{DECLARED}[2].parameters.properties: SECRET"), SCHEMA),
    (worded("enum[0]: cannot be empty"), "response_format"),
    (worded("The specified schema produces a constraint that has too many states"), "response_format"),
    (worded("Corrupted thought signature."), "messages[].extra_content"),
    (worded("too many stop sequences"), "stop"),
]
MESSAGES: list[HttpRefusal] = [
    worded(PREFILL),
    worded("Unsupported MIME type: image/SECRET"),
    worded("Cannot fetch content from the provided URL"),
    worded("contents is not specified"),
    worded("contents.parts must not be empty"),
    worded("required oneof field 'data' must have one initialized field"),
    worded("Please ensure that function call turn comes immediately after a user turn"),
    worded("Please ensure that the number of function response parts is equal to the number of SECRET"),
    worded("Developer instruction is not enabled for models/gemma-3"),
    worded("Thinking level LOW is not supported", violated("contents[0].parts")),
]
"""What is said of them is the client's: every request has messages."""


def fails(error: Exception, *stated: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught, GeminiFailures(TO, lambda: NOW, stated=lambda: frozenset(stated)):
        raise error
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not any(word in told for word in ("SECRET", "hinking level", "Budget", "Request", "enabled"))
    return caught.value


@pytest.mark.parametrize(("error", "field"), BY_FIELD, ids=words)
def test_a_refused_field_that_the_client_stated_is_named_in_our_own_words(error: HttpRefusal, field: str) -> None:
    failure = fails(error, "messages[].content", field.partition("[0]")[0].partition("[2]")[0])
    assert isinstance(failure, ProviderRejected)
    path = "messages" if field.startswith("messages") else field
    assert (failure.path, failure.status, failure.reason) == (path, 400, FailureReason.STATED_FIELD)


@pytest.mark.parametrize(("error", "field"), BY_FIELD, ids=words)
def test_a_refused_field_that_nobody_stated_is_the_gateways_fault(error: HttpRefusal, field: str) -> None:
    failure = fails(error, "messages[].content")
    assert isinstance(failure, ProviderMisconfigured)
    assert (failure.status, failure.reason) == (400, FailureReason.ADDED_FIELD)
    assert field.partition("[")[0] in failure.message


@pytest.mark.parametrize("error", MESSAGES, ids=words)
def test_what_is_said_of_messages_is_the_clients(error: HttpRefusal) -> None:
    failure = fails(error, "messages[].content")
    assert isinstance(failure, ProviderRejected)
    assert (failure.path, failure.reason) == ("messages", FailureReason.STATED_FIELD)


@pytest.mark.parametrize(
    "error",
    [
        worded("You can only set only one of thinking budget and thinking level."),
        worded('Invalid JSON payload received. Unknown name "id" at SECRET', violated("contents[1].parts[0]")),
        worded("Function call is missing a thought_signature in functionCall parts. SECRET"),
        worded("functionResponse.id does not match functionCall.id"),
        worded("at most 100 requests can be in one batch"),
        worded("SECRET", violated("contents[1].parts[0].function_call.id")),
        worded("SECRET", violated("safety_settings[0].category")),
    ],
    ids=words,
)
def test_what_only_the_gateway_can_have_sent_is_its_fault_whatever_was_stated(error: HttpRefusal) -> None:
    failure = fails(error, "messages[].content", "messages[].tool_calls", "reasoning_effort", "tools")
    assert isinstance(failure, ProviderMisconfigured)
    assert failure.reason is FailureReason.ADDED_FIELD


@pytest.mark.parametrize(
    "error",
    [
        worded("SECRET", violated("")),
        worded("SECRET", violated(7)),
        worded(None),
        worded("Request contains an invalid argument."),
        worded("What level of thinking is not supported?", code=400),
    ],
)
def test_a_refusal_that_tells_nothing_is_the_requests(error: HttpRefusal) -> None:
    failure = fails(error, "messages[].content", "reasoning_effort")
    assert isinstance(failure, ProviderRejected)
    assert (failure.path, failure.status, failure.reason) == (None, 400, FailureReason.REQUEST)


@pytest.mark.parametrize(
    ("words", "limit", "tokens"),
    [
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            1_048_576,
            1_200_000,
        ),
        ("The input token count exceeds the maximum number of tokens allowed 1048576.", 1_048_576, None),
        ("The input token count exceeds the maximum number of tokens allowed.", None, None),
    ],
)
def test_a_prompt_beyond_the_context_is_told_with_its_limit(words: str, limit: int | None, tokens: int | None) -> None:
    failure = fails(worded(words))
    assert isinstance(failure, ContextLengthExceeded)
    assert (failure.limit, failure.tokens, failure.reason) == (limit, tokens, FailureReason.CONTEXT_LENGTH)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (worded("API key not valid. Please pass a valid API key."), ProviderMisconfigured, R.CREDENTIALS),
        (worded("API Key not found. SECRET"), ProviderMisconfigured, R.CREDENTIALS),
        (worded("API key expired. Please renew."), ProviderMisconfigured, R.CREDENTIALS),
        (worded("User location is not supported for the API use."), ProviderMisconfigured, R.LOCATION),
        (refusal(400, status="FAILED_PRECONDITION"), ProviderMisconfigured, R.BILLING),
        (refusal(402), ProviderMisconfigured, R.BILLING),
        (refusal(403), ProviderMisconfigured, R.CREDENTIALS),
        (refusal(404), ProviderMisconfigured, R.UNKNOWN_MODEL),
        (worded("This model is no longer available to new users", code=404), ProviderMisconfigured, R.RETIRED_MODEL),
        (refusal(410), ProviderBroken, R.GONE),
        (refusal(413), ProviderRejected, R.REQUEST),
        (refusal(429), ProviderThrottled, R.RATE),
        (refusal(429, {"reason": "MODEL_CAPACITY_EXHAUSTED"}), ProviderUnavailable, R.CAPACITY),
        (refusal(499), ProviderBroken, R.CANCELLED),
        (worded("The model is overloaded. SECRET", code=503), ProviderUnavailable, R.CAPACITY),
        (worded("experiencing high demand", code=503), ProviderUnavailable, R.CAPACITY),
        (refusal(502), ProviderUnavailable, R.SERVER),
    ],
)
def test_the_class_of_a_failure(error: HttpRefusal, kind: type[ProviderError], reason: FailureReason) -> None:
    failure = fails(error)
    assert (type(failure), failure.status, failure.reason) == (kind, error.status, reason)
    assert failure.doubtful is (error.status in (410, 499))
    assert failure.repeats == (1 if error.status == 499 else 0)


def quota(*ids: str) -> dict[str, Any]:
    violations = [{"quotaMetric": "x", "quotaId": id} for id in ids]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": ["odd", *violations]}


@pytest.mark.parametrize(("stated", "doubtful"), [("response_format", True), ("tools", False)])
def test_a_failure_on_a_schema_may_be_the_schemas(stated: str, doubtful: bool) -> None:
    failure = fails(refusal(500), stated)
    assert isinstance(failure, ProviderUnavailable)
    assert (failure.doubtful, failure.repeats, failure.reason) == (doubtful, int(doubtful), R.SERVER)


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
        (worded("Quota exceeded. Please retry in 12.3s.", code=429), 12.3),
        (worded("Please retry in 900ms.", code=429), 0.9),
        (refusal(429, {"retryDelay": "900ms"}), 0.9),
        (refusal(429, quota("GenerateContentInputTokensPerModelPerMinute-FreeTier")), 60),
        (refusal(429, {"retryDelay": "-3s"}), 1),
        (refusal(429, {"retryDelay": 3}), 1),
        (refusal(429), 1),
        (refusal(429, Retry_After=""), 1),
        (refusal(429, Retry_After="-5"), 1),
        (refusal(429, Retry_After="nan"), 1),
        (refusal(429, Retry_After="1e400"), 1),
        (refusal(429, Retry_After="٣"), 1),
        (refusal(503, Retry_After="9" * 400), LONGEST_RETRY_AFTER.total_seconds()),
        (refusal(429, Retry_After="Fri, 31 Dec 99999 23:59:59 GMT"), 1),
        (refusal(400, Retry_After="7"), None),
    ],
)
def test_how_long_to_wait(error: HttpRefusal, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert GeminiFailures(TO, lambda: NOW).failure(error).retry_after == expected


BY_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
BY_MINUTE = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
RESET = 1_800_000_000.0  # 15 January 2027, 08:00 UTC, is midnight in Los Angeles, so NOW is the reset itself
NEXT_RESET = RESET + 86_400


@pytest.mark.parametrize(
    ("error", "out", "reason"),
    [
        (refusal(429, quota(BY_DAY), {"retryDelay": "34s"}), NEXT_RESET, R.DAY_QUOTA),
        (refusal(429, quota(BY_MINUTE, BY_DAY), {"retryDelay": "2s"}), NEXT_RESET, R.DAY_QUOTA),
        (refusal(429, quota("RequestsDailyPerProject")), NEXT_RESET, R.DAY_QUOTA),
        (worded("Quota exceeded for metric: x, limit: 0\nPlease retry in 2s.", code=429), NEXT_RESET, R.NO_QUOTA),
        (worded("Your prepayment credits are depleted.", code=429), NEXT_RESET, R.BILLING),
        (worded("models/x is no longer available to new users", code=404), NEXT_RESET, R.RETIRED_MODEL),
        (refusal(429, {"retryDelay": "301s"}), NOW + 301, R.RATE),
        (refusal(429, quota(BY_MINUTE), {"retryDelay": "34s"}), None, R.RATE),
        (refusal(429, {"retryDelay": "300s"}), None, R.RATE),
        (refusal(402), None, R.BILLING),
        (refusal(404), None, R.UNKNOWN_MODEL),
        (worded("limit: 0", code=503), None, R.SERVER),
    ],
)
def test_what_takes_the_endpoint_out_and_until_when(
    error: HttpRefusal, out: float | None, reason: FailureReason
) -> None:
    failure = fails(error)
    assert (failure.out_until, failure.reason) == (out, reason)
    if out is not None and isinstance(failure, ProviderThrottled):
        assert failure.retry_after == timedelta(seconds=out - NOW)


@pytest.mark.parametrize("quoted", ["API key not valid", "API key expired", "User location is not supported"])
def test_words_of_the_account_that_a_refused_field_quotes_accuse_no_account(quoted: str) -> None:
    field = violated("tools[0].function_declarations[0].parameters")
    error = fails(worded(f"Invalid value at 'tools[0]' (TYPE_STRING), \"{quoted}\"", field), "tools")
    assert (type(error), error.reason) == (ProviderRejected, R.STATED_FIELD)
