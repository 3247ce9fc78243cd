"""The tables of OpenAI's request fields: complete, walked field by field, and as it stands in the docs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import fields, replace

from llm_gateway.adapters.inbound.http.common.fields import Fate, table
from llm_gateway.adapters.inbound.http.common.requests import decode
from llm_gateway.adapters.inbound.http.openai.embeddings import EmbeddingBody, to_embed_call
from llm_gateway.adapters.inbound.http.openai.fields import EMBEDDING_FIELDS, FIELDS
from llm_gateway.adapters.inbound.http.openai.renderer import completion_options_of
from llm_gateway.adapters.inbound.http.openai.translate import to_call
from llm_gateway.adapters.inbound.http.openai.wire import LABELS, CompletionBody, CompletionIn
from llm_gateway.bootstrap.parameters import COLUMNS
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.parameters import PARAMETERS

DOCS = Path(__file__).parents[4] / "docs" / "openai.md"
FUNCTION = {"type": "function", "function": {"name": "look"}}
PLAIN: dict[str, Any] = {"model": "local", "messages": [{"role": "user", "content": "Hello"}]}
WITH_TOOL = {**PLAIN, "tools": [FUNCTION]}
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {**PLAIN, "messages": [{"role": "user", "content": list(parts)}]}


def answered(**more: Any) -> dict[str, Any]:
    """An assistant's message in the history."""
    return {**PLAIN, "messages": [*PLAIN["messages"], {"role": "assistant", "content": "Hi", **more}]}


