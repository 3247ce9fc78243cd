"""Which fields a real Ollama reads, and of which type: all else it drops without a word (vendor's api/types.go)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

Shape: TypeAlias = "Mapping[str, Shape] | Named | None"
"""Of an object, or of each in a list. None: whatever stands there is read."""


class Named(Struct, frozen=True):
    """An object whose keys are names."""

    of: Any


_PROPERTY: Final[dict[str, Any]] = dict.fromkeys(("type", "items", "description", "enum", "required"))
_PROPERTY.update(anyOf=_PROPERTY, properties=Named(_PROPERTY))
_PARAMETERS: Final = {**dict.fromkeys(("type", "$defs", "items", "required")), "properties": Named(_PROPERTY)}
_CALL: Final = {"id": None, "function": dict.fromkeys(("index", "name", "arguments"))}
_TEXTS: Final = dict.fromkeys(("role", "content", "images", "thinking", "tool_name", "tool_call_id"))

OPTIONS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(
        (
            *("num_ctx", "num_predict", "num_keep", "top_k", "repeat_last_n", "seed", "num_batch", "num_gpu"),
            *("main_gpu", "num_thread", "draft_num_predict"),
        ),
        (int,),
    ),
    **dict.fromkeys(
        ("temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty"),
        (int, float),
    ),
    "stop": (list,),
    "use_mmap": (bool,),
}
"""Each with the JSON types that it takes."""

CHAT: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("model", "think", "format", "stream", "truncate", "shift", "keep_alive")),
    **dict.fromkeys(("logprobs", "top_logprobs")),
    "messages": {**_TEXTS, "tool_calls": _CALL},
    "tools": {
        "type": None,
        "items": None,
        "function": {"name": None, "description": None, "parameters": _PARAMETERS},
    },
    "options": dict.fromkeys(OPTIONS),
}
EMBED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("model", "input", "truncate", "dimensions", "keep_alive")),
    "options": dict.fromkeys(OPTIONS),
}

SINCE: Final = {"truncate": (0, 12, 4), "shift": (0, 12, 4), "logprobs": (0, 12, 11), "top_logprobs": (0, 12, 11)}
"""Of the fields that are younger than the oldest server."""

TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "model": (str, "string"),
    "messages": (list, "[]api.Message"),
    "messages[].role": (str, "string"),
    "messages[].content": (str, "string"),
    "messages[].images": (list, "[]api.ImageData"),
    "messages[].tool_calls[].function.arguments": (dict, "api.ToolCallFunctionArguments"),
    "tools": (list, "api.Tools"),
    "tools[].function.parameters.properties.*": (dict, "api.ToolProperty"),
    "stream": (bool, "bool"),
    "truncate": (bool, "bool"),
    "shift": (bool, "bool"),
    "logprobs": (bool, "bool"),
    "top_logprobs": (int, "int"),
    "options": (dict, "map[string]interface {}"),
}
"""A field's JSON type, and how Go calls it."""


def dropped(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """The paths of what is there and is not read."""
    if isinstance(value, list) and shape is not None:
        for number, one in enumerate(value):
            yield from dropped(one, shape, f"{path}[{number}]")
    elif isinstance(value, dict) and shape is not None:
        for key, one in value.items():
            at = f"{path}.{key}" if path else key
            if isinstance(shape, Named):
                yield from dropped(one, shape.of, at)
            elif key in shape:
                yield from dropped(one, shape[key], at)
            else:
                yield at


def mistyped(body: Mapping[str, Any]) -> str | None:
    """Go's words for the first field of another type than it has."""
    for path, (kind, name) in TYPES.items():
        for value in _at(body, path.replace("[]", ".[]").split(".")):
            if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                field = path.replace("[]", "").removesuffix(".*")
                return f"json: cannot unmarshal {_go(value)} into Go struct field ChatRequest.{field} of type {name}"
    return None


def _at(value: Any, steps: list[str]) -> Iterator[Any]:
    if not steps:
        yield value
    elif steps[0] == "[]":
        for one in value if isinstance(value, list) else ():
            yield from _at(one, steps[1:])
    elif isinstance(value, dict):
        for one in value.values() if steps[0] == "*" else (value[steps[0]],) if steps[0] in value else ():
            yield from _at(one, steps[1:])


def _go(value: Any) -> str:
    names: Mapping[type, str] = {list: "array", dict: "object", str: "string", bool: "bool"}
    return names.get(type(value), "number")
