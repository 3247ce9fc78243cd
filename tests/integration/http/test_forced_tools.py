"""A tool that must be called, through the whole gateway to an Ollama: the call, its result, what a client is told."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ..ollama.server import OllamaServer, end, line, ollama_server, stream
from ..scripted_vendor import Asked, Script, whole
from .served import Served, serve
from .sse import events_of

WEATHER = {
    "name": "weather",
    "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "minLength": 2}}, "required": ["city"]},
}
TOOLS = [{"type": "function", "function": one} for one in (WEATHER, {"name": "clock"})]
NAMED = {"type": "function", "function": {"name": "weather"}}
USER = {"role": "user", "content": "Oslo?"}
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def model_that_obeys(asked: Asked) -> Script:
    """It says what `format` lets it say, and else a text; asked for rain it says so whatever it was to say."""
    form = asked.body.get("format")
    text = "Sunny."
    if form is not None and "rain" not in asked.body["messages"][-1]["content"]:
        text = '{"name": "clock", "arguments": {}}' if "anyOf" in form else '{"city": "Oslo"}'
    if asked.body["stream"]:
        return stream(*(line(letter) for letter in text), end())
    return whole(end() | line(text) | {"done": True})


@pytest.fixture
async def ollama() -> AsyncGenerator[OllamaServer, None]:
    async with ollama_server() as server:
        server.scripts = [model_that_obeys]
        yield server
        assert not server.dropped


@pytest.fixture
async def served(ollama: OllamaServer) -> AsyncGenerator[Served, None]:
    async with serve(None, ollama_base_url=ollama.url) as gateway:
        yield gateway


@STREAMED
@pytest.mark.parametrize("choice", [NAMED, "required"], ids=["named", "required"])
async def test_the_tool_is_called_and_its_result_answered(served: Served, choice: object, streamed: bool) -> None:
    asked: dict[str, Any] = {"model": "ollama", "tools": TOOLS, "stream": streamed}
    response = await served.chat(messages=[USER], tool_choice=choice, **asked)
    assert "x-gateway-ignored" not in response.headers
    reply = events_of(response.text)[-1].data if streamed else response.json()
    (call,) = reply["tool_calls"]
    assert (call["function"]["name"], reply["finish_reason"]) == (
        "weather" if choice is NAMED else "clock",
        "tool_calls",
    )
    assert "Oslo" not in response.text.replace('\\"Oslo\\"', "")
    back = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": call["id"], "content": "9"}]
    last = await served.chat(model="ollama", tools=TOOLS, messages=[USER, *back])
    assert last.json()["content"] == "Sunny."
    at = "tools[0].function"
    assert last.headers["x-gateway-ignored"] == f"{at}.parameters.minLength, {at}.strict"


@STREAMED
async def test_a_model_that_does_not_call_is_the_providers_fault_and_none_of_its_text_is_told(
    served: Served, streamed: bool
) -> None:
    rain = USER | {"content": "rain"}
    response = await served.chat(model="ollama", messages=[rain], tools=TOOLS, tool_choice=NAMED, stream=streamed)
    begun = response.headers["content-type"].startswith("text/event-stream")  # where the answer had a first event
    told = events_of(response.text)[-1].data if begun else response.json()
    assert (told["status"], told["code"]) == (502, "provider_failed")
    assert "Sunny" not in response.text
