"""What each dialect's servers are sent: only what they take, each in their own way."""

from typing import Any

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.openai.dialects import FILE
from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain import errors
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    Grain,
    JsonSchemaFormat,
    NamedTool,
    ReasoningEffort,
    Sampling,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.media import Document, Image

from ..scripted_vendor import whole
from .calls import TO, asking, events_of, provider_at, reply_of
from .server import TAKEN, SpokenServer, called, delta, faults, message, spoken_server, stream

DIALECTS = pytest.mark.parametrize("dialect", FILE.dialects)
ADD, SUB = Tool(name="add", parameters={"type": "object"}, strict=True), Tool(name="sub", description="Takes.")
PNG = Image(data=b"png", mime_type="image/png")
TALK = (
    SystemMessage(content="Be short."),
    SystemMessage(content="Be kind."),
    UserMessage(content="Add."),
    AssistantMessage(
        content="",
        tool_calls=(
            ToolCall(id="call-1", name="add", arguments='{"n": 1}'),
            ToolCall(id="call-2", name="sub", arguments=""),
        ),
    ),
    ToolMessage(tool_call_id="call-1", content="2"),
    ToolMessage(tool_call_id="call-2", content=(Text(text="no such thing"), PNG), error=True),
    SystemMessage(content="Be quick."),
    UserMessage(content=(Text(text="What is"), Text(text="this?"), PNG)),
)


async def sent(
    dialect: str, request: ChatRequest, model: str = "able", grain: Grain = Grain.STREAM, **more: Any
) -> dict[str, Any]:
    """As a server takes it that refuses, and passes over, nothing of it."""
    async with spoken_server(dialect) as server, provider_at(server.url, dialect, model=model, **more) as provider:
        to = replace(TO, id=replace(TO.id, model=model))
        async for _ in events_of(provider, request, grain, to=to):
            pass
        assert not server.ignored
        body: dict[str, Any] = server.chats()[-1].body
        return body


def test_there_is_a_server_for_each_dialect() -> None:
    assert TAKEN.keys() == FILE.dialects.keys()


@DIALECTS
@pytest.mark.parametrize("grain", list(Grain))
async def test_a_whole_conversation_is_taken(dialect: str, grain: Grain) -> None:
    body = await sent(dialect, asking(*TALK, tools=(ADD, SUB), max_tokens=9), grain=grain)
    first, user, answer, one, other, *rest, last = body["messages"]
    assert first == {"role": "system", "content": "Be short.\n\nBe kind."}
    assert user == {"role": "user", "content": "Add."}
    assert [call["function"]["arguments"] for call in answer["tool_calls"]] == ['{"n": 1}', "{}"]
    assert [one["tool_call_id"], other["tool_call_id"]] == [call["id"] for call in answer["tool_calls"]]
    assert [one["content"], other["content"]] == ["2", "Error: no such thing"]
    shown, late = rest
    assert shown["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}]
    assert "Be quick." in late["content"]
    assert [part["type"] for part in last["content"]] == ["text", "text", "image_url"]
    assert body[FILE.dialects[dialect].max_tokens] == 9
    assert ("stream" in body) is (grain is Grain.STREAM)


@DIALECTS
async def test_what_nobody_stated_is_not_sent(dialect: str) -> None:
    body = await sent(dialect, asking(), grain=Grain.WHOLE)
    assert body.keys() - {"provider"} == {"model", "messages"}


@pytest.mark.parametrize(
    "dialect", [name for name, one in FILE.dialects.items() if "tool_choice: required" in one.takes]
)
async def test_a_tool_that_must_be_called_is_asked_for_in_the_servers_way(dialect: str) -> None:
    one = FILE.dialects[dialect]
    any_of_them = await sent(dialect, asking(tools=(ADD, SUB), tool_choice=ToolMode.REQUIRED))
    assert any_of_them["tool_choice"] == ("any" if dialect == "mistral" else "required")
    named = await sent(dialect, asking(tools=(ADD, SUB), tool_choice=NamedTool(name="add")))
    if one.named_tool:
        assert named["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    else:
        assert (named["tool_choice"], [tool["function"]["name"] for tool in named["tools"]]) == ("required", ["add"])
    none = await sent(dialect, asking(tools=(ADD, SUB), tool_choice=ToolMode.NONE))
    assert not {"tools", "tool_choice"} & none.keys()


REASONS = ModelFacts(names=("able",), levels=(ReasoningEffort.LOW, ReasoningEffort.HIGH), reasoning_off=True)
EFFORTS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "generic": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    "openai": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    "vllm": ({"reasoning_effort": "high"}, {"chat_template_kwargs": {"enable_thinking": False}}),
    "llamacpp": (
        {"chat_template_kwargs": {"reasoning_effort": "high"}},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ),
    "lmstudio": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    "groq": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    "mistral": ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    "deepseek": ({"reasoning_effort": "high"}, {"thinking": {"type": "disabled"}}),
    "openrouter": ({"reasoning": {"effort": "high"}}, {"reasoning": {"effort": "none"}}),
}


@pytest.mark.parametrize("dialect", [name for name in EFFORTS if name != "generic"])
async def test_an_effort_is_said_in_the_servers_way(dialect: str) -> None:
    high, off = EFFORTS[dialect]
    for effort, said in ((ReasoningEffort.MEDIUM, high), (ReasoningEffort.NONE, off), (None, {})):
        body = await sent(dialect, asking(reasoning_effort=effort), facts=(REASONS,))
        ways = {"reasoning_effort", "chat_template_kwargs", "thinking", "reasoning"}
        assert {name: body[name] for name in ways & body.keys()} == said


async def test_a_default_limit_leaves_room_for_thoughts() -> None:
    stated = await sent("openai", asking(max_tokens=100), model="gpt-5")
    default = await sent("openai", asking(max_tokens=100, max_tokens_by_default=True), model="gpt-5")
    plain = await sent("openai", asking(max_tokens=100, max_tokens_by_default=True), model="gpt-4o")
    limits = [body["max_completion_tokens"] for body in (stated, default, plain)]
    assert limits == [100, 100 + 16_384, 100]


async def test_a_reasoning_model_of_openai_gets_no_sampling() -> None:
    sampling = Sampling(temperature=0.5, temperature_by_default=True, top_p=0.5)
    assert not {"temperature", "top_p"} & (await sent("openai", asking(sampling=sampling), model="o4-mini")).keys()
    assert (await sent("openai", asking(sampling=sampling), model="gpt-4o"))["temperature"] == 0.5


async def test_a_document_goes_to_openai_with_a_name() -> None:
    body = await sent("openai", asking(UserMessage(content=(Document(data=b"pdf"),))))
    (part,) = body["messages"][0]["content"]
    assert part == {
        "type": "file",
        "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,cGRm"},
    }


