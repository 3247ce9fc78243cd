"""Faults are told at the fields that the client sent."""

from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.messages.paths import own_path
from llm_gateway.adapters.inbound.http.messages.wire import MessagesBody

from .bodies import CALL, PLAIN, RESULT, USER, text

BODY: dict[str, Any] = {
    **PLAIN,
    "system": "Short.",
    "messages": [
        USER,
        {"role": "assistant", "content": [text(), CALL, {**CALL, "id": "c2"}]},
        {"role": "user", "content": [text(), RESULT, {**RESULT, "tool_use_id": "c2"}]},
        {"role": "user", "content": [text(), text()]},
    ],
}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("", ""),
        ("temperature", "temperature"),
        ("stop", "stop_sequences"),
        ("reasoning_effort", "output_config.effort"),
        ("response_format", "output_config.format"),
        ("response_format.json_schema.schema", "output_config.format.schema"),
        ("tools", "tools"),
        ("tools[2].function.name", "tools[2].name"),
        ("tools[2].function.strict", "tools[2].strict"),
        ("tools[2].function.parameters.properties.a", "tools[2].input_schema.properties.a"),
        ("tool_choice", "tool_choice"),
        ("tool_choice.function.name", "tool_choice.name"),
        ("messages", "messages"),
        ("messages[0].content", "system"),
        ("messages[1].content", "messages[0].content"),
        ("messages[2].content", "messages[1].content"),
        ("messages[2].tool_calls[1].id", "messages[1].content[2].id"),
        ("messages[2].tool_calls[0].function.name", "messages[1].content[1].name"),
        ("messages[2].tool_calls[0].extra_content", "messages[1].content[1]"),
        ("messages[2].tool_calls", "messages[1].content"),
        ("messages[2].extra_content", "messages[1].content"),
        ("messages[3].tool_call_id", "messages[2].content[1].tool_use_id"),
        ("messages[4].content[0]", "messages[2].content[2].content[0]"),
        ("messages[5].content[1]", "messages[3].content[1]"),
        ("messages[9].content", "messages"),
        ("messages[x].content", "messages[x].content"),
    ],
)
def test_a_path_of_a_chat_completion_is_that_of_the_same_field_here(theirs: str, ours: str) -> None:
    assert own_path(json.decode(json.encode(BODY), type=MessagesBody), theirs) == ours


def test_an_effort_that_thinking_asked_for_is_told_there() -> None:
    body = json.decode(json.encode({**PLAIN, "thinking": {"type": "adaptive"}}), type=MessagesBody)

    assert own_path(body, "reasoning_effort") == "thinking"
