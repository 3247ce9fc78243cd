"""Requests that break Gemini's rules, as clients write them: it takes them all the same, and what is lost is said."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.rules.models import ANY_OF_THEM
from ..gemini.server import GeminiServer
from .served import Served, serve
from .test_gemini_models import OF_TOMORROW, hello

MODELS = ("gemini-flash-latest", "gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-neon", OF_TOMORROW)
POINT = {"type": "object", "properties": {"x": {"type": "number", "const": 1.5}}, "required": ["x"]}
PARAMETERS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "to": {"$ref": "#/$defs/Point", "description": "Where to."},
        "from": {"allOf": [{"$ref": "#/definitions/Point"}], "default": None},
        "unit": {"type": ["string", "null"], "enum": ["km", None]},
        "count": {"type": "integer", "exclusiveMinimum": 0},
    },
    "required": ["to"],
    "$defs": {"Point": POINT},
    "definitions": {"Point": POINT},
}
IMAGE = {"data": b64encode(b"a").decode()}


@asynccontextmanager
async def gateway(model: str = MODELS[0]) -> AsyncGenerator[tuple[Served, GeminiServer], None]:
    async with GeminiServer(hello, models={OF_TOMORROW: ANY_OF_THEM}).running() as gemini:
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url, "gemini_model": model}
        async with serve(None, **to) as served:
            yield served, gemini


def tool(name: str, parameters: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name} | ({"parameters": parameters} if parameters else {})}


def call(id: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(id: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "assistant", "content": "Hello."},
    {"role": "assistant", "tool_calls": [call("call_1", "2nd tool", "{broken"), call("call_2", "plain")]},
    result("call_2", '{"$ref": "#/x"}'),
    result("call_1", "[1]"),
    {"role": "system", "content": "In French."},
    {"role": "assistant", "tool_calls": [call("call_1", "a" * 65)]},
    result("call_1", "null"),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", MODELS)
async def test_what_clients_write_passes_every_model_and_nothing_of_it_is_ignored(model: str, streamed: bool) -> None:
    tools = [tool("2nd tool", PARAMETERS), tool("a" * 65), tool("plain")]
    async with gateway(model) as (served, gemini):
        answered = await served.client.post(
            "/api/v1/chat", json={"messages": CONVERSATION, "tools": tools, "stream": streamed, "model": "gemini"}
        )
        assert (answered.status_code, answered.headers.get("x-gateway-ignored")) == (200, None), answered.text
        assert gemini.ignored == set()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_schema_of_which_something_is_lost_is_named(streamed: bool) -> None:
    odd = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a"}}}
    asked: dict[str, Any] = {
        "tools": [tool("sound", PARAMETERS), tool("odd", odd)],
        "model": "gemini",
        "stream": streamed,
    }
    async with gateway() as (served, gemini):
        for cached in ("miss", "hit"):
            answered = await served.chat(**asked)
            assert answered.headers["x-gateway-cache"] == cached
            assert answered.headers["x-gateway-ignored"] == "tools[1].function.parameters"
        assert gemini.ignored == set()
        schema = {"name": "odd", "schema": odd}
        answered = await served.chat(
            model="gemini", response_format={"type": "json_schema", "json_schema": schema}, stream=streamed
        )
        assert "response_format.json_schema.schema" in answered.headers["x-gateway-ignored"].split(", ")


async def test_a_schema_that_gemini_cannot_unroll_is_refused_by_its_path() -> None:
    recursive = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    async with gateway() as (served, gemini):
        refused = await served.chat(model="gemini", tools=[tool("plain"), tool("f", recursive)])
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "tools[1].function.parameters")
        assert [asked for asked in gemini.asked if asked.method == "POST"] == []


async def test_a_conversation_whose_calls_and_results_do_not_match_is_refused_by_its_path() -> None:
    start = {"role": "user", "content": "Go."}
    made = {"role": "assistant", "tool_calls": [call("1", "f"), call("2", "f")]}
    async with gateway() as (served, gemini):
        for results, path in (
            ([result("1", "a")], "messages[1].tool_calls[1]"),
            ([result("1", "a"), result("2", "b"), result("3", "c")], "messages[4].tool_call_id"),
        ):
            refused = await served.client.post(
                "/api/v1/chat", json={"messages": [start, made, *results], "model": "gemini"}
            )
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, path)
        assert [asked for asked in gemini.asked if asked.method == "POST"] == []


async def test_images_go_as_what_they_are_registered_and_others_are_refused_by_their_path() -> None:
    async with gateway() as (served, _):
        for kind, status in (("image/jpg", 200), ("image/png", 200), ("image/gif", 400)):
            content = [{"type": "text", "text": "What?"}, {"type": "image", "mime_type": kind, **IMAGE}]
            body = {"messages": [{"role": "user", "content": content}], "model": "gemini"}
            answered = await served.client.post("/api/v1/chat", json=body)
            assert answered.status_code == status
        assert answered.json()["errors"][0]["path"] == "messages[0].content[1]"
