"""What each surface is asked for each feature of the table, and how a client reads it in the answer."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from .vendors import TOOL

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"wet": {"type": "boolean"}},
    "required": ["wet"],
}
IMAGE: Final = "iVBORw0KGgpmb3IgYSB0ZXN0"
_URL: Final = f"data:image/png;base64,{IMAGE}"
_FUNCTION: Final = {"name": TOOL, "parameters": SCHEMA}
_FORM: Final = {"name": "weather", "schema": SCHEMA}


class Asking(Struct, frozen=True, kw_only=True):
    """A surface's own fields for each feature; `thoughts` and `calls` read a whole answer.

    `embeds` is where it makes vectors, and `vector` reads one. `left_out` is all that may be named as without effect:
    a field that it needs and that some vendor has no place for.
    """

    fields: Mapping[str, Mapping[str, Any]]
    thoughts: Callable[[Any], str]
    calls: Callable[[Any], Iterator[tuple[str, Any]]]
    embeds: str | None = None
    vector: Callable[[Any], list[float]] | None = None
    left_out: Mapping[str, str] = {}


def _said(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def _functions(message: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for call in message.get("tool_calls") or ():
        arguments = call["function"]["arguments"]
        yield call["function"]["name"], json.loads(arguments) if isinstance(arguments, str) else arguments


_OPENAI: Final[Mapping[str, Mapping[str, Any]]] = {
    "tools": {"tools": [{"type": "function", "function": _FUNCTION}]},
    "schema": {"response_format": {"type": "json_schema", "json_schema": _FORM}},
    "images": _said({"type": "image_url", "image_url": {"url": _URL}}),
    "thinking": {"reasoning_effort": "high"},
}
_LABEL: Final = {"schema": "response_format.json_schema.name"}

ASKINGS: Final[Mapping[str, Asking]] = {
    "/api/v1/chat": Asking(
        fields={**_OPENAI, "images": _said({"type": "image", "data": IMAGE, "mime_type": "image/png"})},
        thoughts=lambda body: body.get("reasoning", ""),
        calls=_functions,
        left_out=_LABEL,
    ),
    "/v1/chat/completions": Asking(
        fields=_OPENAI,
        thoughts=lambda body: body["choices"][0]["message"].get("reasoning_content", ""),
        calls=lambda body: _functions(body["choices"][0]["message"]),
        embeds="/v1/embeddings",
        vector=lambda body: list(body["data"][0]["embedding"]),
        left_out=_LABEL,
    ),
    "/v1/responses": Asking(
        fields={
            "tools": {"tools": [{"type": "function", "strict": False, **_FUNCTION}]},
            "schema": {"text": {"format": {"type": "json_schema", **_FORM}}},
            "images": {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": _URL}]}]},
            "thinking": {"reasoning": {"effort": "high", "summary": "auto"}},
        },
        thoughts=lambda body: "".join(
            part["text"] for item in body["output"] if item["type"] == "reasoning" for part in item["summary"]
        ),
        calls=lambda body: (
            (item["name"], json.loads(item["arguments"])) for item in body["output"] if item["type"] == "function_call"
        ),
        left_out={"schema": "text.format.name"},
    ),
    "/v1/messages": Asking(
        fields={
            "tools": {"tools": [{"name": TOOL, "input_schema": SCHEMA}]},
            "schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            "images": _said({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}),
            "thinking": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        },
        thoughts=lambda body: "".join(block.get("thinking", "") for block in body["content"]),
        calls=lambda body: (
            (block["name"], block["input"]) for block in body["content"] if block["type"] == "tool_use"
        ),
    ),
    "/api/chat": Asking(
        fields={
            "tools": _OPENAI["tools"],
            "schema": {"format": SCHEMA},
            "images": {"messages": [{"role": "user", "content": "", "images": [IMAGE]}]},
            "thinking": {"think": "high"},
        },
        thoughts=lambda body: body["message"].get("thinking", ""),
        calls=lambda body: _functions(body["message"]),
        embeds="/api/embed",
        vector=lambda body: list(body["embeddings"][0]),
    ),
}
"""By the path of a chat."""
