"""Vendors that claim what can't be, over the wire: what the client, the record, the metrics and the quota say."""

from typing import Any

import pytest

from llm_gateway.bootstrap.settings import ClientSettings, Secret, TokenSettings
from llm_gateway.domain.credible_usage import TEMPLATE_TOKENS

from ..gemini.payloads import said, stream
from ..gemini.server import GeminiServer
from ..ollama.server import end, line, ollama_server
from ..ollama.server import stream as ollama_stream
from ..scripted_vendor import Answer, Asked, whole
from .served import Served, chat, serve
from .sse import events_of

HUGE = 10**40
TOKENS = 1_000_000
STREAMED = pytest.mark.parametrize("streamed", [False, True])


def settings() -> dict[str, Any]:
    limited = ClientSettings(
        name="one", keys=(Secret("test-key-1"),), tokens=TokenSettings(capacity=TOKENS, refill_rate=0.001)
    )
    return {"api_keys": (), "clients": (limited,)}


async def usage_of(served: Served, *, streamed: bool, **fields: Any) -> dict[str, Any]:
    """The answer's usage, which is the record's too."""
    answered = await served.client.post("/api/v1/chat", json=chat(stream=streamed, **fields))
    body = events_of(answered.text)[-1].data if streamed else answered.json()
    record = (await served.client.get(f"/api/v1/requests/{answered.headers['x-request-id']}")).json()
    assert record["usage"] == record["attempts"][0]["usage"] == body["usage"]
    usage: dict[str, Any] = body["usage"]
    return usage


@STREAMED
async def test_an_ollama_that_claims_too_much(streamed: bool) -> None:
    async with ollama_server() as ollama:
        last = end("stop", content="Hello") | {"prompt_eval_count": HUGE, "eval_count": HUGE}
        ollama.scripts = [ollama_stream(line("Hi"), last) if streamed else whole(last)]
        async with serve(None, ollama_base_url=ollama.url, **settings()) as served:
            usage = await usage_of(served, streamed=streamed, model="ollama", max_tokens=20)
            left = (await served.chat(model="ollama", cache={"mode": "use"}, max_tokens=20)).headers
    assert (usage["completion_tokens"], usage["estimated"]) == (20, True)
    assert usage["prompt_tokens"] < 2 * TEMPLATE_TOKENS
    assert int(left["x-ratelimit-remaining-tokens"]) >= TOKENS - 2 * usage["total_tokens"]


@STREAMED
async def test_a_gemini_that_claims_too_much_and_one_whose_thoughts_are_honest(streamed: bool) -> None:
    counts: dict[str, int] = {}

    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        last = said({"text": "Hello"}, finish="STOP") | {"usageMetadata": counts}
        return stream(last) if "stream" in asked.path else whole(last)

    async with (
        GeminiServer(answer).running() as gemini,
        serve(None, gemini_api_key=Secret("any"), gemini_base_url=gemini.url, **settings()) as served,
    ):
        counts |= {"promptTokenCount": HUGE, "candidatesTokenCount": HUGE, "thoughtsTokenCount": HUGE}
        claimed = await usage_of(served, streamed=streamed, model="gemini", max_tokens=20)
        counts |= {"promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 300}
        honest = await usage_of(served, streamed=streamed, model="gemini", max_tokens=500)
    assert (claimed["completion_tokens"], claimed["estimated"]) == (20, True)
    assert claimed["reasoning_tokens"] <= 20
    assert honest == {"prompt_tokens": 4, "completion_tokens": 302, "total_tokens": 306, "reasoning_tokens": 300}
