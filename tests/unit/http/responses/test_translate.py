"""From a request for a response to a call: items as messages, tools as functions, and the paths of what is wrong."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.responses.paths import own_path
from llm_gateway.adapters.inbound.http.responses.translate import to_call
from llm_gateway.adapters.inbound.http.responses.wire import ResponseBody
from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    Grain,
    JsonFormat,
    JsonSchemaFormat,
    NamedTool,
    ReasoningEffort,
    SystemMessage,
    Text,
    TextFormat,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.media import Detail, Document, Image, ImageUrl
from llm_gateway.domain.validation import check

from .bodies import CALL, CARRIER, CUSTOM, IMAGE, OUTPUT, PDF, PLAIN, SPACE, TOOL, items, read, refusal, said, text

SIGNED: dict[str, Any] = {"g": {}}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": CARRIER}
HELLO = UserMessage(content="Hello")


def messages(*more: dict[str, Any]) -> Any:
    """What becomes of these after a user's message."""
    first, *rest = read(items(*more))[0].request.messages
    assert first == HELLO
    return rest


def calls(message: Any) -> list[ToolCall]:
    assert isinstance(message, AssistantMessage)
    return list(message.tool_calls)


def test_a_text_is_what_the_user_says_and_instructions_come_first() -> None:
    call, _ = read({"model": "local", "input": "Hello", "instructions": "Short."})

    assert call.request.messages == (SystemMessage(content="Short."), HELLO)
    assert (call.model, call.grain, call.nearest_effort, call.ignored) == ("local", Grain.WHOLE, True, ())
    assert call.cache == CacheDirective(own_samples=True)


@pytest.mark.parametrize(
    ("role", "kind"), [("system", SystemMessage), ("developer", SystemMessage), ("assistant", AssistantMessage)]
)
@pytest.mark.parametrize("content", ["Hi", [text("Hi")], [{"type": "output_text", "text": "Hi", "annotations": []}]])
def test_each_role_is_a_message_in_its_place(role: str, kind: Any, content: Any) -> None:
    assert messages({"role": role, "content": content}) == [kind(content="Hi")]


def test_images_and_documents_are_parts() -> None:
    url = {"type": "input_image", "image_url": "https://a.example/a.png", "detail": "original"}

    [message] = read(said(text("a"), IMAGE, url, PDF))[0].request.messages

    assert message.content == (
        Text(text="a"),
        Image(data=b"\0\0\0", mime_type="image/png"),
        ImageUrl(url="https://a.example/a.png", detail=Detail.HIGH),
        Document(data=b"a", name="a.pdf"),
    )


def test_a_tool_s_output_may_hold_images() -> None:
    output = {**OUTPUT, "output": [text("A cat."), IMAGE]}

    _, result = messages(CALL, output)

    image = Image(data=b"\0\0\0", mime_type="image/png")
    assert result == ToolMessage(content=(Text(text="A cat."), image), tool_call_id="c1")


def test_an_answer_s_items_are_one_message_until_something_else_comes() -> None:
    said_before = {"type": "message", "role": "assistant", "content": "I look."}
    other = {**CALL, "call_id": "c2", "name": "find", "namespace": "agents", "arguments": '{"a":1}'}

    answer, first, second, last = messages(said_before, CALL, other, OUTPUT, {**OUTPUT, "call_id": "c2"}, said_before)

    assert answer == AssistantMessage(
        content="I look.",
        tool_calls=[
            ToolCall(id="c1", name="look", arguments="{}"),
            ToolCall(id="c2", name="agents__find", arguments='{"a":1}'),
        ],
    )
    assert [first.tool_call_id, second.tool_call_id] == ["c1", "c2"]
    assert last == AssistantMessage(content="I look.")


def test_a_carrier_belongs_to_the_next_call_and_the_last_to_the_message() -> None:
    other = {**CALL, "call_id": "c2"}

    [answer] = messages(REASONING, CALL, {**REASONING, "encrypted_content": None}, other, REASONING)

    assert [call.extra_content for call in calls(answer)] == [SIGNED, None]
    assert answer.extra_content == SIGNED


def test_another_vendor_s_blob_is_dropped_and_named() -> None:
    call, _ = read(items({**REASONING, "encrypted_content": "gAAAAA"}, CALL))

    assert calls(call.request.messages[1])[0].extra_content is None
    assert call.ignored == ("input[1].encrypted_content",)


