"""The table of the fields of a request for a response: complete, walked field by field, and as in the docs."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import fields, replace

from llm_gateway.adapters.inbound.http.common.fields import Fate, table
from llm_gateway.adapters.inbound.http.responses.fields import COUNT_FIELDS, FIELDS, LEFT_OUT_TOOLS, REFUSED_TOOLS
from llm_gateway.adapters.inbound.http.responses.translate import to_counted
from llm_gateway.adapters.inbound.http.responses.wire import InputTokensBody, ResponseBody, ResponseIn, ResponsePromptIn
from llm_gateway.domain.errors import InvalidRequest

from .bodies import (
    CALL,
    CARRIER,
    CUSTOM,
    IMAGE,
    OUTPUT,
    PDF,
    PLAIN,
    SPACE,
    TOOL,
    answered,
    items,
    read,
    refusal,
    said,
    text,
    told,
)

DOCS = Path(__file__).parents[4] / "docs" / "responses.md"
WITH_TOOL = {**PLAIN, "tools": [TOOL]}
CONTROL = {"mode": "explicit"}
BACK = {"type": "output_text", "text": "Hi"}
REASONING = {"type": "reasoning", "summary": []}


def with_tool(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "tools": [{**TOOL, **more}]}


def reasoned(**more: Any) -> dict[str, Any]:
    return items({**REASONING, **more}, {"role": "assistant", "content": "Hi"})


def reasoning(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "reasoning": {"effort": "low", **more}}


CALLED = items(CALL)
GIVEN = items(CALL, OUTPUT)
PART = "input[0].content[0]"
ANSWERED = "input[1].content[0]"
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "model": (PLAIN, {**PLAIN, "model": "ollama"}, ""),
    "input": (PLAIN, {**PLAIN, "input": "Bye"}, ""),
    "input[].type: message": (PLAIN, items({"type": "message", "role": "developer", "content": "Short."}), ""),
    "input[].content[].input_text": (said(text("a")), said(text("b")), ""),
    "input[].content[].output_text": (answered(BACK), answered(BACK, BACK), ""),
    "input[].content[].refusal": (answered(BACK), answered(BACK, {"type": "refusal", "refusal": "No."}), ""),
    "input[].content[].input_image": (said(text()), said(text(), IMAGE), ""),
    "input[].content[].input_image.detail": (said(IMAGE), said({**IMAGE, "detail": "original"}), ""),
    "input[].content[].input_image.file_id": (said(IMAGE), said({"type": "input_image", "file_id": "f"}), PART),
    "input[].content[].input_file": (said(text()), said(text(), PDF), ""),
    "input[].content[].input_file.detail": (said(PDF), said({**PDF, "detail": "high"}), f"{PART}.detail"),
    "input[].content[].input_file.file_id, file_url": (
        said(PDF),
        said({"type": "input_file", "file_url": "https://a.example/a.pdf"}),
        f"{PART}.file_url",
    ),
    "input[].content[].annotations": (
        answered(BACK),
        answered({**BACK, "annotations": [{"type": "url_citation"}]}),
        f"{ANSWERED}.annotations",
    ),
    "input[].content[].logprobs": (answered(BACK), answered({**BACK, "logprobs": [1]}), f"{ANSWERED}.logprobs"),
    "input[].content[].prompt_cache_breakpoint": (
        said(text()),
        said(text(prompt_cache_breakpoint=CONTROL)),
        f"{PART}.prompt_cache_breakpoint",
    ),
    "input[].type: function_call": (PLAIN, items({**CALL, "namespace": "agents"}), ""),
    "input[].type: function_call_output": (CALLED, items(CALL, {**OUTPUT, "output": [text(), IMAGE]}), ""),
    "input[].type: custom_tool_call": (
        PLAIN,
        items({"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "x"}),
        "",
    ),
    "input[].type: custom_tool_call_output": (CALLED, items(CALL, {**OUTPUT, "type": "custom_tool_call_output"}), ""),
    "input[].type: additional_tools": (
        PLAIN,
        items({"type": "additional_tools", "role": "developer", "tools": [TOOL]}),
        "",
    ),
    "input[].type: reasoning": (items(CALL), items({**REASONING, "encrypted_content": CARRIER}, CALL), ""),
    "input[].encrypted_content": (reasoned(), reasoned(encrypted_content=CARRIER), ""),
    "input[].summary": (reasoned(), reasoned(summary=[{"type": "summary_text", "text": "Hm."}]), "input[1].summary"),
    "input[].reasoning.content": (
        reasoned(content=None),
        reasoned(content=[{"type": "reasoning_text", "text": "Hm."}]),
        "input[1].content",
    ),
    "input[].type: item_reference": (PLAIN, items({"type": "item_reference", "id": "rs_1"}), "input[1].type"),
    "input[].type: compaction, compaction_trigger": (
        PLAIN,
        items({"type": "compaction", "encrypted_content": "x"}),
        "input[1].type",
    ),
    "input[].type: any other": (
        PLAIN,
        items({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}),
        "input[1].type",
    ),
    "input[].name, namespace, of an output": (GIVEN, items(CALL, {**OUTPUT, "name": "look", "namespace": "a"}), ""),
    "input[].id": (CALLED, items({**CALL, "id": "fc_1"}), ""),
    "input[].phase": (answered(BACK), answered(BACK, phase="final_answer"), ""),
    "input[].status": (answered(BACK), answered(BACK, status="completed"), ""),
    "input[].caller": (CALLED, items({**CALL, "caller": {"type": "program", "caller_id": "p"}}), "input[1].caller"),
    "input[].*": (CALLED, items({**CALL, "some_tool": 1}), "input[1].some_tool"),
    "input[].content[].*": (answered(BACK), answered({**BACK, "some_tool": 1}), f"{ANSWERED}.some_tool"),
    "input[].output[].*": (
        items(CALL, {**OUTPUT, "output": [text()]}),
        items(CALL, {**OUTPUT, "output": [text(some_tool=1)]}),
        "input[2].output[0].some_tool",
    ),
    "reasoning.effort": (reasoning(), reasoning(effort="high"), ""),
    "reasoning.summary": (reasoning(), reasoning(summary="auto"), ""),
    "reasoning.generate_summary": (reasoning(), reasoning(generate_summary="auto"), ""),
    "reasoning.context": (reasoning(), reasoning(context="all_turns"), "reasoning.context"),
    "reasoning.mode": (reasoning(), reasoning(mode="pro"), "reasoning.mode"),
    "stream_options": (PLAIN, {**PLAIN, "stream_options": {}}, ""),
    "stream_options.include_obfuscation": (
        PLAIN,
        {**PLAIN, "stream_options": {"include_obfuscation": True}},
        "stream_options.include_obfuscation",
    ),
    "text.format": (PLAIN, {**PLAIN, "text": {"format": {"type": "json_object"}}}, ""),
    "text.verbosity": (PLAIN, {**PLAIN, "text": {"verbosity": "low"}}, "text.verbosity"),
    "text": (
        PLAIN,
        {**PLAIN, "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}}},
        "",
    ),
    "tool_choice": (WITH_TOOL, {**WITH_TOOL, "tool_choice": {"type": "function", "name": "look"}}, ""),
    "tool_choice.type: allowed_tools": (
        WITH_TOOL,
        {**WITH_TOOL, "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [TOOL]}},
        "tool_choice.type",
    ),
    "tool_choice.type: any other": (
        WITH_TOOL,
        {**WITH_TOOL, "tool_choice": {"type": "web_search_preview"}},
        "tool_choice.type",
    ),
    "tools": (PLAIN, WITH_TOOL, ""),
    "tools[].type: function": (PLAIN, with_tool(description="It looks."), ""),
    "tools[].strict": (WITH_TOOL, with_tool(strict=True), ""),
    "tools[].type: custom": (PLAIN, {**PLAIN, "tools": [CUSTOM]}, ""),
    "tools[].type: namespace": (PLAIN, {**PLAIN, "tools": [SPACE]}, ""),
    "tools[].type: " + ", ".join(LEFT_OUT_TOOLS): (
        PLAIN,
        {**PLAIN, "tools": [{"type": "web_search", "external_web_access": True}]},
        "tools[0] web_search",
    ),
    "tools[].type: " + ", ".join(REFUSED_TOOLS): (
        PLAIN,
        {**PLAIN, "tools": [{"type": "mcp", "server_label": "a", "server_url": "https://a.example"}]},
        "tools[0]",
    ),
    "tools[].allowed_callers": (
        WITH_TOOL,
        with_tool(allowed_callers=["programmatic"]),
        "tools[0].allowed_callers",
    ),
    "tools[].async": (WITH_TOOL, with_tool(**{"async": True}), "tools[0].async"),
    "tools[].defer_loading": (WITH_TOOL, with_tool(defer_loading=True), "tools[0].defer_loading"),
    "tools[].output_schema": (WITH_TOOL, with_tool(output_schema={"type": "object"}), "tools[0].output_schema"),
}
"""For each field a body without it, or with what it may hold, and one with it; where refused or named, the path."""
VALUES: dict[str, Any] = {
    "access_programs": {"cyber": "standard"},
    "background": True,
    "background_options": {"completion_window": "2h"},
    "cache": {"mode": "bypass"},
    "client_metadata": {"a": "b"},
    "context_management": [{"type": "compaction"}],
    "conversation": "conv_1",
    "image": {"context_compression": "auto"},
    "include": ["reasoning.encrypted_content"],
    "instructions": "Short.",
    "max_output_tokens": 5,
    "max_tool_calls": 2,
    "metadata": {"a": "b"},
    "model_hint": "secure",
    "moderation": {"model": "omni"},
    "parallel_tool_calls": False,
    "previous_response_id": "resp_1",
    "prompt": {"id": "p"},
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning": {"effort": "high"},
    "safety_identifier": "s",
    "service_tier": "flex",
    "store": True,
    "stream": True,
    "temperature": 0.5,
    "top_logprobs": 1,
    "top_p": 0.5,
    "truncation": "auto",
    "user": "u",
}
"""Of the top-level fields that need no more than a value: one that asks for something."""
for name, value in VALUES.items():
    SAMPLES[name] = (PLAIN, {**PLAIN, name: value}, name)
ECHOED_ALONE = {"stream_options"}


def test_the_table_has_each_field_once_and_is_walked_whole() -> None:
    paths = [field.path for field in FIELDS]

    assert len(paths) == len(set(paths))
    assert SAMPLES.keys() == set(paths)


def test_the_table_and_the_wire_types_have_the_same_fields() -> None:
    honoured = {field.path for field in FIELDS if field.top_level and field.fate in (Fate.HONOURED, Fate.OURS)}

    assert {field.name for field in fields(ResponseIn)} == honoured
    assert {field.name for field in fields(ResponseBody)} == {field.path for field in FIELDS if field.top_level}
    counted = {field.path for field in COUNT_FIELDS if field.top_level}
    assert {field.name for field in fields(InputTokensBody)} == counted
    assert {field.name for field in fields(ResponsePromptIn)} < counted


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_each_field_fares_as_the_table_says(field: Any) -> None:
    without, with_it, path = SAMPLES[field.path]

    match field.fate:
        case Fate.HONOURED | Fate.OURS if field.path not in ECHOED_ALONE:
            assert told(with_it) != told(without)
            assert read(with_it)[0].ignored == read(without)[0].ignored
        case Fate.HONOURED | Fate.OURS | Fate.TAKEN:
            assert told(with_it) == told(without)
        case Fate.NO_EFFECT if field.path == "reasoning.mode":  # its only value asks for nothing
            assert read({**PLAIN, "reasoning": {"mode": "standard"}})[0].ignored == ()
            assert refusal(with_it) == path
        case Fate.NO_EFFECT:
            (call, _), (plain, _) = read(with_it), read(without)
            assert replace(call, ignored=()) == replace(plain, ignored=())
            assert call.ignored == (*plain.ignored, path)
        case Fate.REFUSED:
            assert read(without)
            assert refusal(with_it).startswith(path)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.top_level], ids=lambda field: field.path)
def test_null_is_no_more_than_absent(field: Any) -> None:
    if field.path not in ("input", "model"):
        assert told({**PLAIN, field.path: None}) == told(PLAIN)


NEUTRAL = [(field.path, value) for field in FIELDS if field.top_level for value in field.neutral]


@pytest.mark.parametrize(("path", "value"), [*NEUTRAL, ("store", False), ("background", False), ("tools", [])])
def test_what_asks_for_nothing_is_taken_where_more_is_refused(path: str, value: object) -> None:
    assert read({**PLAIN, path: value})[0] == read(PLAIN)[0]


@pytest.mark.parametrize("stated", ["store", "previous_response_id", "conversation", "background", "prompt"])
def test_what_needs_state_is_refused_with_the_way_out(stated: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({**PLAIN, stated: VALUES[stated]})
    assert "store: false" in caught.value.faults[0].message


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "rs_1"}, {"id": "msg_1"}])
def test_an_item_that_is_referred_to_is_refused_with_the_way_out(item: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(items(item))
    assert caught.value.faults[0].path.startswith("input[1]")
    assert "item_reference" in caught.value.faults[0].message
    assert "store: false" in caught.value.faults[0].message


@pytest.mark.parametrize("kind", LEFT_OUT_TOOLS)
def test_what_the_model_does_without_is_named(kind: str) -> None:
    call, options = read({**PLAIN, "tools": [TOOL, {"type": kind, "anything": {"a": 1}}]})

    assert call.ignored == (f"tools[1] {kind}",)
    assert [tool.name for tool in call.request.tools] == ["look"]
    assert json.decode(json.encode(options.echo))["tools"][0]["name"] == "look"


@pytest.mark.parametrize("kind", REFUSED_TOOLS)
def test_what_a_vendor_would_run_is_refused_by_its_name(kind: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({**PLAIN, "tools": [TOOL, {"type": kind, "anything": {"a": 1}}]})
    assert (caught.value.faults[0].path, kind in caught.value.faults[0].message) == ("tools[1]", True)


def test_an_input_s_tokens_are_counted_without_what_an_answer_would_be() -> None:
    decoder = json.Decoder(InputTokensBody)
    body = {"input": "Hello", "instructions": "Short.", "personality": "friendly", "tools": [TOOL]}

    call = to_counted(decoder.decode(json.encode(body)), None, None)

    assert call.ignored == ("personality",)
    assert call.model is None
    assert (len(call.request.messages), len(call.request.tools)) == (2, 1)
    with pytest.raises(InvalidRequest):
        to_counted(decoder.decode(json.encode({**body, "previous_response_id": "r"})), None, None)


def test_the_docs_have_the_table() -> None:
    """`just generate` writes it."""
    assert table(FIELDS) in DOCS.read_text()
