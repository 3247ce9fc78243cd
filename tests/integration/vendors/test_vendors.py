"""`just vendors` against scripted vendors: one that agrees, one that differs, none there, one that never answers."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

import pytest

from llm_gateway.adapters.outbound.gemini.models import FILE, PACKAGED
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock

from ..gemini.payloads import refusal, said
from ..gemini.server import GeminiServer
from ..ollama.server import OllamaServer, end, ollama_server
from ..scripted_vendor import BEFORE_THE_HEAD, Asked, Reaction, Script, whole
from . import ask_gemini, ask_ollama
from .asking import ask_vendors
from .probe_set import MOST_CALLS, MOST_TOKENS, PROBES

KEY = "AI-canary"
NOW = datetime.combine(FILE.checked, time(12), UTC).timestamp()
"""The day of the data file: its models end by and by."""
AWAY = "http://127.0.0.1:9"
ALIASES = {
    "gemini-flash-latest": "gemini-4-hydrogen",
    "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
    "gemini-pro-latest": "gemini-3.1-pro-preview",
}


@pytest.fixture(autouse=True)
def _no_ollama_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_gateway.adapters.outbound.ollama.addresses.DEFAULT_URL", AWAY)


def test_the_probe_set_is_small() -> None:
    assert PROBES.gemini.calls + PROBES.ollama.calls <= MOST_CALLS
    assert PROBES.gemini.tokens + PROBES.ollama.tokens <= MOST_TOKENS


def model_list() -> list[dict[str, object]]:
    """Every model that the data file names and that has not ended."""
    names = {name for row in FILE.models for name in row.names if "*" not in name}
    return [
        {
            "name": f"models/{name}",
            "supportedGenerationMethods": ["generateContent"],
            "inputTokenLimit": PACKAGED.table.of(name, NOW).context_length,
        }
        for name in sorted(names)
        if PACKAGED.table.of(name, NOW).tasks
    ]


def gemini(asked: Asked) -> Script:
    """As the data file says."""
    if asked.method == "GET":
        return whole({"models": model_list()})
    model = asked.path.partition("models/")[2].partition(":")[0]
    facts = PACKAGED.of(model, NOW).facts
    config = asked.body["generationConfig"]
    thinking = config.get("thinkingConfig", {})
    level = thinking.get("thinkingLevel", thinking.get("thinking_level", "low")).lower()
    refused = (
        level not in (facts.levels or ("low",))
        or ("thinkingBudget" in thinking and not facts.reasoning_off)
        or (asked.body["contents"][-1]["role"] == "model" and not facts.prefill)
        or ("tools" in asked.body and not facts.tools_with_json)
    )
    if refused:
        return refusal(400, status="INVALID_ARGUMENT", message="canary")
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    answered = ALIASES.get(model, model)
    return whole(said({"text": "canary"}, finish="STOP", usage=usage, modelVersion=answered))


def ollama(asked: Asked) -> Script:
    if asked.body.get("think"):
        return whole({"error": '"llama3.1" does not support thinking'}, 400)
    return whole(end() | {"message": {"role": "assistant", "content": '{"word": "canary"}'}})


async def lines_of(environ: Mapping[str, str]) -> tuple[bool, list[str]]:
    lines: list[str] = []
    passed = await ask_vendors(environ, lines.append, ScriptedClock(now=NOW))
    assert "canary" not in "".join(lines)
    return passed, lines


async def asked_of_gemini(vendor: Reaction, **environ: str) -> tuple[bool, list[str], list[Asked]]:
    async with GeminiServer(vendor).running() as server:
        passed, lines = await lines_of({"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": server.url, **environ})
        return passed, [line for line in lines if line.startswith("gemini: ")], list(server.asked)


@pytest.mark.parametrize("transport", ["sdk", "rest"])
async def test_a_gemini_that_is_as_the_file_says_agrees_in_everything(transport: str) -> None:
    passed, (announced, *findings), asked = await asked_of_gemini(gemini, GEMINI_TRANSPORT=transport)
    agents = {one.headers["user-agent"].partition("/")[0] for one in asked}
    assert agents == {"llm-gateway-core" if transport == "rest" else "google-genai-sdk"}
    assert announced == f"gemini: {len(asked)} calls, and at most {PROBES.gemini.tokens} tokens in all."
    assert len(findings) == len(asked) == PROBES.gemini.calls
    assert [line for line in findings if not line.startswith("gemini: agrees")] == []
    assert passed
    assert all(
        call.body["generationConfig"]["maxOutputTokens"] == PROBES.gemini.answer_tokens
        for call in asked
        if call.method == "POST"
    )


def on(model: str, then: Callable[[Asked], Script]) -> Reaction:
    """As the file says, but for one model's requests."""

    def vendor(asked: Asked) -> Script:
        return then(asked) if asked.method == "POST" and f"{model}:" in asked.path else gemini(asked)

    return vendor


def of_the_list(change: Callable[[list[dict[str, object]]], object]) -> Reaction:
    def vendor(asked: Asked) -> Script:
        if asked.method == "POST":
            return gemini(asked)
        models = model_list()
        change(models)
        return whole({"models": models})

    return vendor


def listed(name: str, tokens: int) -> dict[str, object]:
    return {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"], "inputTokenLimit": tokens}


def thinks(_asked: Asked) -> Script:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 40, "totalTokenCount": 45}
    return whole(said({"text": "canary"}, finish="STOP", usage=usage, modelVersion="gemini-3.6-flash"))