def image(**more: Any) -> dict[str, Any]:
    return said({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", **more}})


def formatted(**more: Any) -> dict[str, Any]:
    schema = {"name": "a", "schema": {"type": "object"}, **more}
    return {**PLAIN, "response_format": {"type": "json_schema", "json_schema": schema}}


BREAKPOINT = {"mode": "explicit"}
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "messages": (PLAIN, {**PLAIN, "messages": [{"role": "user", "content": "Bye"}]}, ""),
    "messages[].name": (PLAIN, {**PLAIN, "messages": [{"role": "user", "content": "Hello", "name": "Ann"}]}, ""),
    "messages[].role: function": (
        PLAIN,
        {**PLAIN, "messages": [{"role": "function", "name": "f", "content": "x"}]},
        "messages[0].role",
    ),
    "messages[].content[].text": (said({"type": "text", "text": "a"}), said({"type": "text", "text": "b"}), ""),
    "messages[].content[].image_url": (said({"type": "text", "text": "a"}), image(), ""),
    "messages[].content[].image_url.detail": (
        image(detail="auto"),
        image(detail="high"),
        "",
    ),
    "messages[].content[].input_audio": (
        PLAIN,
        said({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        "messages[0].content[0].type",
    ),
    "messages[].content[].file": (
        PLAIN,
        said({"type": "file", "file": {"file_data": "data:application/pdf;base64,YQ==", "filename": "a.pdf"}}),
        "",
    ),
    "messages[].content[].file.file_id": (
        PLAIN,
        said({"type": "text", "text": "a"}, {"type": "file", "file": {"file_id": "f"}}),
        "messages[0].content[1].file",
    ),
    "messages[].content[].refusal": (
        answered(),
        answered(content=[{"type": "refusal", "refusal": "No."}]),
        "messages[1].content[0].type",
    ),
    "messages[].content[].prompt_cache_breakpoint": (
        said({"type": "text", "text": "a"}),
        said({"type": "text", "text": "a", "prompt_cache_breakpoint": BREAKPOINT}),
        "messages[0].content[0].prompt_cache_breakpoint",
    ),
    "messages[].audio": (answered(audio=None), answered(audio={"id": "a"}), "messages[1].audio"),
    "messages[].function_call": (
        answered(function_call=None),
        answered(function_call={"name": "f", "arguments": "{}"}),
        "messages[1].function_call",
    ),
    "messages[].tool_calls": (answered(tool_calls=None), answered(tool_calls=[CALL]), ""),
    "messages[].tool_calls[].custom": (
        answered(),
        answered(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]),
        "messages[1].tool_calls[0]",
    ),
    "messages[].tool_calls[].index": (
        answered(tool_calls=[CALL]),
        answered(tool_calls=[{**CALL, "index": 0}]),
        "messages[1].tool_calls[0].index",
    ),
    "messages[].tool_calls[].function.parsed_arguments": (
        answered(tool_calls=[CALL]),
        answered(tool_calls=[{**CALL, "function": {**CALL["function"], "parsed_arguments": {"a": 1}}}]),
        "messages[1].tool_calls[0].function.parsed_arguments",
    ),
    "messages[].extra_content": (answered(), answered(extra_content={"google": {"thought_signature": "s"}}), ""),
    "messages[].tool_calls[].extra_content": (
        answered(tool_calls=[CALL]),
        answered(tool_calls=[{**CALL, "extra_content": {"google": {"thought_signature": "s"}}}]),
        "",
    ),
    "model": (PLAIN, {**PLAIN, "model": "ollama/llama3.1"}, ""),
    "model_hint": (PLAIN, {**PLAIN, "model_hint": "secure"}, ""),
    "cache": (PLAIN, {**PLAIN, "cache": {"mode": "bypass"}}, ""),
    "tool_choice": (WITH_TOOL, {**WITH_TOOL, "tool_choice": FUNCTION}, ""),
    "tool_choice.allowed_tools": (
        WITH_TOOL,
        {**WITH_TOOL, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}}},
        "tool_choice",
    ),
    "tool_choice.custom": (
        WITH_TOOL,
        {**WITH_TOOL, "tool_choice": {"type": "custom", "custom": {"name": "f"}}},
        "tool_choice",
    ),
    "tools": (PLAIN, WITH_TOOL, ""),
    "tools[].function.strict": (WITH_TOOL, {**PLAIN, "tools": [{"function": {"name": "look", "strict": True}}]}, ""),
    "response_format.json_schema.name": (formatted(), formatted(name="b"), ""),
    "response_format.json_schema.description": (formatted(), formatted(description="What it is."), ""),
    "response_format.json_schema.strict": (formatted(), formatted(strict=True), ""),
    "tools[].custom": (PLAIN, {**PLAIN, "tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0]"),
    "stream_options": (PLAIN, {**PLAIN, "stream_options": {"include_usage": True}}, ""),
    "stream_options.include_usage": (
        {**PLAIN, "stream_options": {"include_usage": False}},
        {**PLAIN, "stream_options": {"include_usage": True}},
        "",
    ),
    "stream_options.include_obfuscation": (PLAIN, {**PLAIN, "stream_options": {"include_obfuscation": True}}, ""),
}
"""For each field a body without it, or with what it may hold, and one with it; where refused, where that is told."""
VALUES: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "max_completion_tokens": 5,
    "max_tokens": 5,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "omni"},
    "n": 2,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "high",
    "response_format": {"type": "json_object"},
    "safety_identifier": "s",
    "seed": 1,
    "service_tier": "priority",
    "stop": ["a"],
    "store": True,
    "stream": True,
    "temperature": 0.5,
    "top_k": 40,
    "top_logprobs": 1,
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {},
}
"""Of the top-level fields that need no more than a value: one that asks for something."""
BACK: dict[str, Any] = {
    "annotations": [{"type": "url_citation"}],
    "cache_control": {"type": "ephemeral"},
    "id": "msg_1",
    "parsed": {"a": 1},
    "provider_specific_fields": {"a": 1},
    "reasoning": "Hm.",
    "reasoning_content": "Hm.",
    "reasoning_details": [{"type": "reasoning.text"}],
    "refusal": "No.",
}
"""What other tools leave in what they send back."""
for name, value in BACK.items():
    SAMPLES[f"messages[].{name}"] = (answered(), answered(**{name: value}), f"messages[1].{name}")
    if f"messages[].content[].{name}" in {field.path for field in FIELDS}:
        part = {"type": "text", "text": "a"}
        SAMPLES[f"messages[].content[].{name}"] = (
            said(part),
            said({**part, name: value}),
            f"messages[0].content[0].{name}",
        )
MAKES: dict[str, Callable[..., dict[str, Any]]] = {
    "messages[].": lambda **more: answered(**more),
    "messages[].content[].": lambda **more: answered(content=[{"type": "text", "text": "Hi", **more}]),
    "messages[].tool_calls[].": lambda **more: answered(tool_calls=[{**CALL, **more}]),
    "messages[].tool_calls[].function.": lambda **more: answered(
        tool_calls=[{**CALL, "function": {**CALL["function"], **more}}]
    ),
}
for place, made in MAKES.items():
    stands = place.replace("messages[]", "messages[1]").replace("s[].", "s[0].").replace("content[]", "content[0]")
    SAMPLES[f"{place}*"] = (made(), made(some_tool={"a": 1}), f"{stands}some_tool")
for place, told in {"tools[].": {}, "tools[].function.": {"name": "look"}}.items():
    control: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
    tool = {**FUNCTION, "function": {**told, **control}} if told else {**FUNCTION, **control}
    SAMPLES[f"{place}cache_control"] = (
        WITH_TOOL,
        {**PLAIN, "tools": [tool]},
        f"{place.replace('[]', '[0]')}cache_control",
    )
for name, value in VALUES.items():
    SAMPLES[name] = (PLAIN, {**PLAIN, name: value}, name)
SAMPLES["service_tier"] = ({**PLAIN, "service_tier": "auto"}, {**PLAIN, "service_tier": "flex"}, "service_tier")


