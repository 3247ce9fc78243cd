"""A conversation goes on with what a model, or another tool, left in it: to vendors that take objects only."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import ClientSettings, Secret

from ..gemini.server import GeminiServer
from ..ollama.server import answer, end, line, ollama_server
from ..scripted_vendor import Asked, Script, whole
from .served import Served, serve
from .test_gemini_models import hello

STRICT = "strict-key-of-tests-1"
CUT = ('{"city": "Os', "I would look.", "[1]", "", "null", '"a"', "{} {}")
PATHS = {"native": "/api/v1/chat", "openai": "/v1/chat/completions"}
each_surface = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
each_vendor = pytest.mark.parametrize("vendor", ["gemini", "ollama"])


def says(asked: Asked) -> Script:
    return answer("Done.") if asked.body["stream"] else whole(end() | line("Done.") | {"done": True})


@asynccontextmanager
async def gateway(vendor: str, transport: str = "rest") -> AsyncGenerator[tuple[Served, Any], None]:
    strict = ClientSettings(name="strict", keys=(Secret(STRICT),), strict=True)
    async with GeminiServer(hello).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [says]
        to: dict[str, Any] = {"ollama_base_url": ollama.url, "ollama_transport": transport}
        if vendor == "gemini":
            to = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url, "gemini_transport": transport}
        async with serve(None, clients=(strict,), **to) as served:
            yield served, gemini if vendor == "gemini" else ollama


def history(**more: object) -> list[dict[str, Any]]:
    """A turn with a call of each kind of arguments, and their results."""
    calls = [
        {"id": f"c{number}", "type": "function", "function": {"name": "look", "arguments": arguments}}
        for number, arguments in enumerate(CUT)
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "no"} for call in calls]
    return [{"role": "user", "content": "Go."}, {"role": "assistant", "tool_calls": calls, **more}, *results]


@each_surface
@each_vendor
@pytest.mark.parametrize("transport", ["rest", "sdk"])
async def test_arguments_that_are_no_object_are_taken(vendor: str, path: str, transport: str) -> None:
    async with gateway(vendor, transport) as (served, _):
        for model in (vendor, "online" if vendor == "gemini" else "secure"):
            response = await served.client.post(path, json={"model": model, "messages": history()})
            assert response.status_code == 200, response.text
            assert response.headers["x-gateway-provider"] == vendor


@each_surface
async def test_labels_are_named_and_refused_to_a_strict_client(path: str) -> None:
    asked: dict[str, Any] = {"model": "ollama", "messages": history(reasoning_details=[{"text": "Hm."}], refusal="")}
    async with gateway("ollama") as (served, _):
        for cached in ("miss", "hit"):
            taken = await served.client.post(path, json=asked)
            assert (taken.status_code, taken.headers["x-gateway-cache"]) == (200, cached)
            assert taken.headers["x-gateway-ignored"] == "messages[1].reasoning_details"
        refused = await served.client.post(path, json=asked, headers={"x-api-key": STRICT})
        assert refused.status_code == 400
        error = refused.json()
        assert "messages[1].reasoning_details" in (error.get("errors", [{}])[0].get("path", ""), *_param(error))


def _param(error: dict[str, Any]) -> tuple[str, ...]:
    return (error["error"]["param"],) if "error" in error else ()