def test_thoughts_alone_are_no_message() -> None:
    assert messages(REASONING) == []


@pytest.mark.parametrize("damaged", ["gw1.", "gw1.%%%", CARRIER[:-1] + "!", "gw1.W10"])
def test_a_damaged_carrier_is_refused_where_it_stands(damaged: str) -> None:
    assert refusal(items({**REASONING, "encrypted_content": damaged}, CALL)) == "input[1].encrypted_content"


def test_a_custom_tool_s_call_goes_back_as_its_function_s() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a "b"\n'}
    output = {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done."}

    answer, result = messages(custom, output)

    assert calls(answer) == [ToolCall(id="c1", name="patch", arguments='{"input":"a \\"b\\"\\n"}')]
    assert result == ToolMessage(content="Done.", tool_call_id="c1")


def test_every_kind_of_tool_is_a_function() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
    more = {"type": "additional_tools", "role": "developer", "tools": [{**TOOL, "name": "late", "strict": True}]}
    body = {**items(more), "tools": [TOOL, {**CUSTOM, "description": "It patches.", "format": grammar}, SPACE]}

    tools = read(body)[0].request.tools

    assert [tool.name for tool in tools] == ["look", "patch", "agents__look", "late"]
    assert (tools[0].parameters, tools[3].strict) == ({"type": "object"}, True)
    assert tools[1].parameters is not None
    assert tools[1].parameters["required"] == ["input"]
    assert str(tools[1].description).startswith("It patches.\n\n")
    assert str(tools[1].description).endswith("lark grammar:\nstart: /a+/")
    assert tools[2].description == "Others."


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ("none", ToolMode.NONE),
        ("auto", ToolMode.AUTO),
        ("required", ToolMode.REQUIRED),
        ({"type": "function", "name": "look"}, NamedTool(name="look")),
        ({"type": "custom", "name": "patch"}, NamedTool(name="patch")),
        ({"type": "function", "name": "ask"}, NamedTool(name="agents__ask")),
        (None, None),
    ],
)
def test_a_tool_choice_is_the_domain_s(choice: Any, chosen: Any) -> None:
    tools = [TOOL, CUSTOM, {**SPACE, "tools": [{**TOOL, "name": "ask"}, TOOL]}]

    assert read({**PLAIN, "tools": tools, "tool_choice": choice})[0].request.tool_choice == chosen


def test_a_choice_that_only_a_left_out_tool_could_meet_is_refused() -> None:
    call, _ = read({**PLAIN, "tools": [{"type": "web_search"}], "tool_choice": "required"})

    with pytest.raises(InvalidRequest, match="tool_choice"):
        check(call)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (None, None),
        ({"type": "text"}, TextFormat()),
        ({"type": "json_object"}, JsonFormat()),
        (
            {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True},
            JsonSchemaFormat(name="a", schema={"type": "object"}, strict=True),
        ),
    ],
)
def test_a_text_s_format_is_the_answer_s(stated: Any, expected: Any) -> None:
    assert read({**PLAIN, "text": {"format": stated}})[0].request.response_format == expected


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh"])
def test_an_effort_is_the_domain_s(effort: str) -> None:
    call, _ = read({**PLAIN, "reasoning": {"effort": effort}})

    assert (call.request.reasoning_effort, call.ignored) == (ReasoningEffort(effort), ())


def test_the_most_effort_is_the_most_that_there_is_and_named() -> None:
    call, _ = read({**PLAIN, "reasoning": {"effort": "max"}})

    assert (call.request.reasoning_effort, call.ignored) == (ReasoningEffort.XHIGH, ("reasoning.effort max",))


