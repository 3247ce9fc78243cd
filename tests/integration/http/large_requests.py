"""Requests of any size and every shape, by the surfaces that take them. Each is near the size that is asked for."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
Shape: TypeAlias = Callable[[int], Body]

NATIVE, OPENAI, EXPLAIN, EMBED = "/api/v1/chat", "/v1/chat/completions", "/api/v1/explain", "/v1/embeddings"
MOST = 19_990
"""Messages, parts, calls and tools: as many as a gateway takes by default, with room for the few that go with them."""
SCHEMAS = 9_900
"""Nearly as many as the adapters take."""
ASKED: Body = {"role": "user", "content": "Well?"}


def _filled(size: int, item: Callable[[int, str], object], most: int = MOST) -> list[Any]:
    """As many items of this kind as there may be, each with so much text that they fill the size."""
    bare = len(json.dumps(item(most, "")))
    number = min(most, max(1, size // (bare + 1)))
    return [item(at, "a" * max(1, size // number - bare - 2)) for at in range(number)]


def _turns(size: int) -> Body:
    roles = ("user", "assistant")
    messages = _filled(size, lambda at, text: {"role": roles[at % 2], "content": text})
    return {"messages": [*messages, ASKED]}


def _rules(size: int) -> Body:
    return {"messages": [*_filled(size, lambda _, text: {"role": "system", "content": text}), ASKED]}


def _named(size: int) -> Body:
    return {"messages": _filled(size, lambda at, text: {"role": "user", "name": f"n{at}", "content": text})}


def _one_user(*parts: object) -> Body:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def _parts(size: int) -> Body:
    return _one_user(*_filled(size, lambda _, text: {"type": "text", "text": text}))


def _word(character: str) -> Shape:
    def shape(size: int) -> Body:
        return {"messages": [{"role": "user", "content": character * (size // len(json.dumps(character)[1:-1]))}]}

    return shape


def _calls(size: int) -> Body:
    """Half of the size are calls of one answer, half are their results."""
    made = _filled(
        size // 2,
        lambda at, text: {
            "id": f"{at}",
            "type": "function",
            "function": {"name": "f", "arguments": f'{{"a":"{text}"}}'},
        },
        MOST // 2,
    )
    results = _filled(size // 2, lambda at, text: {"role": "tool", "tool_call_id": f"{at}", "content": text}, len(made))
    return {"messages": [ASKED, {"role": "assistant", "tool_calls": made}, *results[: len(made)]]}


def _rounds(size: int) -> Body:
    """One question, and an agent that goes on calling one tool after the other."""

    def one(at: int, text: str) -> list[Body]:
        call = {"id": f"{at}", "type": "function", "function": {"name": "f", "arguments": f'{{"a":"{text}"}}'}}
        return [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": f"{at}", "content": "a"}]

    return {"messages": [ASKED, *(message for both in _filled(size, one, MOST // 3) for message in both)]}


def _extra(size: int) -> Body:
    made = _filled(
        size,
        lambda at, text: {
            "id": f"{at}",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": text[: len(text) // 4 * 4]}},
        },
        1_000,
    )
    results = [{"role": "tool", "tool_call_id": f"{at}", "content": "a"} for at in range(len(made))]
    return {"messages": [ASKED, {"role": "assistant", "tool_calls": made}, *results]}


def _tools(size: int) -> Body:
    def tool(at: int, text: str) -> Body:
        return {"type": "function", "function": {"name": f"f{at}", "description": text}}

    return {"messages": [ASKED], "tools": _filled(size, tool, SCHEMAS)}


def _function(parameters: Body) -> Body:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def _object(size: int, most: int) -> Body:
    fields = _filled(size, lambda at, text: [f"p{at}", {"type": "string", "description": text}], most)
    return {"type": "object", "properties": dict(fields)}


def _fields(size: int) -> Body:
    return {"messages": [ASKED], "tools": [_function(_object(size, SCHEMAS))]}


def _schemas(size: int) -> Body:
    """More than a vendor's translation takes."""
    return {"messages": [ASKED], "tools": [_function(_object(size, size))]}


