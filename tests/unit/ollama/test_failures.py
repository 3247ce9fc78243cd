"""The vendor's exceptions, one by one: by class, status and known fragments, without their words."""

import asyncio
import socket
from datetime import timedelta

import pytest
from msgspec import DecodeError, json

from llm_gateway.adapters.outbound.ollama.failures import OllamaFailures
from llm_gateway.adapters.outbound.ollama.refusals import ReportedError, told_within
from llm_gateway.adapters.outbound.vendor_http.errors import (
    AnswerTooLarge,
    BadAddress,
    BrokenOff,
    HttpRefusal,
    Malformed,
    OutsideAddress,
    Unconnected,
)
from llm_gateway.domain import errors
from llm_gateway.domain.errors import FailureReason as R
from llm_gateway.domain.routing import EndpointId

TO = EndpointId(provider="mine", model="llama3.2")
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def refusal(status: int, said: str = "", *, retry_after: str | None = None) -> HttpRefusal:
    return HttpRefusal(status, retry_after, json.encode({"error": said}) if said else b"<html>")


def reported(said: str) -> ReportedError:
    return ReportedError(told_within(said))


def runners(kind: str, said: str, **more: int) -> str:
    """What a runner answered, as the server passes it on."""
    error = {"code": 400, "message": said, "type": kind, **more}
    return json.encode({"error": error}).decode()


CASES: list[tuple[Exception, type[errors.ProviderError]]] = [
    (Unconnected("x"), errors.ProviderRefused),
    (socket.gaierror(-2, "x"), errors.ProviderRefused),
    (OutsideAddress("x"), errors.ProviderRefused),
    (TimeoutError(), errors.ProviderTimeout),
    (BrokenOff("x"), errors.ProviderBroken),
    (BadAddress("x"), errors.ProviderMisconfigured),
    (reported("x"), errors.ProviderUnavailable),
    (Malformed("x"), errors.ProviderBroken),
    (AnswerTooLarge(), errors.ProviderBroken),
    (DecodeError("x"), errors.ProviderBroken),
    (ValueError("x"), errors.ProviderBroken),
    (RecursionError("x"), errors.ProviderBroken),
    (refusal(418), errors.ProviderRejected),
    (refusal(304), errors.ProviderBroken),
    (refusal(503), errors.ProviderUnavailable),
]