def test_numbers_the_grain_and_the_timeout_are_passed_on() -> None:
    body = {**PLAIN, "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.25, "stream": True}

    call = to_call(json.decode(json.encode(body), type=ResponseBody), None, timedelta(seconds=3))

    assert (call.request.max_tokens, call.request.sampling.temperature, call.request.sampling.top_p) == (9, 0.5, 0.25)
    assert (call.grain, call.timeout) == (Grain.STREAM, timedelta(seconds=3))


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"type": "message", "content": "a"}, "input[1].role"),
        ({"type": "message", "role": "user"}, "input[1].content"),
        ({"type": "function_call", "name": "look", "arguments": "{}"}, "input[1].call_id"),
        ({"type": "function_call_output", "call_id": "c1"}, "input[1].output"),
        ({"type": "custom_tool_call", "call_id": "c1", "name": "patch"}, "input[1].input"),
        ({"role": "user", "content": "a", "arguments": "{}"}, "input[1].arguments"),
        ({"role": "user", "content": "a", "unheard_of": 1}, "input[1].unheard_of"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[1].content[0].type"),
        ({"role": "user", "content": [{"type": "reasoning_text", "text": "a"}]}, "input[1].content[0].type"),
        ({"role": "assistant", "content": [IMAGE]}, "input[1].content[0].type"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[1].content[0].image_url"),
        ({"role": "user", "content": [{**IMAGE, "image_url": "http://a.example"}]}, "input[1].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[1].content[0].file_data"),
        ({"type": "unheard_of", "anything": {"a": 1}}, "input[1].type"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_where_it_stands(item: dict[str, Any], path: str) -> None:
    assert refusal(items(item)) == path


def paths_of(body: dict[str, Any]) -> list[str]:
    """Where the domain's checks find faults, by the paths of the body."""
    decoded = json.decode(json.encode(body), type=ResponseBody)
    call: ChatCall = to_call(decoded, None, None)
    with pytest.raises(InvalidRequest) as caught:
        check(call)
    return [own_path(decoded, fault.path) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (items(OUTPUT), "input[1].call_id"),
        ({**items(OUTPUT), "instructions": "Short."}, "input[1].call_id"),
        (items({**CALL, "call_id": ""}), "input[1].call_id"),
        (items({"role": "assistant", "content": "a"}, CALL, REASONING, {**CALL, "name": ""}), "input[4].call_id"),
        (items({**CALL, "name": ""}), "input[1].name"),
        ({**PLAIN, "input": []}, "input"),
        ({**PLAIN, "tools": [{"type": "web_search"}, TOOL, TOOL]}, "tools[2].name"),
        ({**PLAIN, "tools": [SPACE, SPACE]}, "tools[1].tools[0].name"),
        ({**items({"type": "additional_tools", "tools": [TOOL]}), "tools": [TOOL]}, "input[1].tools[0].name"),
        ({**PLAIN, "tools": [TOOL], "tool_choice": {"type": "function", "name": "a"}}, "tool_choice.name"),
        ({**PLAIN, "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_the_domain_finds_wrong_is_told_by_the_paths_of_the_body(body: dict[str, Any], path: str) -> None:
    assert path in paths_of(body)


CONVERSATION = {
    **items({"role": "assistant", "content": "a"}, REASONING, CALL, {**OUTPUT, "output": [text(), IMAGE]}),
    "instructions": "Short.",
    "tools": [{"type": "web_search"}, TOOL],
}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("messages[0].content", "instructions"),
        ("messages[1].content[0]", "input[0].content[0]"),
        ("messages[2].content", "input[1].content"),
        ("messages[2].tool_calls[0].function.name", "input[3].name"),
        ("messages[2].tool_calls[0].extra_content", "input[3]"),
        ("messages[2].tool_calls", "input[3]"),
        ("messages[2].extra_content", "input[1]"),
        ("messages[3].content[1]", "input[4].output[1]"),
        ("messages[3].tool_call_id", "input[4].call_id"),
        ("messages[9].content", "input"),
        ("tools[0].function.parameters.properties", "tools[1].parameters.properties"),
        ("tools[9]", "tools"),
        ("response_format", "text.format"),
        ("response_format.json_schema.schema", "text.format.schema"),
        ("reasoning_effort", "reasoning.effort"),
        ("max_tokens", "max_output_tokens"),
        ("temperature", "temperature"),
    ],
)
def test_a_chat_completion_s_path_is_the_body_s(theirs: str, ours: str) -> None:
    assert own_path(json.decode(json.encode(CONVERSATION), type=ResponseBody), theirs) == ours


def test_a_text_has_one_path() -> None:
    body = json.decode(json.encode({"model": "local", "input": "Hello"}), type=ResponseBody)

    assert own_path(body, "messages[0].content[0]") == "input"