async def test_an_answer_is_continued_where_the_server_can() -> None:
    body = await sent("vllm", asking(UserMessage(content="Count."), AssistantMessage(content="One,")))
    assert body["continue_final_message"] is True
    assert body["messages"][-1] == {"role": "assistant", "content": "One,"}


@pytest.mark.parametrize(
    ("dialect", "said", "field"),
    [
        ("deepseek", {"reasoning_content": "Hm"}, "reasoning_content"),
        ("openrouter", {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, "reasoning_details"),
    ],
)
@pytest.mark.parametrize("grain", list(Grain))
async def test_what_a_server_wants_back_with_its_calls_comes_back(
    dialect: str, said: dict[str, Any], field: str, grain: Grain
) -> None:
    async with spoken_server(dialect) as server, provider_at(server.url, dialect) as provider:
        server.scripts = [
            whole(message(None, "tool_calls", tool_calls=[called()], **said))
            if grain is Grain.WHOLE
            else stream(delta(**said), delta(tool_calls=[{"index": 0, **called()}]), delta(finish="tool_calls"))
        ]
        reply = await reply_of(provider, asking(tools=(ADD,)), grain)
        (call,) = reply.tool_calls
        assert call.extra_content == {"upstream": said}
        talk = (UserMessage(content="Go."), AssistantMessage(tool_calls=(call,)))
        again = asking(*talk, ToolMessage(tool_call_id=call.id, content="2"), tools=(ADD,))
        await reply_of(provider, again, grain)
        assert server.chats()[-1].body["messages"][1][field] == said[field]


async def test_what_another_provider_gave_goes_to_no_other() -> None:
    foreign = {"google": {"thought_signature": "x"}, "upstream": {"secret": "x"}}
    call = ToolCall(id="c", name="add", arguments="{}", extra_content=foreign)
    talk = (UserMessage(content="Go."), AssistantMessage(tool_calls=(call,), extra_content=foreign))
    for dialect in FILE.dialects:
        body = await sent(dialect, asking(*talk, ToolMessage(tool_call_id="c", content="2"), tools=(ADD,)))
        assert "secret" not in str(body)
        assert "google" not in str(body)


REFUSED: dict[str, dict[str, Any]] = {
    "generic": {"seed": 1},
    "openai": {"max_tokens": 1},
    "groq": {"logprobs": True},
    "mistral": {"seed": 1},
    "lmstudio": {"response_format": {"type": "json_object"}},
    "deepseek": {"response_format": {"type": "json_schema"}},
    "llamacpp": {"tool_choice": {"type": "function"}},
    "vllm": {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
    "openrouter": {"messages": [{"role": "tool", "tool_call_id": "c", "content": "b"}]},
}


async def test_a_schema_without_a_name_gets_the_one_that_the_servers_require() -> None:
    body = await sent("openai", asking(response_format=JsonSchemaFormat(schema={"type": "object"})))
    assert body["response_format"]["json_schema"] == {"name": "response", "schema": {"type": "object"}}


@DIALECTS
def test_the_servers_refuse(dialect: str) -> None:
    plain = {"model": "able", "messages": [{"role": "user", "content": "a"}]}
    assert not list(faults(dialect, plain))
    assert list(faults(dialect, plain | REFUSED[dialect]))


async def test_half_a_character_is_refused_by_us() -> None:
    async with spoken_server() as server, provider_at(server.url) as provider:
        with pytest.raises(errors.ProviderRejected):
            await reply_of(provider, asking(UserMessage(content="\ud83d")))
        assert not server.chats()


async def test_the_key_is_sent_as_a_bearer_and_a_wrong_one_is_the_operators_fault() -> None:
    server: SpokenServer
    async with spoken_server() as server, provider_at(server.url) as provider:
        server.key = "sk-secret"
        assert (await reply_of(provider)).content
        server.key = "another"
        with pytest.raises(errors.ProviderMisconfigured):
            await reply_of(provider)