def no_longer_takes_it(_asked: Asked) -> Script:
    return refusal(400, status="INVALID_ARGUMENT", message="canary")


def answers_by_another(_asked: Asked) -> Script:
    return whole(said({"text": "canary"}, finish="STOP", modelVersion="gemini-5-helium"))


@pytest.mark.parametrize(
    ("vendor", "line"),
    [
        (
            on("gemini-4-hydrogen", no_longer_takes_it),
            "gemini: differs  gemini-4-hydrogen: level xhigh: refused; taken by the data file",
        ),
        (
            on("gemini-3.6-flash", thinks),
            "gemini: differs  gemini-3.6-flash: reasoning off, by a budget of 0: taken, and it thinks all the same; "
            "taken by the data file",
        ),
        (
            on("gemini-flash-latest", answers_by_another),
            "gemini: differs  gemini-flash-latest: which model answers: answered by gemini-5-helium, which has no row",
        ),
        (
            on("gemini-3.1-flash-lite", lambda _: refusal(404, status="NOT_FOUND")),
            "gemini: differs  gemini-3.1-flash-lite: an answer that goes on from the last message: answered 404",
        ),
        (
            of_the_list(lambda models: models.append(listed("gemini-5-helium", 1))),
            "gemini: differs  list of models: gemini-5-helium is listed, and has no row",
        ),
        (
            of_the_list(lambda models: models.append(listed("gemma-4-31b-it", 8))),
            "gemini: differs  list of models: gemma-4-31b-it takes 8 tokens, and 262144 by the data file",
        ),
        (
            of_the_list(lambda models: models.remove(listed("gemini-4-neon", 1_048_576))),
            "gemini: differs  list of models: gemini-4-neon has a row, and is not listed for this key",
        ),
    ],
)
async def test_a_gemini_that_differs_in_one_fact_is_told_by_that_fact(vendor: Reaction, line: str) -> None:
    passed, lines, _ = await asked_of_gemini(vendor)
    assert not passed
    assert [told for told in lines[1:] if not told.startswith("gemini: agrees")] == [line]


async def test_a_quota_that_is_used_up_shows_nothing_and_is_no_difference() -> None:
    passed, lines, _ = await asked_of_gemini(on("gemini-4-hydrogen", lambda _: refusal(429, status="ERROR")))
    assert passed
    assert "gemini: open  gemini-4-hydrogen: level xhigh: answered 429" in lines


async def test_a_key_that_is_refused_ends_the_probe() -> None:
    passed, lines, asked = await asked_of_gemini(refusal(403, status="PERMISSION_DENIED"))
    assert not passed
    assert len(asked) == 1
    assert lines[1:] == ["gemini: fails  list of models: answered 403", "gemini: what is left is not asked."]


async def test_where_there_is_no_vendor_it_says_so_and_passes() -> None:
    passed, lines = await lines_of({})
    assert passed
    assert lines[0] == "gemini: GEMINI_API_KEY is not set, so it is not asked."
    assert lines[-2:] == [
        f"ollama: OLLAMA_BASE_URL is not set, and nothing answers at {AWAY}.",
        "There is no vendor to ask.",
    ]


async def test_an_ollama_is_compared_with_what_it_says_of_its_model() -> None:
    async with ollama_server() as server:
        server.scripts = [ollama]
        passed, lines = await lines_of({"OLLAMA_BASE_URL": f"{server.url}/v1"})
        assert len(server.asked) == PROBES.ollama.calls
    assert passed
    assert [line.split()[1] for line in lines[2:]] == ["agrees"] * 4


async def test_an_ollama_that_refuses_what_it_says_to_have_is_told() -> None:
    def refuses_tools(asked: Asked) -> Script:
        return whole({"error": "llama3.1 does not support tools"}, 400) if asked.body.get("tools") else ollama(asked)

    async with ollama_server() as server:
        server.scripts = [refuses_tools]
        passed, lines = await lines_of({"OLLAMA_BASE_URL": server.url})
    assert not passed
    differing = [line for line in lines if line.startswith("ollama: differs")]
    assert differing == ["ollama: differs  llama3.1: tools: refused, with the capability"]


async def never_answers(server: GeminiServer | OllamaServer, environ: Mapping[str, str], seconds: float) -> list[str]:
    clock, lines = ScriptedClock(now=NOW), list[str]()
    asking = asyncio.create_task(ask_vendors(environ, lines.append, clock))
    await server.parked.wait()
    await clock.advance(seconds)
    assert not await asking
    return lines


async def test_a_gemini_that_never_answers_is_left_by_its_deadline() -> None:
    async with GeminiServer(BEFORE_THE_HEAD).running() as server:
        environ = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": server.url}
        lines = await never_answers(server, environ, ask_gemini.SECONDS)
        assert len(server.asked) == 1
    assert "gemini: fails  list of models: no answer (TimeoutError)" in lines


async def test_an_ollama_that_never_answers_is_left_by_its_deadline() -> None:
    async with ollama_server() as server:
        server.scripts = [BEFORE_THE_HEAD]
        lines = await never_answers(server, {"OLLAMA_BASE_URL": server.url}, ask_ollama.SECONDS)
    assert [line for line in lines if line.startswith("ollama: fails") and "no answer (TimeoutError)" in line]
