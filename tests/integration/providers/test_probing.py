"""`check --probe` against scripted vendors: one that is as it is known, one that differs, and one that can't answer."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.probe_model import DEADLINE_SECONDS
from llm_gateway.bootstrap.probing import probe
from llm_gateway.bootstrap.settings import ProviderSettings, Secret, Settings

from ..gemini.payloads import refusal, said
from ..gemini.server import GeminiServer
from ..ollama.server import Model, end, ollama_server
from ..openai.server import called, message, spoken_server
from ..scripted_vendor import BEFORE_THE_HEAD, Asked, Script, whole

KEY = "AI-canary"
NAME = "gemini/gemini-3.6-flash"
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
CALL = {"functionCall": {"id": "c1", "name": "report", "args": {"word": "ok"}}, "thoughtSignature": "c2ln"}


def gemini(asked: Asked) -> Script:
    if asked.method == "GET":
        listed = {"name": "models/gemini-3.6-flash", "supportedGenerationMethods": ["generateContent"]}
        return whole({"models": [listed]})
    part = CALL if asked.body.get("tools") else {"text": '{"word": "canary"}'}
    return whole(said(part, finish="STOP", usage=USAGE, modelVersion="gemini-3.6-flash"))


def of_gemini(server: GeminiServer, transport: Literal["rest", "sdk"] = "rest") -> Settings:
    return Settings(
        gemini_api_key=Secret(KEY),
        gemini_base_url=server.url,
        gemini_model="gemini-3.6-flash",
        gemini_transport=transport,
        ollama_base_url="http://127.0.0.1:9",
    )


def of(lines: list[str], name: str) -> list[str]:
    return [line.removeprefix(f"Probe: {name}").strip() for line in lines if line.startswith(f"Probe: {name}")]


@pytest.mark.parametrize("transport", ["rest", "sdk"])
async def test_a_vendor_that_is_as_it_is_known_agrees_in_everything_that_was_announced(
    transport: Literal["rest", "sdk"],
) -> None:
    lines: list[str] = []
    async with GeminiServer(gemini).running() as server:
        await probe(of_gemini(server, transport), lines.append)
        calls = [asked for asked in server.asked if asked.method == "POST"]
    announced, *findings = of(lines, NAME)
    assert announced == f"is asked {len(calls)} times, for at most {len(calls) * 556} tokens in all."
    assert len(findings) == len(calls) <= 6
    assert {finding.split()[0] for finding in findings} == {"agrees"}
    assert findings[0] == "agrees  answers: by gemini-3.6-flash"
    assert all(asked.body["generationConfig"]["maxOutputTokens"] == 256 for asked in calls)
    assert "canary" not in "".join(lines)


def refuses_off(asked: Asked) -> Script:
    config = {} if asked.method == "GET" else asked.body["generationConfig"].get("thinkingConfig", {})
    if 0 in (config.get("thinkingBudget"), config.get("thinking_budget")):
        return refusal(400, status="INVALID_ARGUMENT", message="canary")
    return gemini(asked)


def writes_no_json(asked: Asked) -> Script:
    if asked.method == "POST" and "application/json" in asked.content.decode():
        return whole(said({"text": "canary"}, finish="STOP", usage=USAGE))
    return gemini(asked)


@pytest.mark.parametrize(
    ("vendor", "question"), [(refuses_off, "reasoning_effort.none"), (writes_no_json, "response_format.json_schema")]
)
async def test_a_vendor_that_differs_in_one_fact_is_told_by_that_fact(vendor: Any, question: str) -> None:
    lines: list[str] = []
    async with GeminiServer(vendor).running() as server:
        await probe(of_gemini(server), lines.append)
    differing = [finding for finding in of(lines, NAME) if finding.startswith("differs")]
    assert [finding.split()[1].rstrip(":") for finding in differing] == [question]
    assert "canary" not in "".join(lines)


async def test_a_vendor_that_refuses_the_key_fails_and_is_asked_nothing_more() -> None:
    lines: list[str] = []
    async with GeminiServer(refusal(403, status="PERMISSION_DENIED")).running() as server:
        assert not await probe(of_gemini(server), lines.append)
        assert [asked.method for asked in server.asked] == ["GET"]
    assert of(lines, NAME) == ["fails  GEMINI_API_KEY is refused"]


async def test_a_vendor_that_never_answers_fails_by_its_deadline() -> None:
    lines: list[str] = []
    clock = ScriptedClock()

    def holds(asked: Asked) -> Script:
        return gemini(asked) if asked.method == "GET" else BEFORE_THE_HEAD

    async with GeminiServer(holds).running() as server:
        probing = asyncio.create_task(probe(of_gemini(server), lines.append, clock))
        await server.parked.wait()
        await clock.advance(DEADLINE_SECONDS)
        assert not await probing
        assert [asked.method for asked in server.asked] == ["GET", "POST"]
    assert of(lines, NAME)[1].startswith("fails  answers: gemini: ")


def ollama_answers(asked: Asked) -> Script:
    if asked.body.get("tools"):
        return whole(end(tool_calls=[{"function": {"name": "report", "arguments": {"word": "ok"}}}]))
    return whole(end() | {"message": {"role": "assistant", "content": json.dumps({"word": "canary"})}})


@pytest.mark.parametrize("transport", ["rest", "sdk"])
async def test_an_ollama_answers_and_agrees(transport: Literal["rest", "sdk"]) -> None:
    lines: list[str] = []
    async with ollama_server() as server:
        server.scripts = [ollama_answers]
        assert await probe(Settings(ollama_base_url=server.url, ollama_transport=transport), lines.append)
    agents = {asked.headers["user-agent"].partition("/")[0] for asked in server.asked}
    assert agents == {"llm-gateway-core" if transport == "rest" else "ollama-python"}
    announced, *findings = of(lines, "ollama/llama3.1")
    assert announced.startswith(f"is asked {len(findings)} times")
    assert {finding.split()[0] for finding in findings} == {"agrees"}
    assert "canary" not in "".join(lines)


async def test_an_ollama_without_the_configured_model_fails() -> None:
    lines: list[str] = []
    async with ollama_server() as server:
        server.models = []
        assert not await probe(Settings(ollama_base_url=server.url), lines.append)
    assert of(lines, "ollama/llama3.1") == ["fails  not pulled: run `ollama pull llama3.1`"]


async def test_a_model_that_only_embeds_is_asked_to_embed() -> None:
    lines: list[str] = []
    async with ollama_server() as server:
        server.models = [Model(name="nomic-embed-text:latest", capabilities=("embedding",))]
        assert await probe(Settings(ollama_base_url=server.url, ollama_model="nomic-embed-text"), lines.append)
    assert of(lines, "ollama/nomic-embed-text")[1:] == ["agrees  embeds: vectors of 3"]


async def test_where_no_server_is_configured_and_none_is_at_the_default_address_none_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llm_gateway.adapters.outbound.ollama.directory.DEFAULT_URL", "http://127.0.0.1:9")
    lines: list[str] = []
    assert await probe(Settings(), lines.append)
    assert lines == ["Probe: no server is configured, so none is asked."]


def spoken_answers(asked: Asked) -> Script:
    if asked.body.get("tools"):
        return whole(message(None, "tool_calls", tool_calls=[called("report", '{"word": "ok"}')]))
    return whole(message('{"word": "canary"}'))


def ignores_formats(asked: Asked) -> Script:
    return whole(message("canary")) if "response_format" in asked.body else spoken_answers(asked)


@pytest.mark.parametrize(
    ("script", "differing"), [(spoken_answers, []), (ignores_formats, ["response_format.json_schema"])]
)
async def test_a_server_of_openais_api_is_asked_what_its_list_does_not_say(
    script: Callable[[Asked], Script], differing: list[str]
) -> None:
    lines: list[str] = []
    async with spoken_server("vllm") as server:
        server.scripts = [script]
        row = ProviderSettings(name="mine", kind="openai", model="able", base_url=server.url + "/v1", dialect="vllm")
        await probe(Settings(ollama_base_url="http://127.0.0.1:9", providers=(row,)), lines.append)
        chats = server.chats()
        assert not server.ignored
    announced, *findings = of(lines, "mine/able")
    assert announced.startswith(f"is asked {len(findings)} times")
    assert len(chats) == len(findings)
    assert [one.split()[1].rstrip(":") for one in findings if not one.startswith("agrees")] == differing
    assert "canary" not in "".join(lines)
