"""A vendor that breaks off, through the whole gateway: never taken for whole, never stored, and no key told."""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret
from llm_gateway.domain.resilience import BREAKER_FAILURES

from ..gemini.payloads import refusal, stream
from ..gemini.payloads import said as gemini_said
from ..gemini.server import GeminiServer
from ..ollama.server import HEAD, answer, chunk, end, line, ollama_server
from ..ollama.server import stream as ollama_stream
from ..scripted_vendor import Answer, Asked, Cut, Flood, Reset, Script, whole
from .served import Served, chat, serve
from .sse import events_of

KEY = "vendor-key-that-nobody-may-see"
PROVIDERS = pytest.mark.parametrize("provider", ["gemini", "ollama"])
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


class Vendor:
    """Both providers. `fault`: none, or what they do with every chat. `chats`: how many they were asked."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self.chats = 0

    def gemini(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        self.chats += 1
        first, last = gemini_said({"text": "Hel"}), gemini_said({"text": "lo"}, finish="STOP")
        match self.fault:
            case None:
                hello = gemini_said({"text": "Hello"}, finish="STOP")
                return stream(first, last) if "stream" in asked.path else whole(hello)
            case "refused":
                return refusal(401, {"said": KEY}, status=KEY)
            case "cut":
                return stream(first, then=(Cut(),))
            case "reset":
                return stream(first, then=(Reset(),))
            case "endless":
                return Answer((Flood(b" " * 65_535 + b"\n"),))
        return stream(first)

    def ollama(self, asked: Asked) -> Script:
        self.chats += 1
        match self.fault:
            case None:
                hello = line("Hello") | {"done": True, "done_reason": "stop"}
                return answer("Hel", "lo") if asked.body["stream"] else whole(end() | hello)
            case "refused":
                return whole({"error": KEY}, 401)
            case "overflow":
                return whole({"error": json.dumps({"error": {"type": "exceed_context_size_error"}})}, 400)
            case "cut":
                return ollama_stream(line("Hel"), then=[Cut()])
            case "reset":
                return ollama_stream(line("Hel"), then=[Reset()])
            case "endless":
                return [HEAD, Flood(chunk(b" " * 65_536))]
        return ollama_stream(line("Hel"))


@asynccontextmanager
async def gateway_to(provider: str, **settings: Any) -> AsyncGenerator[tuple[Served, Vendor], None]:
    vendor = Vendor()
    async with GeminiServer(vendor.gemini).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [vendor.ollama]
        to: dict[str, Any] = {"ollama_base_url": ollama.url}
        if provider == "gemini":
            to = {"gemini_api_key": Secret(KEY), "gemini_base_url": gemini.url}
        async with serve(None, **{"provider_max_retries": 0} | to | settings) as served:
            yield served, vendor


@PROVIDERS
@STREAMED
@pytest.mark.parametrize("fault", ["cut", "reset", "no terminal mark"])
async def test_what_breaks_off_is_an_error_and_is_not_stored(provider: str, streamed: bool, fault: str) -> None:
    async with gateway_to(provider) as (served, vendor):
        vendor.fault = fault
        broken = await served.chat(model=provider, stream=streamed)
        if streamed:
            assert [event.name for event in events_of(broken.text)] == ["delta", "error"]
        else:
            assert (broken.status_code, broken.json()["code"]) == (502, "provider_failed")
        assert '"stop"' not in broken.text

        vendor.fault = None
        for again, chats in (("miss", 2), ("hit", 2)):
            sound = await served.chat(model=provider, stream=streamed)
            assert (sound.headers["x-gateway-cache"], vendor.chats) == (again, chats)
            assert '"stop"' in sound.text


@PROVIDERS
@STREAMED
@pytest.mark.parametrize("fault", ["refused", "cut", "reset"])
async def test_a_key_reaches_neither_the_client_nor_a_log(
    provider: str, streamed: bool, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with gateway_to(provider) as (served, vendor):
        vendor.fault = fault
        answered = await served.chat(model=provider, stream=streamed)
        told = answered.text + str(answered.headers) + (await served.client.get("/health/ready")).text
    assert KEY not in told + caplog.text


@STREAMED
async def test_a_prompt_beyond_the_context_is_told_by_its_code_at_both_doors(streamed: bool) -> None:
    async with gateway_to("ollama") as (served, vendor):
        vendor.fault = "overflow"
        native = await served.chat(model="ollama", stream=streamed)
        body = {"model": "ollama", "messages": [{"role": "user", "content": "Hi"}], "stream": streamed}
        openai = await served.client.post("/v1/chat/completions", json=body)
    assert (native.status_code, native.json()["code"]) == (400, "context_length_exceeded")
    assert (openai.status_code, openai.json()["error"]["code"]) == (400, "context_length_exceeded")
    assert vendor.chats == 2


async def test_a_field_that_the_provider_cannot_take_is_named_at_both_doors() -> None:
    path = "messages[1].extra_content.google.thought_signature"
    spoiled = {"role": "assistant", "content": "Hm.", "extra_content": {"google": {"thought_signature": "no base64"}}}
    user = {"role": "user", "content": "Hi"}
    async with gateway_to("gemini") as (served, vendor):
        body = {"model": "gemini", "messages": [user, spoiled, user]}
        native = (await served.client.post("/api/v1/chat", json=body)).json()
        openai = (await served.client.post("/v1/chat/completions", json=body)).json()["error"]
    assert (native["status"], [fault["path"] for fault in native["errors"]]) == (400, [path])
    assert (openai["code"], openai["param"]) == ("invalid_request", path)
    assert native["detail"] == openai["message"] == f"gemini: {path}: must be base64, as it was given"
    assert vendor.chats == 0


async def test_who_takes_less_than_is_asked_for_is_passed_over_by_a_hint() -> None:
    def narrow(asked: Asked) -> Answer:
        assert asked.method == "GET"
        return whole({"models": []})

    async with GeminiServer(narrow).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [Vendor().ollama]
        to: dict[str, Any] = {"gemini_api_key": Secret(KEY), "gemini_base_url": gemini.url}
        async with serve(None, ollama_base_url=ollama.url, **to) as served:
            answered = await served.chat(model_hint="fast", seed=2**40)
            asked = chat(model_hint="fast", stop=list("abcdef"))
            explained = (await served.client.post("/api/v1/explain", json=asked)).json()
    assert (answered.status_code, answered.headers["x-gateway-provider"]) == (200, "ollama")
    assert [endpoint["provider"] for endpoint in explained["endpoints"]] == ["ollama"]
    (skipped,) = explained["skipped"]
    assert skipped == {"name": "gemini/gemini-flash-latest", "reason": "takes at most 5 stop sequences"}


@PROVIDERS
@STREAMED
async def test_an_answer_without_an_end_is_given_up_and_held_against_nobody(provider: str, streamed: bool) -> None:
    """More often than would open a breaker, and without a retry, which would be as much again."""
    async with gateway_to(provider, max_answer_bytes=1024, provider_max_retries=3) as (served, vendor):
        vendor.fault = "endless"
        for chats in range(1, BREAKER_FAILURES + 2):
            answered = await served.chat(model=provider, stream=streamed)
            assert (answered.status_code, answered.json()["code"], vendor.chats) == (502, "provider_failed", chats)
            assert "larger than this gateway takes" in answered.json()["detail"]
