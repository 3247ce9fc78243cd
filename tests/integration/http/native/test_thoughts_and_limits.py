"""Thoughts count against a vendor's limit: the default leaves them room, a stated one is exact, no answer says why."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ...gemini.modes import Thinking
from ...gemini.payloads import refusal, said, stream
from ...gemini.server import GeminiServer
from ...scripted_vendor import Answer, Asked, whole
from ..served import Served, serve
from ..sse import events_of

MODELS = {"models": [{"name": "models/gemini-4-hydrogen", "supportedGenerationMethods": ["generateContent"]}]}
STREAMED = pytest.mark.parametrize("streamed", [False, True])


def thinking(asked: Asked) -> Answer:
    return whole(MODELS) if asked.method == "GET" else Thinking("4", "2")(asked)


@asynccontextmanager
async def thinker() -> AsyncGenerator[tuple[Served, GeminiServer], None]:
    async with (
        GeminiServer(thinking).running() as gemini,
        serve(None, gemini_api_key=Secret("any"), gemini_base_url=gemini.url) as served,
    ):
        yield served, gemini


async def asked_of(served: Served, path: str, **fields: Any) -> list[Any]:
    """The answer's JSON, or all of a stream's."""
    body = {"model": "gemini", "messages": [{"role": "user", "content": "What is it?"}], **fields}
    response = await served.client.post(path, json=body)
    assert response.status_code == 200, response.text
    if not fields["stream"]:
        return [response.json()]
    if path == "/api/v1/chat":
        return [event.data for event in events_of(response.text)]
    return [json.loads(frame) for frame in response.text.split("data: ")[1:-1]]


@STREAMED
@pytest.mark.parametrize("effort", [None, "low", "high", "xhigh"])
async def test_the_default_bounds_the_answer_and_not_the_thoughts(effort: str | None, streamed: bool) -> None:
    asked = {"reasoning_effort": effort, "model": "gemini/gemini-4-hydrogen"} if effort else {}
    async with thinker() as (served, gemini):
        told = await asked_of(served, "/api/v1/chat", stream=streamed, **asked)
        assert gemini.asked[-1].body["generationConfig"]["maxOutputTokens"] > 512
    assert told[-1]["finish_reason"] == "stop"
    assert "warning" not in told[-1]
    assert told[0]["content"] == "42"


@STREAMED
@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
async def test_a_stated_limit_is_exact_and_an_empty_answer_says_why(path: str, streamed: bool) -> None:
    async with thinker() as (served, gemini):
        told = await asked_of(served, path, stream=streamed, max_tokens=512, reasoning_effort="high")
        assert gemini.asked[-1].body["generationConfig"]["maxOutputTokens"] == 512
    last = told[-1]
    assert (last["choices"][0] if "choices" in last else last)["finish_reason"] == "length"
    assert "Reasoning took all the tokens" in last["warning"]
    assert not any("warning" in each for each in told[:-1])


class CutShort:
    """Gives the first piece of an answer, and fails where the rest is asked for, the first time."""

    def __init__(self) -> None:
        self._failed = False

    def __call__(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        rest = "continuationToken" in asked.body
        if rest and not self._failed:
            self._failed = True
            return refusal(503)
        piece = said({"text": "lo" if rest else "Hel"}, finish="STOP" if rest else "CONTINUATION")
        if not rest:
            piece["candidates"][0]["continuationToken"] = "dG9rZW4="
        return stream(piece) if "stream" in asked.path else whole(piece)


@STREAMED
async def test_an_answer_whose_rest_did_not_come_says_so_and_is_not_kept(streamed: bool) -> None:
    async with (
        GeminiServer(CutShort()).running() as gemini,
        serve(None, gemini_api_key=Secret("any"), gemini_base_url=gemini.url) as served,
    ):
        first = (await asked_of(served, "/api/v1/chat", stream=streamed))[-1]
        again = await asked_of(served, "/api/v1/chat", stream=False)
    assert (first["finish_reason"], "rest of this answer" in first["warning"]) == ("length", True)
    assert (again[0]["content"], again[0]["cached"], "warning" in again[0]) == ("Hello", False, False)
