"""A vendor that does not count: the gateway estimates, and says so on both surfaces and in the record."""

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

ESTIMATED = {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8, "estimated": True}
EMBEDDING = "gemini-embedding-001"


def uncounting(asked: Asked) -> Answer:
    if asked.method == "GET":
        return whole({"models": [{"name": f"models/{EMBEDDING}", "supportedGenerationMethods": ["embedContent"]}]})
    if "mbedContent" in asked.path:
        return whole({"embeddings": [{"values": [1.0]}]})
    answer = said({"text": "Hello!"}, finish="STOP")
    return stream(answer) if "stream" in asked.path else whole(answer)


@asynccontextmanager
async def served_by(script: Any) -> AsyncGenerator[Served, None]:
    async with (
        GeminiServer(script).running() as gemini,
        serve(None, gemini_api_key=Secret("any"), gemini_base_url=gemini.url) as served,
    ):
        yield served


@pytest.mark.parametrize("streamed", [False, True])
async def test_both_surfaces_and_the_record_say_that_it_is_an_estimate(streamed: bool) -> None:
    asked: dict[str, Any] = {
        "model": "gemini",
        "messages": [{"role": "user", "content": "Hi there"}],
        "stream": streamed,
    }
    async with served_by(uncounting) as served:
        native = await served.client.post("/api/v1/chat", json=asked)
        record = (await served.client.get(f"/api/v1/requests/{native.headers['x-request-id']}")).json()
        usage = {"stream_options": {"include_usage": True}} if streamed else {}
        openai = await served.client.post("/v1/chat/completions", json=asked | usage)
    told = events_of(native.text)[-1].data if streamed else native.json()
    completion = json.loads(openai.text.split("data: ")[-2]) if streamed else openai.json()
    assert told["usage"] == completion["usage"] == ESTIMATED
    assert record["usage"] == record["attempts"][0]["usage"] == ESTIMATED


async def test_an_embedding_is_estimated_too() -> None:
    async with served_by(uncounting) as served:
        response = await served.client.post("/v1/embeddings", json={"model": EMBEDDING, "input": "Hi there"})
        record = (await served.client.get(f"/api/v1/requests/{response.headers['x-request-id']}")).json()
    assert response.json()["usage"] == {"prompt_tokens": 4, "total_tokens": 4, "estimated": True}
    assert record["usage"]["estimated"] is True
