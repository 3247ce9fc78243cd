"""Tool loops of Ollama's client, which sends no ids back, over vendors that refuse what the real ones refuse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ollama
import pytest

from llm_gateway.bootstrap.settings import Secret

from ...gemini.server import GeminiServer
from ...ollama.server import ollama_server
from ..served import KEY, serve
from ..test_dropped_signatures import STAND_IN
from ..test_tool_loops import TOOLS, TURNS, GeminiTools, OllamaTools


@asynccontextmanager
async def client_to(provider: str) -> AsyncIterator[ollama.AsyncClient]:
    gemini_server = GeminiServer(GeminiTools(or_else=STAND_IN))
    async with gemini_server.running() as gemini, ollama_server() as local:
        local.scripts = [OllamaTools()]
        to: dict[str, Any] = {"ollama_base_url": local.url}
        if provider == "gemini":
            to = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url, "gemini_model": "gemini-3.8-flash"}
        async with serve(None, ollama_door=True, **to) as served:
            url, headers = f"http://127.0.0.1:{served.port}", {"Authorization": f"Bearer {KEY}"}
            async with ollama.AsyncClient(url, headers=headers) as client:
                yield client


async def said(
    client: ollama.AsyncClient, model: str, messages: list[Any], streamed: bool
) -> tuple[str, list[ollama.Message.ToolCall]]:
    if not streamed:
        whole = await client.chat(model, messages, tools=TOOLS)
        return whole.message.content or "", list(whole.message.tool_calls or ())
    parts = [part async for part in await client.chat(model, messages, tools=TOOLS, stream=True)]
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    return "".join(part.message.content or "" for part in parts), calls


@pytest.mark.parametrize("provider", ["gemini", "ollama"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_loop_of_three_turns_with_parallel_calls(provider: str, streamed: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "Go."}]
    async with client_to(provider) as client:
        for number in range(TURNS):
            text, calls = await said(client, provider, messages, streamed)
            made = [(call.function.name, dict(call.function.arguments)) for call in calls]
            assert made == [("add", {"n": number}), ("now", {})]
            messages.append(ollama.Message(role="assistant", content=text, tool_calls=calls))
            messages += [{"role": "tool", "content": "1", "tool_name": call.function.name} for call in calls]
        assert await said(client, provider, messages, streamed) == ("Done.", [])
