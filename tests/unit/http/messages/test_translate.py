"""A body becomes a call: turns, results, carriers, thinking and choices."""

from typing import Any

import pytest

from llm_gateway.adapters.inbound.http.common.carriers import carrier_of
from llm_gateway.adapters.inbound.http.messages.renderer import MessageOptions
from llm_gateway.domain.chat import (
    AssistantMessage,
    JsonSchemaFormat,
    Message,
    NamedTool,
    ReasoningEffort,
    SystemMessage,
    Text,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.media import Document, Image, ImageUrl

from .bodies import CALL, IMAGE, PDF, PLAIN, RESULT, TOOL, USER, answered, gave, read, refusal, said, text

SIGNED = {"google": {"thought_signature": "c2ln"}}
CARRIER = carrier_of(SIGNED)
HELLO = UserMessage(content="Hello")


def messages_of(body: dict[str, Any]) -> tuple[Message, ...]:
    return read(body)[0].request.messages


def thought(signature: str, said: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": said, "signature": signature}


def test_a_system_text_stands_first_and_one_in_the_middle_stays_there() -> None:
    turns = [USER, {"role": "system", "content": [text("Shorter.")]}, {"role": "user", "content": "And?"}]

    assert messages_of({**PLAIN, "system": [text("Short."), text("Sweet.")], "messages": turns}) == (
        SystemMessage(content=(Text(text="Short."), Text(text="Sweet."))),
        HELLO,
        SystemMessage(content="Shorter."),
        UserMessage(content="And?"),
    )


@pytest.mark.parametrize("system", ["", [], None])
def test_an_empty_system_text_is_no_message(system: object) -> None:
    assert messages_of({**PLAIN, "system": system}) == (HELLO,)


def test_media_are_parts() -> None:
    url = {"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}

    assert messages_of(said(text("a"), IMAGE, url, {**PDF, "title": "a.pdf"})) == (
        UserMessage(
            content=(
                Text(text="a"),
                Image(data=b"hi", mime_type="image/png"),
                ImageUrl(url="https://a.example/a.png"),
                Document(data=b"hi", name="a.pdf"),
            )
        ),
    )


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({"type": "url", "url": "http://a.example/a.png"}, "source.url"),
        ({"type": "url", "url": "data:image/png;base64,aGk="}, "source.url"),
        ({"type": "base64", "media_type": "text/plain", "data": "aGk="}, "source.media_type"),
        ({"type": "base64", "media_type": "image/png", "data": "%"}, "source.data"),
    ],
)
def test_what_is_no_image_is_refused_where_it_stands(source: dict[str, str], path: str) -> None:
    image = {"type": "image", "source": source}

    assert refusal(said(text(), image)) == f"messages[0].content[1].{path}"
    assert refusal(gave({**RESULT, "content": [image]})) == f"messages[2].content[0].content[0].{path}"


def test_results_are_messages_in_any_order_and_hold_what_stands_beside_them() -> None:
    second = {**CALL, "id": "c2"}
    results = [
        text("Before."),
        {**RESULT, "tool_use_id": "c2", "content": [text("Two."), IMAGE], "is_error": True},
        {**RESULT, "is_error": False},
        text("Behind."),
    ]
    body = {
        **PLAIN,
        "messages": [*answered(CALL, second)["messages"], {"role": "user", "content": results}],
    }

    assert messages_of(body)[2:] == (
        ToolMessage(
            content=(Text(text="Two."), Image(data=b"hi", mime_type="image/png")), tool_call_id="c2", error=True
        ),
        ToolMessage(content=(Text(text="Seen."), Text(text="Before."), Text(text="Behind.")), tool_call_id="c1"),
    )


@pytest.mark.parametrize("content", [None, "", []])
def test_a_result_may_be_empty(content: object) -> None:
    [*_, message] = messages_of(gave({**RESULT, "content": content}))

    assert "".join(part.text for part in message.content if isinstance(part, Text)) == ""


def test_a_tool_that_was_found_is_told_by_its_name() -> None:
    found = {"type": "tool_reference", "tool_name": "look"}

    assert messages_of(gave({**RESULT, "content": [found]}))[-1].content == (Text(text="Tool look is available."),)


def test_a_carrier_belongs_to_the_next_call_and_the_last_one_to_the_message() -> None:
    blocks = [
        thought(""),
        text("See."),
        thought(CARRIER, "Hm."),
        CALL,
        {**CALL, "id": "c2"},
        {"type": "redacted_thinking", "data": carrier_of({"b": 1})},
        {**CALL, "id": "c3"},
        {"type": "redacted_thinking", "data": carrier_of({"c": 1})},
    ]

    assert messages_of(answered(*blocks))[1] == AssistantMessage(
        content="See.",
        tool_calls=(
            ToolCall(id="c1", name="look", arguments='{"a":1}', extra_content=SIGNED),
            ToolCall(id="c2", name="look", arguments='{"a":1}'),
            ToolCall(id="c3", name="look", arguments='{"a":1}', extra_content={"b": 1}),
        ),
        extra_content={"c": 1},
    )


def test_what_another_vendor_signed_is_taken_dropped_and_named() -> None:
    call = read(answered(thought("EqQBCg", "Hm."), CALL, {"type": "redacted_thinking", "data": "Eq"}))[0]

    assert call.request.messages[1] == AssistantMessage(
        tool_calls=(ToolCall(id="c1", name="look", arguments='{"a":1}'),)
    )
    assert call.ignored == tuple(
        f"messages[1].content[{at}].{name}" for at, name in ((0, "thinking"), (0, "signature"), (2, "data"))
    )


def test_of_several_carriers_before_a_call_the_last_counts_and_the_others_are_named() -> None:
    call, _ = read(answered(thought(carrier_of({"b": 1})), thought(CARRIER), CALL, thought(CARRIER)))

    [*_, message] = call.request.messages
    assert message == AssistantMessage(
        tool_calls=(ToolCall(id="c1", name="look", arguments='{"a":1}', extra_content=SIGNED),), extra_content=SIGNED
    )
    assert call.ignored == ("messages[1].content[0].signature",)


@pytest.mark.parametrize("damaged", ["gw1.%", "gw1.W10", f"{CARRIER}x", "gw1."])
def test_a_damaged_carrier_is_refused_where_it_stands(damaged: str) -> None:
    assert refusal(answered(text(), thought(damaged))) == "messages[1].content[1].signature"
    assert refusal(answered({"type": "redacted_thinking", "data": damaged})) == "messages[1].content[0].data"


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, "high"),
        ({"thinking": {"type": "between_tools"}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_999}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 7_999}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "high"),
        *(({"output_config": {"effort": effort}}, effort) for effort in ("low", "medium", "high", "xhigh")),
        ({"output_config": {"effort": "max"}}, "xhigh"),
    ],
)
def test_thinking_and_effort_are_a_reasoning_effort(fields: dict[str, Any], effort: str | None) -> None:
    call, _ = read({**PLAIN, **fields})

    assert call.request.reasoning_effort == (ReasoningEffort(effort) if effort else None)
    assert call.nearest_effort
    assert call.ignored == ()