@pytest.mark.parametrize(("raised", "kind"), CASES, ids=lambda case: getattr(case, "__name__", repr(case)))
def test_an_exception_is_its_class_of_error(raised: Exception, kind: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as caught, OllamaFailures(TO, lambda: NOW):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.provider == "mine"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_one_serves_every_part_of_a_call_and_keeps_nothing_of_any() -> None:
    failures, raised = OllamaFailures(TO, lambda: NOW, "late"), list[BaseException]()
    for vendors in (ValueError("a prompt"), TimeoutError()):
        with failures:
            pass
        with pytest.raises(errors.ProviderError) as caught, failures:
            raise vendors
        raised.append(caught.value)
    assert [type(one) for one in raised] == [errors.ProviderBroken, errors.ProviderTimeout]
    assert failures == OllamaFailures(TO, failures.now, "late")


@pytest.mark.parametrize("raised", [KeyError("ours"), asyncio.CancelledError(), errors.ProviderThrottled("a", "b")])
def test_what_is_not_the_vendors_passes_unchanged(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught, OllamaFailures(TO, lambda: NOW):
        raise raised
    assert caught.value is raised


TOO_LONG = [
    (400, "the prompt is longer than the context length currently available to the model: SECRET", None),
    (400, "the input length exceeds the context length", None),
    (500, "input length (3000 tokens) exceeds the model's maximum context length (2048 tokens)", 2048),
    (400, "input exceeds maximum context length", None),
    (400, "input after truncation exceeds maximum context length", None),
    (400, runners("exceed_context_size_error", "SECRET", n_prompt_tokens=3000, n_ctx=2048), None),
    (400, runners("x", "request (3000 tokens) exceeds the available context size (2048 tokens), SECRET"), 2048),
    (500, runners("x", "request (3000 tokens) exceeds the available context size (2048 tokens)"), 2048),
]
STATED: list[tuple[int, str, str]] = [
    (400, '"M" does not support tools', "tools"),
    (400, '"M" does not support thinking', "reasoning_effort"),
    (400, "invalid think value: SECRET", "reasoning_effort"),
    (500, runners("server_error", "image input is not supported - hint: SECRET mmproj"), "messages"),
    (500, "this model only supports one image SECRET", "messages"),
    (400, "failed to parse grammar: SECRET", "response_format"),
    (500, "invalid JSON schema in format: SECRET", "response_format"),
    (500, "failed to load model vocabulary required for format", "response_format"),
]
CLASSES: list[tuple[int, str, type[errors.ProviderError], R, int]] = [
    (503, "server busy.  maximum pending requests exceeded", errors.ProviderOverloaded, R.QUEUE_FULL, 0),
    (500, "model requires more system memory (9 GiB) than", errors.ProviderUnavailable, R.OUT_OF_MEMORY, 0),
    (500, "llama-server reported out-of-memory during startup: SECRET", errors.ProviderUnavailable, R.OUT_OF_MEMORY, 0),
    (500, "cudaMalloc failed: out of memory", errors.ProviderUnavailable, R.OUT_OF_MEMORY, 0),
    (500, "model runner has unexpectedly stopped, this may be", errors.ProviderUnavailable, R.RUNNER_LOST, 0),
    (500, "llama-server process has terminated: SECRET", errors.ProviderUnavailable, R.RUNNER_LOST, 0),
    (500, "timed out waiting for llama-server to start", errors.ProviderUnavailable, R.LOAD_STALLED, 0),
    (500, "invalid tool call arguments: SECRET", errors.ProviderBroken, R.UNUSABLE, 0),
    (500, 'option "seed" must be of type integer', errors.ProviderMisconfigured, R.ADDED_FIELD, 0),
    (400, "invalid model name", errors.ProviderMisconfigured, R.UNKNOWN_MODEL, 0),
    (400, '"M" does not support chat', errors.ProviderMisconfigured, R.ADDED_FIELD, 0),
    (404, "model 'M' not found", errors.ProviderMisconfigured, R.UNKNOWN_MODEL, 0),
    (401, "unauthorized", errors.ProviderMisconfigured, R.CREDENTIALS, 0),
    (402, "", errors.ProviderMisconfigured, R.BILLING, 0),
    (403, "ollama cloud is disabled: SECRET", errors.ProviderMisconfigured, R.LOCATION, 0),
    (408, "", errors.ProviderTimeout, R.TIMEOUT, 0),
    (410, "", errors.ProviderBroken, R.GONE, 0),
    (429, "", errors.ProviderThrottled, R.RATE, 0),
    (499, "request canceled", errors.ProviderBroken, R.CANCELLED, 1),
    (502, "SECRET", errors.ProviderUnavailable, R.SERVER, 0),
    (400, "SECRET", errors.ProviderRejected, R.REQUEST, 0),
]  # fmt: skip
TEXT = "messages[].content"


def fails(raised: Exception, failures: OllamaFailures) -> errors.ProviderError:
    with pytest.raises(errors.ProviderError) as caught, failures:
        raise raised
    assert "SECRET" not in repr(caught.value)
    return caught.value


def of(*stated: str, shaped: bool = False, embeds: bool = False) -> OllamaFailures:
    return OllamaFailures(TO, lambda: NOW, stated=lambda: frozenset(stated), shaped=shaped, embeds=embeds)


@pytest.mark.parametrize(("status", "said", "limit"), TOO_LONG)
@pytest.mark.parametrize("embeds", [True, False])
def test_a_prompt_beyond_the_context_is_told_in_every_wording(
    status: int, said: str, limit: int | None, embeds: bool
) -> None:
    failure = fails(refusal(status, said), of(embeds=embeds))
    assert isinstance(failure, errors.ContextLengthExceeded)
    assert (failure.status, failure.reason, failure.limit) == (status, R.CONTEXT_LENGTH, limit)
    assert type(fails(reported(said), of())) is errors.ContextLengthExceeded


@pytest.mark.parametrize(("status", "said", "path"), STATED)
def test_a_refused_field_is_whose_fault_it_is_that_it_was_sent(status: int, said: str, path: str) -> None:
    failure = fails(refusal(status, said), of(TEXT, path))
    assert isinstance(failure, errors.ProviderRejected)
    assert (failure.path, failure.status, failure.reason) == (path, status, R.STATED_FIELD)
    assert not failure.doubtful
    if path != "messages":
        added = fails(refusal(status, said), of(TEXT))
        assert isinstance(added, errors.ProviderMisconfigured)
        assert added.reason is R.ADDED_FIELD


@pytest.mark.parametrize(("status", "said", "kind", "reason", "repeats"), CLASSES)
def test_the_class_of_a_failure(
    status: int, said: str, kind: type[errors.ProviderError], reason: R, repeats: int
) -> None:
    failure = fails(refusal(status, said), of(TEXT))
    assert (type(failure), failure.status, failure.reason) == (kind, status, reason)
    assert failure.repeats == repeats
    assert failure.doubtful is (reason in (R.GONE, R.CANCELLED, R.UNUSABLE))
    assert failure.retry_after == (timedelta(seconds=1) if reason is R.QUEUE_FULL else None)


def test_a_model_that_is_not_pulled_is_named() -> None:
    assert "run `ollama pull llama3.2`" in fails(refusal(404, "SECRET"), of()).message


def test_a_full_queue_that_says_how_long_is_believed() -> None:
    said = "maximum pending requests exceeded"
    assert fails(refusal(503, said, retry_after="7"), of()).retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("field", ["response_format", "tools"])
@pytest.mark.parametrize(("status", "doubtful"), [(400, False), (500, True)])
def test_what_nothing_explains_may_be_the_schemas(status: int, doubtful: bool, field: str) -> None:
    failure = fails(refusal(status, "SECRET"), of(TEXT, field, shaped=True))
    assert isinstance(failure, errors.ProviderRejected)
    assert (failure.path, failure.doubtful, failure.status) == (field, doubtful, status)


def test_a_known_failure_is_not_held_against_the_schema() -> None:
    known = of(TEXT, "response_format", shaped=True)
    assert fails(refusal(500, "model requires more system memory"), known).reason is R.OUT_OF_MEMORY
    assert fails(refusal(503, "SECRET"), known).reason is R.SERVER


@pytest.mark.parametrize("shaped", [True, False])
def test_an_error_inside_an_answer_may_be_the_schemas(shaped: bool) -> None:
    failure = fails(reported("SECRET"), of(TEXT, "response_format", shaped=shaped))
    assert isinstance(failure, errors.ProviderUnavailable)
    assert (failure.doubtful, failure.reason, failure.status) == (shaped, R.SERVER, None)


def test_an_embedding_that_nothing_explains_is_too_long() -> None:
    assert type(fails(refusal(400, "SECRET"), of("input", embeds=True))) is errors.ContextLengthExceeded
