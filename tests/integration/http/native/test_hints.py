"""Hints from header, body and model; pins; `explain`; and a request's own timeout."""

from typing import Any

import httpx
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.routing import Feature

from ..served import KEY, Serve, Served, chat, endpoint, stopped_clock

URL = "/api/v1/chat"


@pytest.fixture
async def both(start: Serve) -> Served:
    """Ollama on the premises and Gemini in the cloud."""
    return await start(
        ScriptedChatModel(stopped_clock(), answer("From ollama.")),
        ScriptedChatModel(stopped_clock(), answer("From gemini.")),
    )


@pytest.mark.parametrize(
    ("fields", "header", "provider"),
    [
        ({}, None, "ollama"),
        ({"model_hint": "online"}, None, "gemini"),
        ({"model_hint": "fast"}, None, "gemini"),
        ({"model_hint": "local"}, None, "ollama"),
        ({"model_hint": "secure"}, None, "ollama"),
        ({}, "online", "gemini"),
        ({}, "secure", "ollama"),
        ({"model": "fast"}, None, "gemini"),
        ({"model": "gemini"}, None, "gemini"),
        ({"model": "gemini-flash-latest"}, None, "gemini"),
        ({"model": "ollama/llama3.1"}, None, "ollama"),
        ({"model": "gemini", "model_hint": "online"}, None, "gemini"),
        ({"model_hint": "online"}, "secure", "ollama"),
        ({"model_hint": "secure"}, "online", "ollama"),
        ({"model": "online"}, "secure", "ollama"),
        ({"model": "secure", "model_hint": "online"}, None, "ollama"),
        ({"model_hint": "fast"}, "fast", "gemini"),
    ],
)
async def test_who_answers(both: Served, fields: dict[str, Any], header: str | None, provider: str) -> None:
    headers = {"x-gateway-hint": header} if header else {}

    response = await both.client.post(URL, json=chat(**fields), headers=headers)

    assert response.json()["provider"] == response.headers["x-gateway-provider"] == provider


@pytest.mark.parametrize(
    ("fields", "headers", "path"),
    [
        ({"model_hint": "best"}, [], "model_hint"),
        ({"model_hint": "Secure"}, [], "model_hint"),
        ({}, ["best"], "X-Gateway-Hint"),
        ({}, [""], "X-Gateway-Hint"),
        ({}, ["online, secure"], "X-Gateway-Hint"),
        ({"model_hint": "fast"}, ["local"], "X-Gateway-Hint"),
        ({}, ["fast", "local"], "X-Gateway-Hint"),
        ({"model": "gemini"}, ["secure"], "model"),
        ({"model": "gemini", "model_hint": "local"}, [], "model"),
    ],
)
async def test_what_is_unknown_or_in_conflict_is_refused(
    both: Served, fields: dict[str, Any], headers: list[str], path: str
) -> None:
    named = [("x-api-key", KEY), *(("x-gateway-hint", value) for value in headers)]

    response = await both.client.post(URL, json=chat(**fields), headers=named)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
    assert [fault["path"] for fault in response.json()["errors"]] == [path]


async def test_any_mention_of_secure_wins_also_in_a_second_header(both: Served) -> None:
    headers = [("x-api-key", KEY), ("x-gateway-hint", "online"), ("x-gateway-hint", "secure")]

    response = await both.client.post(URL, json=chat(), headers=headers)

    assert response.headers["x-gateway-provider"] == "ollama"


@pytest.mark.parametrize(
    "twice",
    [
        '"model_hint":"secure","model_hint":"online"',
        r'"model_hint":"secure","model\u005fhint":"online"',
        '"model":"secure","model":"gemini"',
    ],
)
async def test_a_routing_field_is_not_said_twice(both: Served, twice: str) -> None:
    """Decoding would take the last, and lose a mention of `secure`."""
    body = f'{{"messages":[{{"role":"user","content":"Hello"}}],{twice}}}'

    response = await both.client.post(URL, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "stands there twice"


async def test_the_words_of_routing_may_stand_in_a_message(both: Served) -> None:
    response = await both.chat(r'"model_hint": "model_hint" "model" "model" \u0041')

    assert response.status_code == 200


async def test_unknown_models_are_404(both: Served) -> None:
    response = await both.chat(model="gpt-9")

    assert (response.status_code, response.json()["code"]) == (404, "unknown_model")


async def test_what_no_endpoint_can_honour_names_field_and_provider(start: Serve) -> None:
    state = endpoint("ollama", without=frozenset({Feature.SEED}))
    served = await start(ScriptedChatModel(stopped_clock()), endpoints=[state])

    response = await served.chat(seed=1, model="ollama")

    assert response.status_code == 400
    assert response.json()["errors"] == [{"path": "seed", "message": "ollama/llama3.1 cannot honour seed"}]


async def test_nobody_to_ask_is_503_and_says_why(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()), endpoints=[endpoint("ollama", unusable="the model is not pulled")]
    )

    response = await served.chat()

    assert (response.status_code, response.json()["code"]) == (503, "no_route")
    assert "the model is not pulled" in response.json()["detail"]


async def test_explain_shows_the_plan_and_costs_nothing(both: Served) -> None:
    response = await both.client.post("/api/v1/explain", json=chat(model_hint="online"))

    assert response.status_code == 200
    assert response.json() == {
        "hint": "online",
        "pinned": False,
        "cache": {"mode": "use", "joins": True, "sampled": False},
        "endpoints": [
            {
                "provider": "gemini",
                "model": "gemini-flash-latest",
                "locality": "cloud",
                "breaker": "closed",
                "ignored": [],
                "price": None,
            },
            {
                "provider": "ollama",
                "model": "llama3.1",
                "locality": "on_premises",
                "breaker": "closed",
                "ignored": [],
                "price": None,
            },
        ],
        "skipped": [],
    }
    assert "ratelimit" not in response.headers
    assert (await both.chat()).headers["x-ratelimit-remaining-requests"] == "999999"


async def test_explain_refuses_as_the_chat_would(both: Served) -> None:
    missing_key = httpx.AsyncClient(base_url=both.client.base_url, transport=httpx.AsyncHTTPTransport(verify=False))
    async with missing_key as client:
        assert (await client.post("/api/v1/explain", json=chat())).status_code == 401
    assert (await both.client.post("/api/v1/explain", json={})).status_code == 400
    assert (await both.client.post("/api/v1/explain", json=chat(model="gpt-9"))).status_code == 404


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_s_own_timeout_ends_it(start: Serve, stream: bool) -> None:
    served = await start(ScriptedChatModel(SystemClock(), [Wait(30)]))

    response = await served.client.post(URL, json=chat(stream=stream), headers={"x-gateway-timeout": "0.05"})

    assert (response.status_code, response.json()["code"]) == (504, "provider_timeout")
    assert served.observer.records[0].error == "ProviderTimeout"


@pytest.mark.parametrize(
    "values",
    [["0"], ["-1"], ["nan"], ["inf"], ["1e400"], ["1_0"], ["soon"], [""], ["0x10"], ["86401"], ["1e-9"], ["1", "2"]],
)
async def test_a_timeout_that_is_none_is_refused(both: Served, values: list[str]) -> None:
    headers = [("x-api-key", KEY), *(("x-gateway-timeout", value) for value in values)]

    response = await both.client.post(URL, json=chat(), headers=headers)

    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "X-Gateway-Timeout"
