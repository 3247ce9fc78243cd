"""A refusal through the whole gateway: the client's by its field, the gateway's to the next endpoint, told aloud."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import refusal, said
from ..gemini.server import GeminiServer
from ..ollama.server import end, line, ollama_server
from ..scripted_vendor import Answer, Asked, Script, whole
from .served import Served, chat, eventually, serve

KEY, GEMINI = "vendor-key", "gemini/gemini-flash-latest"
PROMPT = "a prompt that nobody may see"
DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
SOON = {"retryDelay": "2s"}
RESPONSE_FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


class Vendors:
    """Gemini with this answer to every chat, and Ollama with that. `chats` are how many each was asked."""

    def __init__(self, gemini: Answer | None = None, ollama: Script | None = None) -> None:
        hello = said({"text": "Hello"}, finish="STOP")
        self.answers: dict[str, Answer] = {"gemini": gemini or whole(hello)}
        self.script: Script = ollama or whole(end() | line("Hello") | {"done": True, "done_reason": "stop"})
        self.chats = {"gemini": 0, "ollama": 0}

    def gemini(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        self.chats["gemini"] += 1
        return self.answers["gemini"]

    def ollama(self, asked: Asked) -> Script:
        self.chats["ollama"] += 1
        return self.script


@asynccontextmanager
async def gateway_to(vendors: Vendors, **settings: Any) -> AsyncGenerator[Served, None]:
    async with GeminiServer(vendors.gemini).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [vendors.ollama]
        to: dict[str, Any] = {
            "gemini_api_key": Secret(KEY),
            "gemini_base_url": gemini.url,
            "ollama_base_url": ollama.url,
        }
        async with serve(None, **{"provider_max_retries": 3} | to | settings) as served:
            yield served


async def ready(served: Served) -> Mapping[str, Any]:
    """What readiness says of Gemini."""
    endpoints = (await served.client.get("/health/ready")).json()["endpoints"]
    return next(endpoint for endpoint in endpoints if endpoint["name"] == GEMINI)


async def test_what_the_gateway_adds_and_gemini_refuses_the_next_endpoint_answers() -> None:
    vendors = Vendors(refusal(400, message="Thinking level LOW is not supported for this model."))
    async with gateway_to(vendors) as served:
        hinted = await served.chat(model_hint="online")
        pinned = await served.chat(PROMPT, model="gemini")
        told = await ready(served)
        decision = (await served.client.get(f"/api/v1/requests/{pinned.headers['x-request-id']}")).json()
    assert (hinted.status_code, hinted.headers["x-gateway-provider"]) == (200, "ollama")
    assert (pinned.status_code, pinned.json()["code"]) == (502, "provider_misconfigured")
    assert (told["usable"], told["notes"]) == (
        True,
        ["the model refuses what this gateway adds to a request by itself: reasoning_effort"],
    )
    (attempt,) = decision["attempts"]
    assert (attempt["provider"], attempt["status"], attempt["reason_class"]) == ("gemini", 400, "added_field")
    assert vendors.chats == {"gemini": 2, "ollama": 1}


async def test_what_the_client_asked_stays_its_own_by_hint_too() -> None:
    vendors = Vendors(refusal(400, message=f"Thinking level HIGH is not supported for this model. {PROMPT}"))
    async with gateway_to(vendors) as served:
        body = {"model": "online", "messages": [{"role": "user", "content": PROMPT}], "reasoning_effort": "high"}
        native = await served.chat(PROMPT, model_hint="online", reasoning_effort="high")
        openai = (await served.client.post("/v1/chat/completions", json=body)).json()["error"]
        told = await ready(served)
    assert native.json()["errors"] == [
        {
            "path": "reasoning_effort",
            "message": "gemini: the model does not think that way",
        }
    ]
    assert (openai["code"], openai["param"]) == ("invalid_request", "reasoning_effort")
    assert PROMPT not in native.text + str(openai)
    assert told["notes"] == []
    assert vendors.chats["ollama"] == 0


async def test_a_quota_of_the_day_is_one_call_then_none() -> None:
    vendors = Vendors(refusal(429, DAY, SOON, status="RESOURCE_EXHAUSTED"))
    async with gateway_to(vendors) as served:
        first = await served.chat(model_hint="online")
        for number in range(3):
            assert (await served.chat(f"{number}", model_hint="online")).headers["x-gateway-provider"] == "ollama"
        pinned = await served.chat(model="gemini")
        explained = (await served.client.post("/api/v1/explain", json=chat(model_hint="online"))).json()
        told = await ready(served)
    assert (first.status_code, first.headers["x-gateway-provider"]) == (200, "ollama")
    assert vendors.chats["gemini"] == 1
    assert (pinned.status_code, pinned.json()["code"]) == (503, "no_route")
    assert "quota of the day is used up; not asked before" in pinned.json()["detail"]
    assert int(pinned.headers["retry-after"]) > 0
    assert [skip["name"] for skip in explained["skipped"]] == [GEMINI]
    assert (told["usable"], "quota of the day" in told["reason"]) == (False, True)


@pytest.mark.parametrize("status", [402, 410, 499])
async def test_what_is_not_the_requests_fault_the_next_endpoint_answers(status: int) -> None:
    vendors = Vendors(refusal(status))
    async with gateway_to(vendors) as served:
        hinted = await served.chat(model_hint="online")
        asked = vendors.chats["gemini"]
        pinned = await served.chat(PROMPT, model="gemini")
    assert hinted.headers["x-gateway-provider"] == "ollama"
    assert asked == (2 if status == 499 else 1)
    assert pinned.json()["code"] == ("provider_misconfigured" if status == 402 else "provider_failed")


async def test_a_prompt_too_long_for_ollama_goes_to_gemini_and_pinned_is_told_by_its_code() -> None:
    vendors = Vendors(ollama=whole({"error": "the input length exceeds the context length"}, 400))
    routes: dict[str, Any] = {"routes": {"online": ["ollama", "gemini"]}}
    async with gateway_to(vendors, **routes) as served:
        hinted = await served.chat(model_hint="online")
        pinned = await served.chat(model="ollama")
    assert hinted.headers["x-gateway-provider"] == "gemini"
    assert (pinned.status_code, pinned.json()["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("status", [400, 500])
async def test_a_schema_that_ollama_cannot_digest_is_named_at_the_openai_door(status: int) -> None:
    vendors = Vendors(ollama=whole({"error": PROMPT}, status))
    body = {"model": "ollama", "messages": [{"role": "user", "content": "x"}], "response_format": RESPONSE_FORMAT}
    async with gateway_to(vendors) as served:
        answered = await served.client.post("/v1/chat/completions", json=body)
    error = answered.json()["error"]
    assert (answered.status_code, error["code"], error["param"]) == (400, "invalid_request", "response_format")
    assert PROMPT not in answered.text
    assert vendors.chats["ollama"] == 1


FULL = {"error": "server busy, please try again.  maximum pending requests exceeded"}


async def test_a_full_queue_is_waited_for_and_opens_no_breaker() -> None:
    vendors = Vendors(ollama=whole(FULL, 503))
    async with gateway_to(vendors) as served:
        asking = [asyncio.create_task(served.chat(f"{number}", model="ollama")) for number in range(8)]
        await eventually(lambda: vendors.chats["ollama"] >= 8)
        vendors.script = Vendors().script
        answers = await asyncio.gather(*asking)
    assert [answer.status_code for answer in answers] == [200] * 8


async def test_a_queue_that_stays_full_is_told_as_overload_with_the_wait() -> None:
    vendors = Vendors(ollama=whole(FULL, 503))
    async with gateway_to(vendors) as served:
        response = await served.client.post(
            "/api/v1/chat",
            json=chat(model="ollama"),
            headers={"x-gateway-timeout": "0.9"},
        )
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert response.headers["retry-after"] == "1"
