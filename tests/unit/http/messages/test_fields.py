"""The tables of Anthropic's request fields: complete, walked field by field, and as it stands in the docs."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import fields, replace

from llm_gateway.adapters.inbound.http.common.fields import Fate, table
from llm_gateway.adapters.inbound.http.messages.fields import COUNT_FIELDS, FIELDS
from llm_gateway.adapters.inbound.http.messages.translate import to_counted
from llm_gateway.adapters.inbound.http.messages.wire import CountBody, MessagesBody, MessagesIn, MessagesPrompt
from llm_gateway.domain.errors import InvalidRequest

from .bodies import CALL, IMAGE, PDF, PLAIN, RESULT, TOOL, answered, gave, read, refusal, said, text

DOCS = Path(__file__).parents[4] / "docs" / "messages.md"
CONTROL = {"type": "ephemeral"}
CITED = {"enabled": True}
CARRIER = "gw1.eyJnIjp7fX0"
WITH_TOOL = {**PLAIN, "tools": [TOOL]}
THINKING = {"type": "enabled", "budget_tokens": 2_000}
SCHEMA = {"type": "json_schema", "schema": {"type": "object"}}


def thinking(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "thinking": {**THINKING, **more}}


def system(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "messages": [{"role": "system", "content": "Short.", **more}]}


def output(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "output_config": more}


def reasoned(**more: Any) -> dict[str, Any]:
    return answered({"type": "thinking", "thinking": "", "signature": "", **more}, text())


def result(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return gave({**RESULT, "content": list(content), **more})


def with_tool(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "tools": [{**TOOL, **more}]}


BLOCK = "messages[0].content[0]"
BACK = "messages[1].content[0]"
GIVEN = "messages[2].content[0]"
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "model": (PLAIN, {**PLAIN, "model": "ollama"}, ""),
    "max_tokens": (PLAIN, {**PLAIN, "max_tokens": 5}, ""),
    "messages": (PLAIN, {**PLAIN, "messages": [*PLAIN["messages"], {"role": "system", "content": "Short."}]}, ""),
    "messages[].clear_at": (system(clear_at="never"), system(clear_at="next_user_message"), "messages[0].clear_at"),
    "messages[].output_config": (system(), system(output_config={"effort": "low"}), "messages[0].output_config"),
    "messages[].content[].text": (said(text("a")), said(text("b")), ""),
    "messages[].content[].image": (said(text()), said(text(), IMAGE), ""),
    "messages[].content[].image.source: file": (
        said(IMAGE),
        said({"type": "image", "source": {"type": "file", "file_id": "f"}}),
        f"{BLOCK}.source",
    ),
    "messages[].content[].transformations": (said(IMAGE), said({**IMAGE, "transformations": {"resize": 1}}), BLOCK),
    "messages[].content[].document": (said(text()), said(text(), PDF), ""),
    "messages[].content[].document.source: url, text, content, file": (
        said(PDF),
        said({**PDF, "source": {"type": "text", "media_type": "text/plain", "data": "a"}}),
        f"{BLOCK}.source",
    ),
    "messages[].content[].document.context": (said(PDF), said({**PDF, "context": "Old."}), f"{BLOCK}.context"),
    "messages[].content[].citations": (said(PDF), said({**PDF, "citations": CITED}), BLOCK),
    "messages[].content[].tool_use": (answered(), answered(CALL), ""),
    "messages[].content[].caller": (answered(CALL), answered({**CALL, "caller": {"type": "code", "id": "x"}}), BACK),
    "messages[].content[].toolset_name": (answered(CALL), answered({**CALL, "toolset_name": "browser"}), BACK),
    "messages[].content[].tool_result": (answered(CALL), gave(RESULT), ""),
    "messages[].content[].tool_result.content": (result(text()), result(text(), IMAGE), ""),
    "messages[].content[].is_error": (result(text()), result(text(), is_error=True), ""),
    "messages[].content[].content[].cache_control": (
        result(text()),
        result(text(cache_control=CONTROL)),
        f"{GIVEN}.content[0]",
    ),
    "messages[].content[].content[].citations": (
        result(PDF),
        result({**PDF, "citations": CITED}),
        f"{GIVEN}.content[0]",
    ),
    "messages[].content[].content[].transformations": (
        result(IMAGE),
        result({**IMAGE, "transformations": {"resize": 1}}),
        f"{GIVEN}.content[0]",
    ),
    "messages[].content[].thinking": (reasoned(), reasoned(thinking="Hm."), BACK),
    "messages[].content[].signature": (reasoned(), reasoned(signature=CARRIER), ""),
    "messages[].content[].data": (
        answered(text()),
        answered(text(), {"type": "redacted_thinking", "data": CARRIER}),
        "",
    ),
    "messages[].content[].search_result, container_upload, server_tool_use and their results": (
        said(text()),
        said({"type": "search_result", "title": "a", "source": "b", "content": []}),
        BLOCK,
    ),
    "messages[].content[].cache_control": (said(text()), said(text(cache_control=CONTROL)), BLOCK),
    "messages[].content[].*": (answered(text()), answered(text(some_tool=1)), f"{BACK}.some_tool"),
    "messages[].*": (answered(text()), answered(text(), some_tool=1), "messages[1].some_tool"),
    "system": (PLAIN, {**PLAIN, "system": "Short."}, ""),
    "system[].cache_control": (
        {**PLAIN, "system": [text()]},
        {**PLAIN, "system": [text(cache_control=CONTROL)]},
        "system[0]",
    ),
    "system[].citations": ({**PLAIN, "system": [text()]}, {**PLAIN, "system": [text(citations=[CITED])]}, "system[0]"),
    "tools": (PLAIN, WITH_TOOL, ""),
    "tools[].type: web_search, web_fetch, code_execution, bash, text_editor, computer, memory, …": (
        WITH_TOOL,
        {**PLAIN, "tools": [{"type": "web_search_20260318", "name": "web_search"}]},
        "tools[0].type",
    ),
    "tools[].strict": (WITH_TOOL, with_tool(strict=True), ""),
    "tools[].cache_control": (WITH_TOOL, with_tool(cache_control=CONTROL), "tools[0]"),
    "tools[].defer_loading": (WITH_TOOL, with_tool(defer_loading=True), "tools[0]"),
    "tools[].eager_input_streaming": (WITH_TOOL, with_tool(eager_input_streaming=True), "tools[0]"),
    "tools[].input_examples": (WITH_TOOL, with_tool(input_examples=[{"a": 1}]), "tools[0]"),
    "tools[].allowed_callers": (WITH_TOOL, with_tool(allowed_callers=["code_execution_20260521"]), "tools[0]"),
    "tool_choice": (WITH_TOOL, {**WITH_TOOL, "tool_choice": {"type": "any"}}, ""),
    "thinking": (PLAIN, thinking(), ""),
    "thinking.budget_tokens": (thinking(), thinking(budget_tokens=9_000), ""),
    "thinking.display": (thinking(), thinking(display="omitted"), ""),
    "thinking.block_binding": (thinking(), thinking(block_binding={"prefix_mismatch_behavior": "drop"}), "thinking"),
    "output_config.effort": (PLAIN, output(effort="low"), ""),
    "output_config.format": (PLAIN, output(format=SCHEMA), ""),
    "output_config.task_budget": (output(), output(task_budget={"type": "tokens", "total": 9}), "output_config"),
}
"""For each field a body without it, or with what it may hold, and one with it; where it or its fault is told."""
VALUES: dict[str, Any] = {
    "stream": True,
    "stop_sequences": ["a"],
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "model_hint": "secure",
    "cache": {"mode": "bypass"},
    "cache_control": CONTROL,
    "metadata": {"user_id": "u"},
    "diagnostics": {"previous_message_id": "m"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "speed": "fast",
    "inference_geo": "us",
    "thread": {"type": "create"},
    "compaction": {"type": "auto"},
    "container": "c",
    "mcp_servers": [{"type": "url", "name": "a", "url": "https://a.example"}],
    "fallbacks": [{"model": "m"}],
    "fallback_credit_token": "t",
    "billing_policy": {"type": "a"},
    "user_profile_id": "u",
    "workspace_id": "w",
}
"""Of the top-level fields that need no more than a value: one that asks for something."""
for name, value in VALUES.items():
    SAMPLES[name] = (PLAIN, {**PLAIN, name: value}, name)
OF_ONE_VALUE = {"service_tier"}
"""Every value that is taken asks for what there is."""


def test_the_table_has_each_field_once_and_is_walked_whole() -> None:
    paths = [field.path for field in FIELDS]

    assert len(paths) == len(set(paths))
    assert {*SAMPLES, *OF_ONE_VALUE} == set(paths)


def test_the_table_and_the_wire_types_have_the_same_fields() -> None:
    def top(of: tuple[Any, ...]) -> set[str]:
        return {field.path.partition(".")[0] for field in of if "[" not in field.path}

    taken = (Fate.HONOURED, Fate.OURS)
    honoured = {field.path.partition(".")[0] for field in FIELDS if "[" not in field.path and field.fate in taken}
    assert {field.name for field in fields(MessagesIn)} == honoured
    assert {field.name for field in fields(MessagesBody)} == top(FIELDS)
    assert {field.name for field in fields(CountBody)} == top(COUNT_FIELDS)
    assert {field.name for field in fields(MessagesPrompt)} == honoured & top(COUNT_FIELDS)


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.path not in OF_ONE_VALUE], ids=lambda field: field.path
)
def test_each_field_fares_as_the_table_says(field: Any) -> None:
    without, with_it, path = SAMPLES[field.path]

    match field.fate:
        case Fate.HONOURED | Fate.OURS:
            assert read(with_it) != read(without)
            assert read(with_it)[0].ignored == ()
        case Fate.NO_EFFECT:
            (call, options), (plain, plain_options) = read(with_it), read(without)
            assert (replace(call, ignored=()), options) == (replace(plain, ignored=()), plain_options)
            name = field.path.rpartition(".")[2]
            assert call.ignored == (path if field.top_level or name == "*" else f"{path}.{name}",)
            assert plain.ignored == ()
        case Fate.REFUSED:
            assert read(without)
            assert refusal(with_it).startswith(path)
        case _:
            pytest.fail(field.fate)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.top_level], ids=lambda field: field.path)
def test_null_is_no_more_than_absent(field: Any) -> None:
    if field.path not in ("messages", "model", "max_tokens"):
        assert read({**PLAIN, field.path: None}) == read(PLAIN)


NEUTRAL = [(field.path, value) for field in FIELDS if field.top_level for value in field.neutral]


@pytest.mark.parametrize(("path", "value"), NEUTRAL)
def test_what_asks_for_nothing_is_taken_and_named_nowhere(path: str, value: object) -> None:
    assert read({**PLAIN, path: value}) == read(PLAIN)


@pytest.mark.parametrize(
    "body",
    [
        said({**PDF, "citations": {"enabled": False}}),
        answered({**CALL, "caller": {"type": "direct"}}),
        with_tool(allowed_callers=["direct"], defer_loading=False, type="custom"),
        said(text(cache_control=None)),
    ],
)
def test_what_asks_for_nothing_within_a_block_is_named_nowhere(body: dict[str, Any]) -> None:
    assert read(body)[0].ignored == ()


def test_each_kind_of_what_has_no_effect_is_named_by_its_first() -> None:
    marked = text(cache_control=CONTROL)

    assert read(said(text(), marked, marked))[0].ignored == ("messages[0].content[1].cache_control",)


def test_other_edits_of_a_conversation_are_refused_by_name() -> None:
    edits = [{"type": "clear_tool_uses_20250919"}]

    assert refusal({**PLAIN, "context_management": {"edits": edits}}) == "context_management.edits[0].type"


@pytest.mark.parametrize("role", ["user", "system"])
def test_only_what_is_sent_back_may_have_unknown_members(role: str) -> None:
    assert refusal({**PLAIN, "messages": [{"role": role, "content": [text(odd=1)]}]}) == f"{BLOCK}.odd"


def test_a_count_takes_a_prompt_and_nothing_of_an_answer() -> None:
    decoder = json.Decoder(CountBody)
    prompt = {name: value for name, value in WITH_TOOL.items() if name != "max_tokens"}
    counted = to_counted(
        decoder.decode(json.encode({**prompt, "cache_control": CONTROL, "system": "Short."})), None, None
    )

    assert counted.request == replace(read({**WITH_TOOL, "system": "Short."})[0].request, max_tokens=None)
    assert counted.ignored == ("cache_control",)
    with pytest.raises(InvalidRequest, match="mcp_servers"):
        to_counted(decoder.decode(json.encode({**prompt, "mcp_servers": [{"name": "a"}]})), None, None)
    with pytest.raises(Exception, match="max_tokens"):
        decoder.decode(json.encode({**prompt, "max_tokens": 9}))


def test_the_docs_have_the_tables() -> None:
    page = DOCS.read_text(encoding="utf-8")

    assert table(FIELDS) in page
