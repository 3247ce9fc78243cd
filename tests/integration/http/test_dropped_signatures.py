"""Tool loops at Gemini through clients that drop its signatures: it gets its own back, and no stand-in for them."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.server import GeminiServer
from .served import Served, serve
from .test_tool_loops import TOOLS, TURNS, GeminiTools

MODELS = ("gemini-flash-latest", "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-4-argon", "gemini-4-neon")
STAND_IN = b"skip_thought_signature_validator"
STAND_IN_IN_BASE64 = b"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I"


@asynccontextmanager
async def gateways(
    number: int, model: str, *, or_else: bytes | None = None, **settings: Any
) -> AsyncGenerator[tuple[GeminiServer, list[Served]], None]:
    """So many of them before one Gemini, which refuses whatever comes back without its own signature, `or_else`."""
    async with AsyncExitStack() as stack:
        gemini = await stack.enter_async_context(GeminiServer(GeminiTools(or_else)).running())
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url, "gemini_model": model}
        yield gemini, [await stack.enter_async_context(serve(None, **to | settings)) for _ in range(number)]


async def ask(served: Served, path: str, messages: Sequence[object], streamed: bool) -> dict[str, Any]:
    """The answer's message, with nothing but what OpenAI's surface had from the beginning."""
    body = {"model": "gemini", "messages": messages, "tools": TOOLS, "stream": streamed}
    response = await served.client.post(path, json=body)
    assert response.status_code == 200, response.text
    if streamed:
        return _said(response.text)
    answer = response.json()
    return _kept(answer if "choices" not in answer else answer["choices"][0]["message"])


def _said(stream: str) -> dict[str, Any]:
    """OpenAI's stream in one message."""
    said: dict[str, Any] = {"content": "", "tool_calls": []}
    for line in stream.splitlines():
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        for choice in json.loads(line.removeprefix("data: "))["choices"]:
            said["content"] += choice["delta"].get("content") or ""
            said["tool_calls"] += choice["delta"].get("tool_calls", ())
    return _kept(said)


def _kept(message: dict[str, Any]) -> dict[str, Any]:
    calls = [{key: call[key] for key in ("id", "type", "function")} for call in message.get("tool_calls") or ()]
    return {"role": "assistant", "content": message["content"]} | ({"tool_calls": calls} if calls else {})


async def loop(
    served: Sequence[Served], *, path: str = "/v1/chat/completions", streamed: bool = False
) -> dict[str, Any]:
    """Three rounds, each at the next of the gateways; the last answer."""
    messages: list[Any] = [{"role": "user", "content": "Go."}]
    for number in range(TURNS):
        said = await ask(served[number % len(served)], path, messages, streamed)
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in said["tool_calls"]]
        messages += [said, *results]
    return await ask(served[TURNS % len(served)], path, messages, streamed)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", MODELS)
async def test_three_rounds_through_a_client_that_drops_signatures_send_no_stand_in(model: str, streamed: bool) -> None:
    async with gateways(1, model) as (gemini, served):
        assert (await loop(served, streamed=streamed))["content"] == "Done."
        assert STAND_IN not in gemini.received
        assert STAND_IN_IN_BASE64 not in gemini.received


async def test_the_native_surface_keeps_them_as_well() -> None:
    async with gateways(1, MODELS[0]) as (gemini, served):
        assert (await loop(served, path="/api/v1/chat"))["content"] == "Done."
        assert STAND_IN_IN_BASE64 not in gemini.received


async def test_another_clients_signatures_are_not_given_out() -> None:
    async with gateways(1, MODELS[0], api_keys=(Secret("test-key-1"), Secret("test-key-2"))) as (gemini, (served,)):
        start = [{"role": "user", "content": "Go."}]
        said = await ask(served, "/v1/chat/completions", start, False)
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in said["tool_calls"]]
        body = {"model": "gemini", "messages": [*start, said, *results], "tools": TOOLS}
        refused = await served.client.post("/v1/chat/completions", json=body, headers={"x-api-key": "test-key-2"})
        assert refused.status_code == 400
        assert STAND_IN_IN_BASE64 in gemini.received
