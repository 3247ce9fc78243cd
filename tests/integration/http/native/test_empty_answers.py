"""A model that answers nothing, as one does whose thoughts ate its limit: the answer goes back as it came, and on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ...gemini.payloads import refusal, said
from ...gemini.payloads import stream as gemini_stream
from ...gemini.server import GeminiServer
from ...ollama.server import end, ollama_server
from ...ollama.server import stream as ollama_stream
from ...scripted_vendor import Answer, Asked, Script, whole
from ..served import Served, serve
from ..sse import events_of

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
PROVIDERS = pytest.mark.parametrize("provider", ["gemini", "ollama"])
NATIVE, OPENAI = "/api/v1/chat", "/v1/chat/completions"
SURFACES = pytest.mark.parametrize("path", [NATIVE, OPENAI])
EMPTY: dict[str, dict[str, Any]] = {
    "no text": {"content": ""},
    "null": {"content": None},
    "nothing": {},
    "no parts": {"content": []},
    "empty parts": {"content": [{"type": "text", "text": ""}, {"type": "text", "text": ""}]},
    "no calls": {"content": "", "tool_calls": []},
}


def silent_gemini(asked: Asked) -> Answer:
    """Refuses what the vendor may refuse: contents without parts, and parts without text."""
    if asked.method == "GET":
        return whole({"models": []})
    contents = asked.body["contents"]
    parts = [part for content in contents for part in content["parts"]]
    if (
        not contents
        or not all(content["parts"] for content in contents)
        or any(part.get("text") == "" for part in parts)
    ):
        return refusal(400, status="INVALID_ARGUMENT")
    silence = said(finish="MAX_TOKENS", usage={"promptTokenCount": 1, "thoughtsTokenCount": 8})
    return gemini_stream(silence) if "stream" in asked.path else whole(silence)


def silent_ollama(asked: Asked) -> Script:
    """Refuses a message without a content, as the vendor's templates may fail on one."""
    if not all(isinstance(message["content"], str) for message in asked.body["messages"]):
        return whole({"error": "invalid message content"}, 400)
    return ollama_stream(end("length")) if asked.body["stream"] else whole(end("length"))


@asynccontextmanager
async def silent() -> AsyncGenerator[Served, None]:
    async with GeminiServer(silent_gemini).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [silent_ollama]
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url}
        async with serve(None, ollama_base_url=ollama.url, **to) as served:
            yield served


async def answered(served: Served, path: str, body: dict[str, Any], *, streamed: bool) -> dict[str, Any]:
    """The answer as a client sends it back: its message, or what it makes of a stream's parts."""
    response = await served.client.post(path, json=body | {"stream": streamed})
    assert response.status_code == 200, response.text
    if not streamed:
        reply = response.json()
        reply = reply["choices"][0]["message"] if path == OPENAI else {"role": "assistant", "content": reply["content"]}
        return dict(reply)
    if path == NATIVE:
        assert [event.name for event in events_of(response.text)] == ["done"]
        return {"role": "assistant", "content": ""}
    assert response.text.endswith("data: [DONE]\n\n")
    return {"role": "assistant", "content": None}


@STREAMED
@SURFACES
@PROVIDERS
async def test_an_empty_answer_goes_back_and_the_conversation_goes_on(provider: str, path: str, streamed: bool) -> None:
    messages: list[object] = [{"role": "user", "content": "Hello"}]
    async with silent() as served:
        for _ in range(3):
            said = await answered(served, path, {"model": provider, "messages": messages}, streamed=streamed)
            assert not said["content"]
            messages += [said, {"role": "user", "content": "And?"}]


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY.keys())
@SURFACES
@PROVIDERS
async def test_an_empty_answer_in_any_form_is_taken(provider: str, path: str, empty: dict[str, Any]) -> None:
    hello, said = {"role": "user", "content": "Hello"}, {"role": "assistant", **empty}
    async with silent() as served:
        for messages in ([hello, said, hello], [hello, said], [said, hello], [said]):
            await answered(served, path, {"model": provider, "messages": messages}, streamed=False)


async def test_with_and_without_an_empty_answer_are_two_questions() -> None:
    hello = {"role": "user", "content": "Hello"}
    async with silent() as served:
        kept = []
        for messages in ([hello], [hello, {"role": "assistant", "content": ""}], [hello]):
            response = await served.client.post(NATIVE, json={"model": "ollama", "messages": messages})
            kept.append(response.headers["x-gateway-cache"])
    assert kept == ["miss", "miss", "hit"]
