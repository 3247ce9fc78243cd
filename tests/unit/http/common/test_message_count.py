"""What is counted of a body before it is decoded: exactly its messages or items, parts, calls and tools."""

import json
from typing import Any

import pytest

from llm_gateway.adapters.inbound.http.common.message_count import check_count, check_items
from llm_gateway.adapters.inbound.http.common.problems import TooLarge

HELLO = {"role": "user", "content": "Hello"}
PART = {"type": "text", "text": "{{{{"}
CALL = {"id": "1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"properties": {"a": {}, "b": {}}}}}


def counts(body: Any, number: int) -> None:
    """Exactly: so many are taken, and not one fewer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    check_count(data, number)
    with pytest.raises(TooLarge, match=rf"more than {number - 1} messages, parts.*MAX_MESSAGES"):
        check_count(data, number - 1)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"messages": [HELLO] * 7}, 7),
        ({"messages": [{"role": "user", "content": [PART] * 5}]}, 6),
        ({"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL] * 3}]}, 5),
        ({"messages": [HELLO, {"role": "assistant", "content": None, "tool_calls": None}]}, 2),
        ({"messages": [HELLO], "tools": [TOOL] * 4}, 5),
        ({"messages": [HELLO], "system": [PART] * 4}, 5),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [PART] * 4}, PART]}]}, 7),
        ({"messages": [{"role": "assistant", "content": [{**PART, "content": 5}]}], "system": "{" * 9}, 2),
        ({"tools": [TOOL] * 2, "messages": [{"role": "user", "content": [PART]}, HELLO]}, 5),
        (b'{"messages": [{}, {}, {}], "messages": [{}, {}]}', 2),
        (b'{"\\u006dessages": [{}, {}]}', 2),
    ],
)
def test_messages_parts_calls_and_tools_count(body: Any, number: int) -> None:
    counts(body, number)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"input": [HELLO] * 7}, 7),
        ({"input": [{"role": "user", "content": [PART] * 5}, {"type": "function_call_output", "output": [PART]}]}, 8),
        ({"input": "{" * 9, "tools": [TOOL] * 4}, 4),
        ({"input": [{"type": "additional_tools", "tools": [TOOL] * 4}]}, 5),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [TOOL] * 4}, TOOL]}, 6),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "namespace", "tools": [TOOL] * 3}]}]}, 5),
        ({"input": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": ""}] * 4}]}, 5),
        ({"tools": [{"type": "web_search", "tools": 5}] * 2, "input": [{"summary": "{{{"}]}, 3),
    ],
)
def test_items_parts_and_tools_of_a_response_count(body: Any, number: int) -> None:
    data = json.dumps(body).encode()
    check_items(data, number)
    with pytest.raises(TooLarge, match=rf"more than {number - 1} items, parts.*MAX_MESSAGES"):
        check_items(data, number - 1)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "{" * 100}]},
        {"messages": [HELLO], "tools": None, "metadata": {"a": {}}, "cache": {}},
        {"messages": [{**HELLO, "annotations": [{}] * 50, "extra_content": {"a": [{}]}}]},
        {"input": [{}] * 50},
    ],
    ids=["text", "fields", "values", "embedding"],
)
def test_nothing_else_counts(body: Any) -> None:
    check_count(json.dumps(body).encode(), 1)


@pytest.mark.parametrize(
    "body", [b"{{{{", b"[{}, {}, {}]", b'{"messages": 5, "a": [{}, {}]}', b'{"a": "\xff{{{{"}', b""]
)
def test_what_is_no_chat_is_left_to_its_decoding(body: bytes) -> None:
    check_count(body, 1)


def test_what_is_nested_too_deeply_is_left_to_its_decoding() -> None:
    check_count(b'{"a":' * 200_000, 1)
