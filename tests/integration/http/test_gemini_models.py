"""The default request to each Gemini model, and what comes of it where the vendor refuses what the gateway added."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.models import GeminiModels
from llm_gateway.adapters.outbound.gemini.parameters import columns_of
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.bootstrap.settings import ClientSettings, ModelSettings, Secret
from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.routing import Feature

from ..gemini.payloads import refusal, respelled, stream
from ..gemini.payloads import said as gemini_said
from ..gemini.rules.models import ANY_OF_THEM, Model
from ..gemini.rules.verdict import asked_model
from ..gemini.server import GeminiServer
from ..ollama.server import answer as ollama_answer
from ..ollama.server import end, ollama_server
from ..scripted_vendor import Answer, Asked, whole
from .served import KEY, Served, chat, serve

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
OTHER_KEY = "test-key-2"
OF_TOMORROW = "gemini-5-unheard-of"
DESCRIBED = "gemini-9-new"
ALL_OF_IT = Model(levels=frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"}), sampling=True)
SPOILED = "a bad prompt"
SAMPLING = {"gemini-3.1-pro-preview", "gemini-3.1-flash-lite", "gemini-3-flash-preview"}
"""Of the models that think by level."""


class AtOnce(SeededEntropy):
    """Asks again without a wait."""

    @override
    def fraction(self) -> float:
        return 0.0


def hello(asked: Asked) -> Answer:
    if asked.method == "GET":
        return whole({"models": []})
    said = gemini_said({"text": "Hello"}, finish="STOP", modelVersion=asked_model(asked.path))
    return stream(said) if "stream" in asked.path else whole(said)


@asynccontextmanager
async def gateway(
    script: Callable[[Asked], Answer] = hello, *, model: str = "gemini-flash-latest", **settings: Any
) -> AsyncGenerator[tuple[Served, Callable[[], list[Asked]]], None]:
    """Over both providers; with what Gemini was asked to generate."""
    async with (
        GeminiServer(script, models={OF_TOMORROW: ANY_OF_THEM, DESCRIBED: ALL_OF_IT}).running() as gemini,
        ollama_server() as ollama,
    ):
        ollama.scripts = [
            lambda asked: ollama_answer("Hi") if asked.body["stream"] else whole(end("stop", content="From Ollama"))
        ]
        to: dict[str, Any] = {"gemini_api_key": Secret("vendor-key"), "gemini_base_url": gemini.url}
        usual: dict[str, Any] = {"gemini_model": model, "overrides": {"entropy": AtOnce()}}
        async with serve(None, ollama_base_url=ollama.url, **to | usual | settings) as served:
            yield served, lambda: [asked for asked in gemini.asked if asked.method == "POST"]


@STREAMED
@pytest.mark.parametrize(
    ("model", "level"),
    [
        *((model, "LOW") for model in ("gemini-flash-latest", "gemini-flash-lite-latest", "gemini-pro-latest")),
        *((model, "LOW") for model in ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.1-pro-preview")),
        *((f"gemini-4-{metal}", "LOW") for metal in ("neon", "hydrogen", "carbon", "argon")),
        *((model, "MINIMAL") for model in ("gemini-3.6-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite")),
        *((model, "MINIMAL") for model in ("gemini-3.1-flash-lite", "gemini-3-flash-preview")),
        (OF_TOMORROW, "LOW"),
    ],
)
async def test_the_default_request_passes_at_every_model_that_thinks_by_level(
    model: str, level: str, streamed: bool
) -> None:
    async with gateway(model=model) as (served, chats):
        answered = await served.chat(model_hint="online", stream=streamed)
        assert (answered.status_code, answered.headers["x-gateway-provider"]) == (200, "gemini")
        sent = respelled(chats()[0].body)["generationConfig"]
        assert sent["thinkingConfig"] == {"thinkingLevel": level}
        assert "temperature" not in sent

        stated = await served.chat(model_hint="online", stream=streamed, temperature=0.0)
        assert (stated.headers["x-gateway-provider"], stated.headers["x-gateway-cache"]) == ("gemini", "miss")
        sampled = "temperature" in chats()[1].body["generationConfig"]
        assert sampled is (model in SAMPLING)
        assert stated.headers.get("x-gateway-ignored") == (None if sampled else "temperature")


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemma-4-31b-it"])
async def test_an_older_model_is_sent_the_default_temperature(model: str) -> None:
    async with gateway(model=model) as (served, chats):
        answered = await served.chat(model_hint="online")
        assert (answered.status_code, answered.headers["x-gateway-provider"]) == (200, "gemini")
        assert chats()[0].body["generationConfig"]["temperature"] == 0.7


def violation(field: str) -> Answer:
    details = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}]}
    return refusal(400, details, status="INVALID_ARGUMENT")


def refusing(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: hello(asked) if asked.method == "GET" else answer


OURS = {
    "a level": refusal(400, status="INVALID_ARGUMENT", message="Thinking level LOW is not supported for this model."),
    "a field": violation("generation_config.thinking_config.thinking_level"),
    "the default temperature": violation("generationConfig.temperature"),
}


@STREAMED
@pytest.mark.parametrize("name", OURS)
async def test_what_the_gateway_added_itself_is_not_the_clients_fault(
    name: str, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(refusing(OURS[name])) as (served, chats):
        hinted = await served.chat(model_hint="online", stream=streamed)
        assert (hinted.status_code, hinted.headers["x-gateway-provider"]) == (200, "ollama")
        warned = [record.getMessage() for record in caplog.records if record.name == "llm_gateway.providers"]
        assert len(warned) == 1
        assert warned[0].startswith("gemini/gemini-flash-latest: status 400, added_field: ")

        pinned = await served.chat(model="gemini", stream=streamed)
        assert (pinned.status_code, pinned.json()["code"]) == (502, "provider_misconfigured")
        assert len(chats()) == 2
        assert "Thinking level" not in pinned.text + caplog.text


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("a level", {"reasoning_effort": "low"}),
        ("a field", {"reasoning_effort": "none"}),
        ("the default temperature", {"temperature": 0.7}),
    ],
)
async def test_what_the_client_stated_is_refused_by_its_path(name: str, stated: dict[str, Any]) -> None:
    async with gateway(refusing(OURS[name])) as (served, _):
        refused = await served.chat(model_hint="online", **stated)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
        assert [fault["path"] for fault in refused.json()["errors"]] == [*stated]
        assert "Thinking level" not in refused.text


async def test_the_highest_effort_goes_only_to_a_model_that_has_it() -> None:
    async with gateway(model="gemini-4-neon") as (served, chats):
        assert (await served.chat(model="gemini", reasoning_effort="xhigh")).status_code == 200
        sent = respelled(chats()[0].body)["generationConfig"]["thinkingConfig"]
        assert sent == {"thinkingLevel": "XHIGH", "includeThoughts": True}
    async with gateway(model="gemini-3.8-flash") as (served, chats):
        refused = await served.chat(model="gemini", reasoning_effort="xhigh")
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "reasoning_effort")
    assert chats() == []


async def test_a_model_that_cannot_be_kept_from_thinking_says_so() -> None:
    async with gateway(model="gemini-3.8-flash") as (served, chats):
        answered = await served.chat(model="gemini", reasoning_effort="none")
        assert (answered.status_code, answered.headers["x-gateway-ignored"]) == (200, "reasoning_effort")
        assert respelled(chats()[0].body)["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW"}
    async with gateway(model="gemini-3.6-flash") as (served, chats):
        answered = await served.chat(model="gemini", reasoning_effort="none")
        assert "x-gateway-ignored" not in answered.headers
        assert respelled(chats()[0].body)["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}


async def test_what_has_no_effect_is_named_in_header_record_and_plan_and_refused_to_a_strict_client() -> None:
    stated: dict[str, Any] = {"temperature": 0.0, "top_p": 0.5, "seed": 1}
    strict = ClientSettings(name="strict", keys=(Secret(OTHER_KEY),), strict=True)
    async with gateway(model="gemini-3.8-flash", clients=(strict,)) as (served, _):
        for cached in ("miss", "hit"):
            answered = await served.chat(model="gemini", **stated)
            assert answered.headers["x-gateway-cache"] == cached
            assert answered.headers["x-gateway-ignored"] == "temperature, top_p, seed"
        record = await served.client.get(f"/api/v1/requests/{answered.headers['x-request-id']}")
        assert record.json()["ignored"] == [*stated]
        plan = await served.client.post("/api/v1/explain", json=chat(model="gemini", **stated))
        assert plan.json()["endpoints"][0]["ignored"] == [*stated]

        served.client.headers["x-api-key"] = OTHER_KEY
        refused = await served.chat(model="gemini", **stated)
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "temperature")
        hinted = await served.chat(model_hint="online", **stated)
        assert (hinted.status_code, hinted.headers["x-gateway-provider"]) == (200, "ollama")
        assert "x-gateway-ignored" not in hinted.headers


async def test_a_model_that_an_operator_describes_is_honoured_explained_and_documented() -> None:
    told = ModelSettings(provider="gemini", names=("gemini-9-*",), levels=tuple(ReasoningEffort)[1:], sampling=True)
    async with gateway(model=DESCRIBED, models=(told,)) as (served, chats):
        stated: dict[str, Any] = {"reasoning_effort": "xhigh", "temperature": 0.5}
        plan = await served.client.post("/api/v1/explain", json=chat(model="gemini", **stated))
        assert plan.json()["endpoints"][0]["ignored"] == []
        answered = await served.chat(model="gemini", **stated)
        assert (answered.status_code, "x-gateway-ignored" in answered.headers) == (200, False)
        sent = respelled(chats()[0].body)["generationConfig"]
        assert (sent["thinkingConfig"]["thinkingLevel"], sent["temperature"]) == ("XHIGH", 0.5)
    column = next(column for column in columns_of(GeminiModels((told,))) if column.models == "gemini-9-*")
    assert Feature.REASONING_XHIGH in column.features
    assert "temperature" not in column.left_out


def spoiling(finish: str, *parts: dict[str, Any]) -> Callable[[Asked], Answer]:
    """Answers a bad prompt as told, and any other well."""

    def script(asked: Asked) -> Answer:
        if SPOILED.encode() not in asked.content:
            return hello(asked)
        said = gemini_said(*parts, finish=finish)
        return stream(said) if "stream" in asked.path else whole(said)

    return script


@STREAMED
@pytest.mark.filterwarnings("ignore:.*is not a valid FinishReason")
@pytest.mark.parametrize(
    ("finish", "parts", "calls"),
    [
        ("MALFORMED_FUNCTION_CALL", (), 1),
        ("UNEXPECTED_TOOL_CALL", (), 1),
        ("TOO_MANY_TOOL_CALLS", (), 1),
        ("IMAGE_OTHER", (), 1),
        ("NO_IMAGE", (), 1),
        ("A_REASON_OF_TOMORROW", (), 1),
        ("OTHER", (), 2),
        ("MALFORMED_RESPONSE", (), 2),
        ("STOP", ({"hologram": {"of": "a cat"}},), 1),
        ("STOP", ({"text": "A cat: "}, {"hologram": {"of": "a cat"}}), 1),
        ("STOP", ({"inlineData": {"mimeType": "image/png", "data": "aGk="}},), 1),
    ],
)
async def test_bad_prompts_of_one_key_leave_gemini_open_for_every_other(
    finish: str, parts: tuple[dict[str, Any], ...], calls: int, streamed: bool
) -> None:
    async with gateway(spoiling(finish, *parts), api_keys=(Secret(KEY), Secret(OTHER_KEY))) as (served, chats):
        for number in range(6):
            spoiled = await served.chat(f"{SPOILED} {number}", model="gemini", stream=streamed)
            assert "provider_failed" in spoiled.text
            assert '"stop"' not in spoiled.text
        assert len(chats()) == 6 * calls
        other = await served.client.post(
            "/api/v1/chat", json=chat("A good one", model="gemini", stream=streamed), headers={"x-api-key": OTHER_KEY}
        )
        assert (other.status_code, other.headers["x-gateway-provider"]) == (200, "gemini")


async def test_an_answer_that_began_is_not_asked_for_again() -> None:
    async with gateway(spoiling("OTHER", {"text": "Once upon"})) as (served, chats):
        spoiled = await served.chat(SPOILED, model="gemini", stream=True)
        assert (spoiled.status_code, len(chats())) == (200, 1)
        assert "provider_failed" in spoiled.text