@pytest.mark.parametrize(
    ("thinking", "effort", "lost"),
    [
        ({"type": "disabled"}, "none", "output_config.effort"),
        ({"type": "enabled", "budget_tokens": 1_024}, "high", "thinking.budget_tokens"),
    ],
)
def test_where_thinking_and_effort_differ_the_one_without_effect_is_named(
    thinking: dict[str, Any], effort: str, lost: str
) -> None:
    call, _ = read({**PLAIN, "thinking": thinking, "output_config": {"effort": "high"}})

    assert (call.request.reasoning_effort, call.ignored) == (ReasoningEffort(effort), (lost,))


@pytest.mark.parametrize(
    ("thinking", "options"),
    [
        (None, MessageOptions()),
        ({"type": "disabled"}, MessageOptions()),
        ({"type": "adaptive"}, MessageOptions(thinking=True, shown=True)),
        ({"type": "adaptive", "display": "summarized"}, MessageOptions(thinking=True, shown=True)),
        ({"type": "enabled", "budget_tokens": 2_000, "display": "omitted"}, MessageOptions(thinking=True)),
    ],
)
def test_thoughts_are_shown_where_they_are_asked_for(thinking: object, options: MessageOptions) -> None:
    assert read({**PLAIN, "thinking": thinking})[1] == options


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ({"type": "auto"}, ToolMode.AUTO),
        ({"type": "any"}, ToolMode.REQUIRED),
        ({"type": "none"}, ToolMode.NONE),
        ({"type": "tool", "name": "look"}, NamedTool(name="look")),
    ],
)
@pytest.mark.parametrize("one", [None, False, True])
def test_every_choice_of_tools(choice: dict[str, Any], chosen: object, one: bool | None) -> None:
    call, options = read({**PLAIN, "tools": [TOOL], "tool_choice": {**choice, "disable_parallel_tool_use": one}})

    assert (call.request.tool_choice, options.one_call) == (chosen, bool(one))


def test_a_schema_binds_the_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = {**PLAIN, "output_config": {"format": {"type": "json_schema", "schema": schema}}}

    assert read(body)[0].request.response_format == JsonSchemaFormat(schema=schema)


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 1.1), ("max_tokens", 0), ("stop_sequences", [""]), ("stop_sequences", ["a"] * 17), ("model", "")],
)
def test_what_is_out_of_bounds_is_refused_by_name(field: str, value: object) -> None:
    assert refusal({**PLAIN, field: value}).startswith(field)


@pytest.mark.parametrize("field", ["model", "max_tokens", "messages"])
def test_what_is_needed_is_asked_for_by_name(field: str) -> None:
    assert refusal({name: value for name, value in PLAIN.items() if name != field}) == field
