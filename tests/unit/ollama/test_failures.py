"""The vendor's exceptions, one by one: by class and status, without their words."""

import asyncio
import socket

import aiohttp
import httpx
import ollama
import pytest

from llm_gateway.adapters.outbound.ollama.failures import OllamaFailures
from llm_gateway.adapters.outbound.ollama.transport import Malformed, OutsideAddress, Refusal
from llm_gateway.domain import errors
from llm_gateway.domain.routing import EndpointId

TO = EndpointId(provider="mine", model="llama3.2")
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def behind(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


CASES: list[tuple[Exception, type[errors.ProviderError]]] = [
    (httpx.ConnectError("x"), errors.ProviderRefused),
    (ConnectionError("x"), errors.ProviderRefused),
    (socket.gaierror(-2, "x"), errors.ProviderRefused),
    (behind(httpx.ConnectError("x"), OutsideAddress("x")), errors.ProviderRefused),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()), errors.ProviderBroken),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ClientOSError(104, "x")), errors.ProviderBroken),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ServerTimeoutError()), errors.ProviderTimeout),
    (httpx.ConnectTimeout("x"), errors.ProviderTimeout),
    (TimeoutError(), errors.ProviderTimeout),
    (ConnectionResetError("x"), errors.ProviderBroken),
    (behind(httpx.ReadError("x"), aiohttp.ClientPayloadError("x")), errors.ProviderBroken),
    (aiohttp.ClientPayloadError("x"), errors.ProviderBroken),
    (httpx.RemoteProtocolError("x"), errors.ProviderBroken),
    (httpx.StreamClosed(), errors.ProviderBroken),
    (httpx.UnsupportedProtocol("x"), errors.ProviderMisconfigured),
    (ollama.ResponseError("x"), errors.ProviderUnavailable),
    (Malformed("x"), errors.ProviderBroken),
    (ValueError("x"), errors.ProviderBroken),
    (RecursionError("x"), errors.ProviderBroken),
    (Refusal(418, None), errors.ProviderRejected),
    (Refusal(400, None, overflow=True), errors.ContextLengthExceeded),
    (Refusal(304, None), errors.ProviderBroken),
    (Refusal(503, None), errors.ProviderUnavailable),
    (Refusal(503, None, busy=True), errors.ProviderThrottled),
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


@pytest.mark.parametrize(
    ("raised", "shaped", "doubtful"),
    [
        (Refusal(500, None), True, True),
        (Refusal(500, None), False, False),
        (Refusal(503, None), True, False),
        (ollama.ResponseError("x"), True, True),
        (ollama.ResponseError("x"), False, False),
    ],
)
def test_a_failure_on_a_schema_may_be_the_schemas(raised: Exception, shaped: bool, doubtful: bool) -> None:
    with pytest.raises(errors.ProviderUnavailable) as caught, OllamaFailures(TO, lambda: NOW, shaped=shaped):
        raise raised
    assert caught.value.doubtful is doubtful
