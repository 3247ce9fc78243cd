"""A tool that must be called, at a vendor without such a choice: the form of the answer, and the call that it is."""

import json
from typing import Any

import pytest

from llm_gateway.adapters.outbound.ollama.forced_tools import ForcedTools, forced_tools
from llm_gateway.domain.chat import ChatRequest, NamedTool, Tool, ToolMode, UserMessage

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool(name="weather", parameters=CITY)
TIME = Tool(name="time")
ONE = ForcedTools((WEATHER,))
TWO = ForcedTools((WEATHER, TIME))
HI = (UserMessage(content="hi"),)


def test_which_tools_are_forced_is_the_clients_choice() -> None:
    tools = (WEATHER, TIME)
    assert forced_tools(ChatRequest(messages=HI, tools=tools, tool_choice=ToolMode.REQUIRED)) == TWO
    assert forced_tools(ChatRequest(messages=HI, tools=tools, tool_choice=NamedTool(name="weather"))) == ONE
    for choice in (None, ToolMode.AUTO, ToolMode.NONE):
        assert forced_tools(ChatRequest(messages=HI, tools=tools, tool_choice=choice)) is None


def test_one_tool_is_its_own_schema_and_several_are_a_name_and_its_arguments() -> None:
    assert ONE.form == CITY
    assert TWO.form == {
        "$defs": {"tool0": CITY, "tool1": {"type": "object", "properties": {}}},
        "anyOf": [
            {
                "type": "object",
                "properties": {"name": {"const": name}, "arguments": {"$ref": f"#/$defs/tool{number}"}},
                "required": ["name", "arguments"],
            }
            for number, name in enumerate(("weather", "time"))
        ],
    }


def test_references_within_one_of_several_schemas_go_on_leading_there() -> None:
    parameters: dict[str, Any] = {
        "$defs": {"A": {"enum": [{"$ref": "#/data"}]}},
        "properties": {"a": {"$ref": "#/$defs/A"}, "default": {"$ref": "#/$defs/A"}, "$ref": {"type": "string"}},
    }
    form = ForcedTools((Tool(name="t", parameters=parameters), TIME)).form
    moved = json.loads(json.dumps(form))["$defs"]["tool0"]
    to_a = {"$ref": "#/$defs/tool0/$defs/A"}
    assert moved["$defs"] == parameters["$defs"]
    assert moved["properties"] == {"a": to_a, "default": to_a, "$ref": {"type": "string"}}


@pytest.mark.parametrize(
    ("tools", "text", "call"),
    [
        (ONE, '{"city": "Oslo", "n": 1.10}', ("weather", '{"city": "Oslo", "n": 1.10}')),
        (ONE, ' {"city":"Oslo"} ', ("weather", '{"city":"Oslo"}')),
        (ONE, '{"name": "weather", "arguments": {"city": "Oslo"}}', ("weather", '{"city": "Oslo"}')),
        (TWO, '{"name": "weather", "arguments": {"city": "Oslo"}}', ("weather", '{"city": "Oslo"}')),
        (TWO, '{"name": "time", "arguments": {}}', ("time", "{}")),
        (TWO, '{"city": "Oslo"}', None),
        (TWO, '{"name": "other", "arguments": {}}', None),
        (TWO, '{"name": "weather", "arguments": {}}', None),
        (TWO, '{"name": "time", "arguments": "{}"}', None),
        (TWO, '{"name": "time", "arguments": {}, "more": 1}', None),
        (ONE, "{}", None),
        (ONE, '["city"]', None),
        (ONE, "It rains in Oslo.", None),
        (ONE, '{"city": "Os', None),
        (ONE, "", None),
        (ONE, "[" * 100_000, None),
        (ForcedTools((TIME,)), "{}", ("time", "{}")),
        (ForcedTools((Tool(name="t", parameters=CITY | {"additionalProperties": False}),)), '{"city":1,"b":2}', None),
    ],
)
def test_a_text_is_a_call_or_none(tools: ForcedTools, text: str, call: tuple[str, str] | None) -> None:
    assert tools.said(text) == call


@pytest.mark.parametrize(
    ("name", "arguments", "call"),
    [
        ("weather", '{"city":"Oslo"}', ("weather", '{"city":"Oslo"}')),
        ("weather", '{"name":"weather","arguments":{"city":"Oslo"}}', ("weather", '{"city":"Oslo"}')),
        ("time", '{"name":"weather","arguments":{"city":"Oslo"}}', ("weather", '{"city":"Oslo"}')),
        ("weather", "{}", None),
        ("other", "{}", None),
    ],
)
def test_a_call_that_the_server_read_is_checked_too(name: str, arguments: str, call: tuple[str, str] | None) -> None:
    assert TWO.called(name, arguments) == call


def test_what_is_required_and_no_name_is_in_no_call() -> None:
    odd = ForcedTools((Tool(name="odd", parameters={"type": "object", "required": [["city"]]}),))
    assert odd.said('{"city": "Bern"}') is None
