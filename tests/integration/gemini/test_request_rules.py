"""What Gemini's rules ask of a request, on the wire: names by its grammar, and answers in the client's own."""

import re
from typing import Any

import pytest

from llm_gateway.domain.chat import (
    AssistantMessage,
    Grain,
    NamedTool,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.events import collect
from llm_gateway.domain.media import Image

from ..scripted_vendor import Answer, Asked, whole
from .calls import ask, request, served
from .payloads import said, stream

ODD = "read file/v2 (new)"
GRAMMAR = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")


def calls_the_first(asked: Asked) -> Answer:
    """Calls the first tool that it is offered, by the name that it is offered by."""
    name = asked.body["tools"][0]["functionDeclarations"][0]["name"]
    answer = said({"functionCall": {"id": "f1", "name": name, "args": {}}}, finish="STOP")
    return stream(answer) if "stream" in asked.path else whole(answer)


@pytest.mark.parametrize("grain", Grain)
async def test_a_tool_of_any_name_is_offered_called_and_answered(grain: Grain) -> None:
    messages: list[Any] = [UserMessage(content="Go.")]
    tools = (Tool(name=ODD), Tool(name="plain"))
    async with served(calls_the_first) as (server, model):
        chat = request(*messages, tools=tools, tool_choice=NamedTool(name=ODD))
        reply = await collect(ask(model, chat, grain=grain))
        assert [(call.id, call.name) for call in reply.tool_calls] == [("f1", ODD)]
        made = (ToolCall(id="f1", name=ODD, arguments="{}"),)
        messages += [AssistantMessage(tool_calls=made), ToolMessage(content="1", tool_call_id="f1")]
        await collect(ask(model, request(*messages, tools=tools), grain=grain))
    first, second = (asked.body for asked in server.asked)
    alias = first["tools"][0]["functionDeclarations"][0]["name"]
    assert GRAMMAR.fullmatch(alias)
    assert first["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == [alias]
    _, called, answered = second["contents"]
    assert called["parts"][0]["functionCall"]["name"] == alias
    assert answered["parts"][0]["functionResponse"]["name"] == alias


def calls_without_an_id(asked: Asked) -> Answer:
    signed = {"functionCall": {"name": "plain"}, "thoughtSignature": "c2ln"}
    given = {"functionCall": {"name": "plain", "id": "of the vendor"}}
    return whole(said(signed, given, finish="STOP"))


async def test_an_id_that_the_vendor_did_not_give_is_not_sent_to_it() -> None:
    async with served(calls_without_an_id) as (server, model):
        tools = (Tool(name="plain"),)
        reply = await collect(ask(model, request(tools=tools), grain=Grain.WHOLE))
        assert all(call.id for call in reply.tool_calls)
        results = [ToolMessage(content="1", tool_call_id=call.id) for call in reply.tool_calls]
        answer = AssistantMessage(tool_calls=reply.tool_calls)
        history = request(UserMessage(content="Go."), answer, *results, tools=tools)
        await collect(ask(model, history, grain=Grain.WHOLE))
    _, called, answered = server.asked[1].body["contents"]
    assert [part["functionCall"].get("id") for part in called["parts"]] == [None, "of the vendor"]
    assert [part["functionResponse"].get("id") for part in answered["parts"]] == [None, "of the vendor"]


@pytest.mark.parametrize("grain", Grain)
async def test_the_vendor_takes_a_failed_result_and_one_with_an_image(grain: Grain) -> None:
    tools = (Tool(name="look"),)
    made = AssistantMessage(
        tool_calls=tuple(
            ToolCall(id=id, name="look", arguments="{}", extra_content={"google": {"thought_signature": "c2ln"}})
            for id in ("f1", "f2")
        )
    )
    seen = ToolMessage(content=(Text(text="Seen."), Image(data=b"png", mime_type="image/png")), tool_call_id="f1")
    failed = ToolMessage(content="no such file", tool_call_id="f2", error=True)

    def answers(asked: Asked) -> Answer:
        done = said({"text": "A cat."}, finish="STOP")
        return stream(done) if "stream" in asked.path else whole(done)

    async with served(answers) as (server, model):
        history = request(UserMessage(content="Go."), made, seen, failed, tools=tools)
        await collect(ask(model, history, grain=grain))
    first, second = server.asked[0].body["contents"][2]["parts"]
    assert [part["inlineData"]["mimeType"] for part in first["functionResponse"]["parts"]] == ["image/png"]
    assert second["functionResponse"]["response"] == {"error": "no such file"}
