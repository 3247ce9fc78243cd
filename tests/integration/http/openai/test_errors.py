"""OpenAI's error objects on every status that a path under `/v1` can have."""

from datetime import timedelta
from typing import Any

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.common.problems import TABLE
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.errors import ProviderError

from ..served import KEY, Serve, Served, chat, stopped_clock

URL = "/v1/chat/completions"
PROVIDER_ERRORS = [kind for kind in TABLE if issubclass(kind, ProviderError)]


def code_of(response: Any) -> str:
    body = response.json()
    assert response.headers["content-type"] == "application/json"
    assert body.keys() == {"error"}
    assert body["error"].keys() - {"quota"} == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"]
    return str(body["error"]["code"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", PROVIDER_ERRORS)
async def test_a_provider_s_failure_has_its_status(start: Serve, kind: type[ProviderError], stream: bool) -> None:
    failure = kind("ollama", "it went wrong", retry_after=timedelta(seconds=1.2))
    served = await start(ScriptedChatModel(stopped_clock(), [failure]), provider_max_retries=0)

    response = await served.client.post(URL, json={"model": "ollama", "stream": stream, **chat()})

    assert (response.status_code, code_of(response)) == TABLE[kind]
    assert response.json()["error"]["message"] == "ollama: it went wrong"
    assert (response.headers["retry-after"], response.headers["retry-after-ms"]) == ("2", "1200")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", URL, {"x-api-key": "wrong"}, 401, "invalid_api_key"),
        ("POST", URL, {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", URL, {"host": "elsewhere.example"}, 421, "misdirected"),
        ("GET", URL, {}, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", {}, 405, "method_not_allowed"),
        ("GET", "/v1/models", {"x-api-key": "wrong"}, 401, "invalid_api_key"),
        ("GET", "/v1", {}, 404, "not_found"),
        ("POST", "/v1/assistants", {}, 404, "not_found"),
        ("GET", "/v1/models", {"host": "elsewhere.example"}, 421, "misdirected"),
    ],
)
async def test_what_never_came_to_a_model(
    start: Serve, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    served = await start(ScriptedChatModel(stopped_clock()))

    response = await served.client.request(
        method, path, content="{}", headers={"content-type": "application/json", "x-api-key": KEY, **headers}
    )

    assert (response.status_code, code_of(response)) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000])
async def test_a_body_that_is_no_chat_is_400(served: Served, body: bytes) -> None:
    response = await served.client.post(URL, content=body, headers={"content-type": "application/json"})

    assert (response.status_code, code_of(response)) == (400, "invalid_request")


async def test_a_body_too_large_or_too_late(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), pace=Pace(body=0.05), max_body_bytes=1024)

    large = await served.client.post(URL, json={"model": "ollama", **chat("x" * 2000)})
    wire = await served.connect()
    await wire.send(served.request(path=URL, body=b"{}", content_length="9"))
    status, headers, body = await wire.answer()

    assert (large.status_code, code_of(large)) == (413, "too_large")
    assert (status, headers["content-type"]) == (408, "application/json")
    assert b'"code":"request_timeout"' in body


async def test_a_quota_that_is_used_up_says_when_to_come_again(start: Serve) -> None:
    clock = ScriptedClock()
    served = await start(
        ScriptedChatModel(stopped_clock()),
        rate_limiter_capacity=1,
        rate_limiter_refill_rate=0.4,
        overrides={"clock": clock},
    )
    first, second = [await served.client.post(URL, json={"model": "ollama", **chat()}) for _ in range(2)]

    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert first.headers["x-ratelimit-reset-requests"] == "2.5s"
    assert (second.status_code, code_of(second)) == (429, "rate_limit_exceeded")
    assert second.json()["error"]["type"] == "rate_limit_error"
    assert (second.headers["retry-after"], second.headers["retry-after-ms"]) == ("3", "2500")
    assert second.headers.get_list("x-ratelimit-reset-requests") == ["2.5s"]


async def test_an_unknown_model_is_404_and_names_the_field(served: Served) -> None:
    response = await served.client.post(URL, json={"model": "gpt-9", **chat()})

    assert (response.status_code, code_of(response)) == (404, "model_not_found")
    assert response.json()["error"]["param"] == "model"


async def test_an_unexpected_fault_tells_nothing(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), [ValueError("canary")]))

    response = await served.client.post(URL, json={"model": "ollama", **chat()})

    assert (response.status_code, code_of(response)) == (500, "internal")
    assert "canary" not in response.text


async def test_a_gateway_that_drains_takes_nothing(served: Served) -> None:
    served.drain.set()

    responses = [
        await served.client.post(URL, json={"model": "ollama", **chat()}),
        await served.client.get("/v1/models"),
        await served.client.get("/v1/models/local"),
    ]

    assert [(response.status_code, code_of(response)) for response in responses] == [(503, "draining")] * 3