def _deep(size: int) -> Body:
    """Chains as deep as may be, side by side."""

    def chain(at: int, text: str) -> Body:
        link: Body = {"type": "string", "description": text}
        for _ in range(28):
            link = {"type": "object", "properties": {"a": link}}
        return link

    chains = _filled(size, chain, SCHEMAS // 30)
    properties = {f"p{at}": one for at, one in enumerate(chains)}
    return {"messages": [ASKED], "tools": [_function({"type": "object", "properties": properties})]}


def _enum(size: int) -> Body:
    choices = [f"v{at}" for at in range(size // 11)]
    schema = {"type": "object", "properties": {"a": {"type": "string", "enum": choices}}}
    return {"messages": [ASKED], "tools": [_function(schema)]}


def _numbers(size: int) -> Body:
    return {"messages": [ASKED], "tools": [_function({"type": "object", "examples": [1] * (size // 3)})]}


def _empty(size: int) -> Body:
    return {"messages": [ASKED], "tools": [_function({"type": "object", "examples": [{}] * (size // 4)})]}


def _format(size: int) -> Body:
    named = {"name": "a", "schema": _object(size, SCHEMAS)}
    return {"messages": [ASKED], "response_format": {"type": "json_schema", "json_schema": named}}


def _stops(size: int) -> Body:
    return {"messages": [ASKED], "stop": ["a" * (size // 16)] * 16}


def _too_many(size: int) -> Body:
    return {"messages": [{"role": "user", "content": "a"}] * (size // 36)}


def _bad_field(size: int) -> Body:
    return {"messages": [ASKED], "b" * size: 1}


def _bad_end(size: int) -> Body:
    return {**_turns(size), "messages": [*_turns(size)["messages"], {"role": "nobody", "content": ""}]}


def _image(size: int) -> Body:
    data = b64encode(bytes(size * 3 // 4)).decode()
    return _one_user({"type": "image", "mime_type": "image/png", "data": data})


def _images(size: int) -> Body:
    return _one_user(
        *_filled(size, lambda _, __: {"type": "image", "mime_type": "image/png", "data": "AAAA"}),
        {"type": "text", "text": "a"},
    )


def _data_urls(size: int) -> Body:
    url = "data:image/png;base64,"
    return _one_user(*_filled(size, lambda _, __: {"type": "image_url", "image_url": {"url": f"{url}AAAA"}}))


def _data_url(size: int) -> Body:
    url = "data:image/png;base64," + b64encode(bytes(size * 3 // 4)).decode()
    return _one_user({"type": "image_url", "image_url": {"url": url}})


def _parsed(size: int) -> Body:
    told = {"role": "assistant", "content": "a", "annotations": [{}] * (size // 8), "parsed": [[]] * (size // 8)}
    return {"messages": [ASKED, told, ASKED]}


def _texts(size: int) -> Body:
    return {"input": _filled(size, lambda _, text: text, 2_048)}


BOTH: Mapping[str, Shape] = {
    "turns": _turns,
    "rules": _rules,
    "named": _named,
    "parts": _parts,
    "ascii": _word("a"),
    "accents": _word("é"),
    "faces": _word("🙂"),
    "lines": _word("\n"),
    "calls": _calls,
    "rounds": _rounds,
    "signatures": _extra,
    "tools": _tools,
    "fields": _fields,
    "schemas": _schemas,
    "deep": _deep,
    "enum": _enum,
    "numbers": _numbers,
    "objects": _empty,
    "format": _format,
    "stops": _stops,
    "too many": _too_many,
    "bad field": _bad_field,
    "bad end": _bad_end,
}
SHAPES: Mapping[str, Mapping[str, Shape]] = {
    NATIVE: {**BOTH, "image": _image, "images": _images},
    OPENAI: {**BOTH, "image": _data_url, "images": _data_urls, "parsed": _parsed},
    EXPLAIN: BOTH,
    EMBED: {"texts": _texts},
}
