"""What servers of OpenAI's API refuse, in their own words: each is its class of error, in ours."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.outbound.openai.dialects import SpokenModels
from llm_gateway.adapters.outbound.openai.failures import SpokenFailures
from llm_gateway.adapters.outbound.vendor_http.errors import HttpRefusal
from llm_gateway.domain import errors
from llm_gateway.domain.errors import FailureReason as R
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.routing import EndpointId

TO = EndpointId(provider="mine", model="able")
PLACES = SpokenModels("openai").of("able", 0.0).places
STATED = frozenset({"messages[].content", "tools", "tool_choice", "temperature", "response_format", "max_tokens"})
SECRET = "a prompt that nobody may see"


def failure(status: int, body: Any, header: str | None = None, stated: frozenset[str] = STATED) -> ProviderError:
    data = body if isinstance(body, bytes) else json.encode(body)
    around = SpokenFailures(TO, lambda: 0.0, stated=lambda: stated, places=PLACES)
    with pytest.raises(ProviderError) as caught, around:
        raise HttpRefusal(status, header, data)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def told(message: str, **more: object) -> dict[str, Any]:
    return {"error": {"message": f"{message} {SECRET}", **more}}


LONG: dict[str, tuple[int, Any, int | None]] = {
    "OpenAI": (
        400,
        told("This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
        8192,
    ),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens",
            "code": 400,
        },
        4096,
    ),
    "vLLM, now": (400, told("maximum context length is 4096 tokens", type="BadRequestError", code=400), 4096),
    "llama.cpp": (
        400,
        told(
            "request (6031 tokens) exceeds the available context size (2048 tokens), try increasing it",
            type="exceed_context_size_error",
            code=400,
        ),
        2048,
    ),
    "llama.cpp, embeddings": (500, told("input is too large to process. increase the physical batch size"), None),
    "LM Studio": (
        400,
        {"error": "The number of tokens to keep from the initial prompt is greater than the context length."},
        None,
    ),
    "Mistral": (
        400,
        {"object": "error", "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context"},
        None,
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_a_prompt_that_is_too_long_is_known_in_every_words(name: str) -> None:
    status, body, limit = LONG[name]
    error = failure(status, body)
    assert isinstance(error, errors.ContextLengthExceeded)
    assert error.limit == limit


CASES: list[tuple[int, Any, type[ProviderError], R | None]] = [
    (401, told("Incorrect API key"), errors.ProviderMisconfigured, R.CREDENTIALS),
    (403, {"detail": "Forbidden"}, errors.ProviderMisconfigured, R.CREDENTIALS),
    (402, told("Insufficient Balance"), errors.ProviderMisconfigured, R.BILLING),
    (429, told("You exceeded", code="insufficient_quota"), errors.ProviderMisconfigured, R.BILLING),
    (404, told("no", code="model_not_found"), errors.ProviderMisconfigured, R.UNKNOWN_MODEL),
    (404, b"<html>", errors.ProviderMisconfigured, R.UNKNOWN_MODEL),
    (429, told("slow down"), errors.ProviderThrottled, R.RATE),
    (413, told("Request too large ... tokens per minute (TPM)"), errors.ProviderThrottled, R.RATE),
    (400, told("x", code="tool_use_failed"), errors.ProviderBroken, R.UNUSABLE),
    (498, told("capacity"), errors.ProviderUnavailable, R.CAPACITY),
    (503, told("Loading model", type="unavailable_error"), errors.ProviderUnavailable, R.CAPACITY),
    (503, b"", errors.ProviderUnavailable, R.SERVER),
    (500, told("oops"), errors.ProviderUnavailable, R.SERVER),
    (529, told("overloaded"), errors.ProviderUnavailable, R.CAPACITY),
    (408, b"", errors.ProviderTimeout, R.TIMEOUT),
    (504, b"<html>", errors.ProviderTimeout, R.TIMEOUT),
    (422, {"detail": [{"loc": ["body", "x"], "msg": SECRET}]}, errors.ProviderRejected, R.REQUEST),
    (400, told("no idea"), errors.ProviderRejected, R.REQUEST),
    (302, b"", errors.ProviderBroken, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "reason"), CASES)
def test_each_refusal_is_its_class(status: int, body: Any, kind: type[ProviderError], reason: R | None) -> None:
    error = failure(status, body)
    assert (type(error), error.reason, error.status) == (kind, reason, status)


@pytest.mark.parametrize(
    ("status", "message", "path"),
    [
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
        (500, "tools param requires --jinja flag", "tools"),
        (400, "Invalid tool_choice type: 'object'. Supported string values: none, auto, required", "tool_choice"),
        (500, "image input is not supported - hint: you may need to provide the mmproj", "messages[].content"),
        (400, "able is not a multimodal model", "messages[].content"),
        (400, "JSON schema error at #: unrecognized type foo", "response_format"),
        (400, "This response_format type is unavailable now", "response_format"),
    ],
)
def test_a_field_that_the_client_stated_is_named(status: int, message: str, path: str) -> None:
    error = failure(status, told(message))
    assert isinstance(error, errors.ProviderRejected)
    assert error.path is not None
    assert error.path == path.partition("[")[0]


def test_a_field_that_the_server_names_is_told_by_our_name_where_the_client_stated_it() -> None:
    refused = failure(400, told("Unsupported value", param="max_completion_tokens"))
    assert isinstance(refused, errors.ProviderRejected)
    assert refused.path == "max_tokens"
    other = failure(400, told("Unsupported", param="temperature"), stated=frozenset({"messages[].content"}))
    assert isinstance(other, errors.ProviderRejected)
    assert other.path is None


def test_a_wait_that_the_server_asks_for_is_kept() -> None:
    assert failure(429, told("x"), "7").retry_after == timedelta(seconds=7)
    assert failure(503, told("x"), "3").retry_after == timedelta(seconds=3)
