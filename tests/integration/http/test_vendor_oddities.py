"""A vendor that answers what no vendor should, through the whole gateway: told or refused, and no fault of ours."""

from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.bootstrap.settings import Secret
from llm_gateway.domain.resilience import BREAKER_FAILURES

from ..gemini.payloads import said as gemini_said
from ..gemini.payloads import stream as gemini_stream
from ..gemini.server import GeminiServer
from ..ollama.server import end, line, ollama_server
from ..ollama.server import stream as ollama_stream
from ..scripted_vendor import Answer, Asked, whole
from .served import chat, serve
from .sse import events_of

HUGE = 10**40
HALF = "\ud800"
FORGED = "m\r\nX-Evil: 1\x1b[31m"
OLLAMA: dict[str, tuple[dict[str, Any], int]] = {
    "huge counts": ({"prompt_eval_count": HUGE, "eval_count": HUGE}, 200),
    "negative counts": ({"prompt_eval_count": -1, "eval_count": -HUGE}, 200),
    "counts in parts": ({"prompt_eval_count": 1.5}, 502),
    "counts in words": ({"eval_count": "many"}, 502),
    "a forged model": ({"model": FORGED}, 200),
    "half a character as model": ({"model": HALF}, 502),
    "control characters": ({"message": {"role": "assistant", "content": "\x00\x1b[2J\r\nevent: done\n\n"}}, 200),
    "a tool without a name": ({"message": {"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}}, 502),
    "a huge number in a tool's arguments": (
        {"message": {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"n": HUGE}}}]}},
        200,
    ),
    "a list": ({"message": []}, 502),
}
GEMINI: dict[str, tuple[dict[str, Any], int]] = {
    "huge counts": ({"usageMetadata": {"promptTokenCount": HUGE, "candidatesTokenCount": HUGE}}, 200),
    "negative counts": ({"usageMetadata": {"promptTokenCount": -7, "thoughtsTokenCount": -HUGE}}, 200),
    "counts in parts": ({"usageMetadata": {"promptTokenCount": 1.5}}, 502),
    "counts in words": ({"usageMetadata": {"promptTokenCount": "many"}}, 502),
    "a forged model": ({"modelVersion": FORGED}, 200),
    "no candidates": ({"candidates": []}, 502),
    "a list": ({"candidates": {}}, 502),
}
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


async def check_answers(settings: dict[str, Any], status: int, *, streamed: bool) -> None:
    async with serve(None, provider_max_retries=0, **settings) as served:
        for path in ("/api/v1/chat", "/v1/chat/completions"):
            body = {"model": "ollama" if "ollama_base_url" in settings else "gemini", "stream": streamed}
            question = {"role": "user", "content": path}
            for cache in ("miss", "hit"):
                answered = await served.client.post(path, json=body | {"messages": [question]})
                if status == 200:
                    assert (answered.status_code, answered.headers["x-gateway-cache"]) == (200, cache)
                    assert "x-evil" not in answered.headers
                broken = "error" in answered.text and "internal" in answered.text
                assert not broken, answered.text
                if status != 200:
                    assert "provider_failed" in answered.text
                if status == 200 and streamed and path == "/api/v1/chat":
                    assert [event.name for event in events_of(answered.text)][-1] == "done"
        scraped = await served.client.get("/metrics")
        assert scraped.status_code == 200
        assert "Evil" not in scraped.text
        assert " -" not in scraped.text


@STREAMED
@pytest.mark.parametrize("odd", OLLAMA)
async def test_odd_answers_of_ollama(odd: str, streamed: bool) -> None:
    fields, status = OLLAMA[odd]
    async with ollama_server() as ollama:
        last = end("stop", content="Hello") | fields
        ollama.scripts = [ollama_stream(line("Hi"), last) if streamed else whole(last)]
        await check_answers({"ollama_base_url": ollama.url}, status, streamed=streamed)


@STREAMED
@pytest.mark.parametrize("odd", GEMINI)
async def test_odd_answers_of_gemini(odd: str, streamed: bool) -> None:
    fields, status = GEMINI[odd]

    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        last = gemini_said({"text": "Hello"}, finish="STOP") | fields
        return gemini_stream(last) if streamed else whole(last)

    async with GeminiServer(answer).running() as gemini:
        settings = {"gemini_api_key": Secret("vendor-key"), "gemini_base_url": gemini.url}
        await check_answers(settings, status, streamed=streamed)


class NoWait(SeededEntropy):
    @override
    def fraction(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("said", "code", "asked", "open"),
    [
        ("server busy, please try again.  maximum pending requests exceeded", "overloaded", 1, True),
        ("something else", "provider_unavailable", 4, False),
    ],
)
async def test_a_full_queue_is_asked_again_and_shuts_nobody_out(said: str, code: str, asked: int, open: bool) -> None:
    """As Ollama does it: status 503 above OLLAMA_MAX_QUEUE, and words. A proxy before it has that status too."""
    async with ollama_server() as ollama:
        ollama.scripts = [
            lambda asked: (
                whole({"error": said}, 503)
                if "Busy" in asked.body["messages"][0]["content"]
                else whole(end("stop", content="Hello"))
            )
        ]
        async with serve(None, ollama_base_url=ollama.url, overrides={"entropy": NoWait()}) as served:
            hurried = {"x-gateway-timeout": "0.9"}  # less than the second between two tries of a full queue
            refused = await served.client.post("/api/v1/chat", json=chat("Busy"), headers=hurried)
            assert (refused.status_code, refused.json()["code"]) == (503, code)
            assert said not in refused.text
            assert len(ollama.chats()) == asked
            for number in range(BREAKER_FAILURES):
                again = await served.client.post("/api/v1/chat", json=chat(f"Busy {number}"), headers=hurried)
                assert again.status_code == 503
            other = await served.chat("Another client's")
    assert (other.status_code == 200) is open


async def test_a_schema_that_the_server_fails_on_costs_nobody_else_their_answer() -> None:
    """As Ollama does it: status 500 for `invalid JSON schema in format`."""
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"$ref": "#/nowhere"}}}
    async with ollama_server() as ollama:
        ollama.scripts = [
            lambda asked: (
                whole({"error": "invalid JSON schema in format"}, 500)
                if "format" in asked.body
                else whole(end("stop", content="Hello"))
            )
        ]
        async with serve(None, ollama_base_url=ollama.url) as served:
            for number in range(BREAKER_FAILURES + 1):
                refused = await served.chat(f"{number}", response_format=schema)
                assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
                assert [fault["path"] for fault in refused.json()["errors"]] == ["response_format"]
            asked = len(ollama.chats())
            other = await served.chat("Another client's")
    assert asked == BREAKER_FAILURES + 1
    assert (other.status_code, other.json()["content"]) == (200, "Hello")