def read(body: dict[str, Any]) -> tuple[ChatCall, object]:
    """What becomes of a body: its call, and the form that its answer has."""
    decoded, labels = LABELS.decode(json.Decoder(CompletionBody), json.encode(body))
    call = to_call(decoded, decoded.model_hint, None)
    return replace(call, ignored=(*call.ignored, *labels)), completion_options_of(decoded)


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    return caught.value.faults[0].path


def test_the_table_has_each_field_once_and_is_walked_whole() -> None:
    paths = [field.path for field in FIELDS]

    assert len(paths) == len(set(paths))
    assert SAMPLES.keys() == set(paths)


def test_the_table_and_the_wire_type_have_the_same_fields() -> None:
    honoured = {field.path for field in FIELDS if field.top_level and field.fate in (Fate.HONOURED, Fate.OURS)}

    assert {field.name for field in fields(CompletionIn)} == honoured
    assert {field.name for field in fields(CompletionBody)} == {field.path for field in FIELDS if field.top_level}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_each_field_fares_as_the_table_says(field: Any) -> None:
    without, with_it, path = SAMPLES[field.path]

    match field.fate:
        case Fate.HONOURED | Fate.OURS:
            assert read(with_it) != read(without)
        case Fate.LEFT_OUT:  # by the providers, which the parameter table tells
            assert read(with_it) != read(without)
            [label] = [parameter for parameter in PARAMETERS if parameter.field == field.path]
            assert not any(label.field in column.places for column in COLUMNS)
        case Fate.NO_EFFECT:
            (call, form), (plain, plain_form) = read(with_it), read(without)
            assert (replace(call, ignored=()), form) == (plain, plain_form)
            assert call.ignored == (path or field.path,)
        case Fate.REFUSED:
            assert read(without)
            assert refusal(with_it).startswith(path)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.top_level], ids=lambda field: field.path)
def test_null_is_no_more_than_absent(field: Any) -> None:
    if field.path not in ("messages", "model"):
        assert read({**PLAIN, field.path: None}) == read(PLAIN)


NEUTRAL = [(field.path, value) for field in FIELDS if field.top_level for value in field.neutral]


@pytest.mark.parametrize(("path", "value"), NEUTRAL)
def test_what_asks_for_nothing_is_taken_where_more_is_refused(path: str, value: object) -> None:
    assert read({**PLAIN, path: value})[0] == read(PLAIN)[0]


@pytest.mark.parametrize(("path", "value"), [("n", True), ("top_logprobs", False), ("logprobs", 0), ("store", 0)])
def test_a_number_is_no_truth_value(path: str, value: object) -> None:
    assert refusal({**PLAIN, path: value}) == path


@pytest.mark.parametrize("effort", ["max", "most"])
def test_an_effort_that_no_provider_has_is_refused(effort: str) -> None:
    assert refusal({**PLAIN, "reasoning_effort": effort}) == "reasoning_effort"


EMBEDDING: dict[str, Any] = {"model": "local-embedder", "input": "Hello"}
EMBEDDING_VALUES: dict[str, Any] = {
    "input": ["Hello", "Bye"],
    "model": "another",
    "dimensions": 8,
    "encoding_format": "base64",
    "user": "u",
    "model_hint": "secure",
    "cache": {"mode": "bypass"},
}


@pytest.mark.parametrize("field", EMBEDDING_FIELDS, ids=lambda field: field.path)
def test_each_field_of_an_embedding_fares_as_the_table_says(field: Any) -> None:
    def read(body: dict[str, Any]) -> tuple[object, ...]:
        decoded = decode(json.Decoder(EmbeddingBody), json.encode(body))
        call = to_embed_call(decoded, decoded.model_hint, None)
        return replace(call, ignored=()), decoded.encoding_format

    changed = read({**EMBEDDING, field.path: EMBEDDING_VALUES[field.path]}) != read(EMBEDDING)
    assert changed is (field.fate is not Fate.NO_EFFECT)


def test_that_table_is_the_wire_type_s() -> None:
    assert [field.path for field in EMBEDDING_FIELDS] == [field.name for field in fields(EmbeddingBody)]


def test_a_refusal_tells_what_is_taken_before_it_says_why() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({**PLAIN, "n": 2})
    assert caught.value.faults[0].message.startswith("is not taken here, but for 1: one choice an answer")


def test_all_refusals_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({**PLAIN, "n": 2, "functions": [{"name": "f"}]})

    assert {fault.path for fault in caught.value.faults} == {"n", "functions"}


def test_the_docs_have_the_tables() -> None:
    """`just generate` writes them."""
    assert table(FIELDS) in DOCS.read_text()
    assert table(EMBEDDING_FIELDS) in DOCS.read_text()
