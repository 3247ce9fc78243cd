"""Reduces a JSON Schema to the part of it that the engine enforces, and refuses the rest.

The engine ignores keywords that it does not know, prints a schema that it can't digest to stderr, and can be made to
take all memory by contradictory lengths. So nothing reaches it but what is known here: types, properties, items,
alternatives and fixed values. References are replaced by what they refer to.
"""

from collections.abc import Iterator, Mapping
from typing import NoReturn

from msgspec import json

MAX_NODES = 128
MAX_DEPTH = 16
MAX_BYTES = 16_384

_ANNOTATIONS = frozenset(
    {"$comment", "$defs", "$id", "$schema", "default", "definitions"}
    | {"deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset({"type", "properties", "required", "additionalProperties"}),
    "array": frozenset({"type", "items"}),
    **{name: frozenset({"type"}) for name in ("string", "number", "integer", "boolean", "null")},
}


class Unenforceable(Exception):
    """The engine can't hold an answer to this schema. The message names keywords and holds nothing of the client's."""


def enforceable(schema: object) -> object:
    """The same schema in the keywords that the engine enforces. Raises `Unenforceable`."""
    reduced = _Reducer(schema).reduce(schema, 0)
    try:
        size = len(json.encode(reduced))
    except UnicodeEncodeError:
        _refuse("it holds half of a surrogate pair")
    if size > MAX_BYTES:
        _refuse("it is too large")
    return reduced


def _refuse(why: str) -> NoReturn:
    raise Unenforceable(why)


class _Reducer:
    def __init__(self, root: object) -> None:
        self._root = root
        self._nodes = 0

    def reduce(self, node: object, depth: int) -> object:
        self._count()
        if depth > MAX_DEPTH:
            _refuse("it is nested too deeply, or refers to itself")
        if node is True:
            return {}
        if not isinstance(node, Mapping):
            _refuse("a part of it is neither an object nor true")
        return dict(self._members({key: node[key] for key in node if key not in _ANNOTATIONS}, depth))

    def _members(self, node: dict[str, object], depth: int) -> Iterator[tuple[str, object]]:
        match node:
            case {"$ref": reference, **rest}:
                _only(rest, frozenset(), "$ref")
                target = self.reduce(self._target(reference), depth + 1)
                yield from target.items() if isinstance(target, dict) else ()
            case {"anyOf": alternatives, **rest}:
                _only(rest, frozenset(), "anyOf")
                yield "anyOf", [self.reduce(one, depth + 1) for one in _several(alternatives, "anyOf")]
            case {"enum": values, **rest}:
                _only(rest, frozenset({"type"}), "enum")
                yield "enum", [self._scalar(value, "enum") for value in _several(values, "enum")]
            case {"const": value, **rest}:
                _only(rest, frozenset({"type"}), "const")
                yield "const", self._scalar(value, "const")
            case {"type": list() as names, **rest}:
                yield "anyOf", [self.reduce({**rest, "type": one}, depth + 1) for one in _several(names, "type")]
            case {"type": str() as name} if name in _KEYWORDS:
                _only(node, _KEYWORDS[name], f"type {name}")
                yield "type", name
                yield from self._parts(node, depth + 1)
            case {}:
                _only(node, frozenset(), "no known type")

    def _parts(self, node: dict[str, object], depth: int) -> Iterator[tuple[str, object]]:
        if "items" in node:
            yield "items", self.reduce(node["items"], depth)
        properties = node.get("properties", {})
        required = node.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list | tuple):
            _refuse("properties or required is malformed")
        if any(name not in properties for name in required):
            _refuse("required names what properties does not")
        if "properties" in node:
            yield "properties", {name: self.reduce(one, depth) for name, one in properties.items()}
            yield "required", list(required)
        if "additionalProperties" in node:
            extra = node["additionalProperties"]
            yield "additionalProperties", extra if isinstance(extra, bool) else self.reduce(extra, depth)

    def _scalar(self, value: object, keyword: str) -> object:
        self._count()
        if not isinstance(value, str | int | float | None):
            _refuse(f"{keyword} holds more than text, numbers, booleans and null")
        return value

    def _target(self, reference: object) -> object:
        found = self._root
        steps = reference.split("/") if isinstance(reference, str) else []
        if steps[:1] != ["#"]:
            _refuse("$ref refers to another document")
        for step in steps[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                _refuse("$ref refers to nothing")
            found = found[name]
        return found

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            _refuse("it is too large, or refers to itself")


def _only(node: Mapping[str, object], allowed: frozenset[str], where: str) -> None:
    # Never the keyword's own text: an unknown one is the client's content.
    if not node.keys() <= allowed:
        known = ", ".join(sorted(allowed)) or "nothing"
        _refuse(f"beside {where}, {known} is all that is enforced")


def _several(values: object, keyword: str) -> list[object]:
    if not isinstance(values, list | tuple) or not values:
        _refuse(f"{keyword} must be a list that is not empty")
    return list(values)
