"""Thoughts count against a vendor's limit: the default leaves them room, a stated one is exact, no answer says why."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ...gemini.payloads import said, stream
from ...gemini.server import GeminiServer
from ...scripted_vendor import Answer, Asked, whole
from ..served import Served, serve
from ..sse import events_of

THOUGHTS = 900
"""What the model thinks here before it answers, as reported of the lowest level on a hard question."""
STREAMED = pytest.mark.parametrize("streamed", [False, True])


def thinking(asked: Asked) -> Answer:
    """Thinks first, and answers with what is left."""
    if asked.method == "GET":
        return whole({"models": []})
    limit = asked.body["generationConfig"].get("maxOutputTokens", 65_536)
    usage = {"promptTokenCount": 3, "thoughtsTokenCount": min(THOUGHTS, limit)}
    if limit <= THOUGHTS:
        answer = said(finish="MAX_TOKENS", usage=usage)
    else:
        answer = said({"text": "42"}, finish="STOP", usage=usage | {"candidatesTokenCount": 1})
    return stream(answer) if "stream" in asked.path else whole(answer)


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
async def test_the_default_bounds_the_answer_and_not_the_thoughts(streamed: bool) -> None:
    async with thinker() as (served, gemini):
        told = await asked_of(served, "/api/v1/chat", stream=streamed)
        assert gemini.asked[-1].body["generationConfig"]["maxOutputTokens"] > 512 + THOUGHTS
    assert told[-1]["finish_reason"] == "stop"
    assert "warning" not in told[-1]
    assert told[0]["content"] == "42"


@STREAMED
@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
async def test_a_stated_limit_is_exact_and_an_empty_answer_says_why(path: str, streamed: bool) -> None:
    async with thinker() as (served, gemini):
        told = await asked_of(served, path, stream=streamed, max_tokens=512)
        assert gemini.asked[-1].body["generationConfig"]["maxOutputTokens"] == 512
    last = told[-1]
    assert (last["choices"][0] if "choices" in last else last)["finish_reason"] == "length"
    assert "Reasoning took all the tokens" in last["warning"]
    assert not any("warning" in each for each in told[:-1])
