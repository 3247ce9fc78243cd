"""What the SDK and what it stands on raise, one by one, as the errors that every transport raises."""

import socket

import aiohttp
import httpx
import ollama
import pytest
from msgspec import json

from llm_gateway.adapters.outbound.ollama.refusals import ReportedError
from llm_gateway.adapters.outbound.ollama.sdk import neutral
from llm_gateway.adapters.outbound.vendor_http.errors import (
    BrokenOff,
    Malformed,
    OutsideAddress,
    Unconnected,
)
from llm_gateway.domain.errors import FailureReason


def behind(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


CASES: list[tuple[Exception, type[Exception]]] = [
    (httpx.ConnectError("x"), Unconnected),
    (ConnectionError("x"), Unconnected),
    (socket.gaierror(-2, "x"), Unconnected),
    (behind(httpx.ConnectError("x"), OutsideAddress("x")), OutsideAddress),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()), BrokenOff),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ClientOSError(104, "x")), BrokenOff),
    (behind(httpx.ConnectTimeout("x"), aiohttp.ServerTimeoutError()), TimeoutError),
    (httpx.ConnectTimeout("x"), TimeoutError),
    (TimeoutError(), TimeoutError),
    (ConnectionResetError("x"), BrokenOff),
    (behind(httpx.ReadError("x"), aiohttp.ClientPayloadError("x")), BrokenOff),
    (aiohttp.ClientPayloadError("x"), BrokenOff),
    (httpx.RemoteProtocolError("x"), BrokenOff),
    (httpx.StreamClosed(), BrokenOff),
    (ollama.ResponseError("x"), ReportedError),
    (Malformed("x"), Malformed),
    (ValueError("x"), Malformed),
    (TypeError("x"), Malformed),
    (AttributeError("x"), Malformed),
    (RecursionError("x"), RecursionError),
    (KeyError("ours"), KeyError),
]


@pytest.mark.parametrize(("raised", "kind"), CASES, ids=lambda case: getattr(case, "__name__", repr(case)))
def test_an_exception_is_its_error(raised: Exception, kind: type[Exception]) -> None:
    assert type(neutral(raised)) is kind


def test_what_a_runner_answered_is_known_where_the_sdk_has_read_it_already() -> None:
    told = json.encode({"error": {"message": "SECRET", "type": "exceed_context_size_error"}}).decode()
    error = neutral(ollama.ResponseError(told))
    assert isinstance(error, ReportedError)
    assert error.what is not None
    assert error.what.sign.reason is FailureReason.CONTEXT_LENGTH
    assert "SECRET" not in repr(error)
