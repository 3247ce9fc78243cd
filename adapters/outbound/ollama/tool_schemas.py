"""What the server keeps of a tool's schema, and what becomes of the rest: written out, left out by name, or refused.

It reads `parameters` into types of its own and drops every other key without a word (github.com/ollama/ollama,
api/types.go). `items` and `$defs` it takes whatever they hold. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias

from msgspec import Struct

from llm_gateway.domain.errors import ProviderRejected

Schema: TypeAlias = Mapping[str, Any]

_ROOT: Final = frozenset({"type", "$defs", "items", "required", "properties"})
_PROPERTY: Final = frozenset({"anyOf", "type", "items", "description", "enum", "properties", "required"})

_LABELS: Final = frozenset({"title", "$schema", "$id", "$anchor", "$comment", "$defs", "definitions"})
"""Not named where they are left out: they say nothing of what a value may be."""
_NOTES: Final = _LABELS | {"description", "default", "examples"}
"""Where two schemas are made one, the one that refers has its own."""
_MEANING: Final = frozenset({"$dynamicRef", "$recursiveRef", "allOf", "anyOf", "enum"})
"""Without one of these another value would be asked for. Any other key only narrows what is asked for."""

DATA: Final = frozenset({"enum", "const", "default", "examples"})
"""Keys of a schema that hold values, and no schemas."""
NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keys of a schema that hold schemas by names."""

MAX_SCHEMAS: Final = 10_000
"""In one tool, all references written out: a few kilobytes can refer to themselves into gigabytes."""


class Reduced(Struct, frozen=True):
    """`ignored` are the keys that were left out."""

    schema: Schema
    ignored: tuple[str, ...]


def reduced(provider: str, schema: Schema, path: str) -> Reduced:
    """With nothing in it that the server would drop. `path` is the schema's place in the request.

    Raises `ProviderRejected` where the server's form can't say what the schema means.
    """
    reducer = _Reducer(provider, schema, path)
    try:
        made = reducer.root()
    except RecursionError:
        reducer.refuse("$ref", "is nested too deep")
    return Reduced(made, tuple(reducer.ignored))


class _Reducer:
    def __init__(self, provider: str, root: Schema, path: str) -> None:
        self._provider = provider
        self._root = root
        self._path = path
        self._left = MAX_SCHEMAS
        self._referred = False
        self.ignored: dict[str, None] = {}

    def refuse(self, key: str, why: str) -> NoReturn:
        raise ProviderRejected(self._provider, why, path=f"{self._path}.{key}")

    def root(self) -> Schema:
        made = {"type": "object", "properties": {}} | self._kept(self._root, _ROOT, ())
        if self._referred and "$defs" in self._root:
            made["$defs"] = self._root["$defs"]
        return made

    def _kept(self, schema: Schema, keys: frozenset[str], within: tuple[str, ...]) -> dict[str, Any]:
        plain, within = self._plain(schema, within)
        made: dict[str, Any] = {}
        for key, value in plain.items():
            if key in keys and key != "$defs":
                made[key] = self._value(key, value, within)
            elif key in _MEANING:
                self.refuse(key, "has no place in a tool of this provider")
            elif key not in _LABELS:
                self.ignored[key] = None
        return made

    def _value(self, key: str, value: Any, within: tuple[str, ...]) -> Any:
        if key == "properties" and isinstance(value, Mapping):
            return {name: self._property(one, within) for name, one in value.items()}
        if key == "anyOf" and isinstance(value, list | tuple):
            return [self._property(one, within) for one in value]
        return self._anything(value, within) if key == "items" else value

    def _property(self, schema: object, within: tuple[str, ...]) -> dict[str, Any]:
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            self.refuse("properties", "must be schemas")
        return self._kept(schema, _PROPERTY, within)

    def _anything(self, value: Any, within: tuple[str, ...], *, named: bool = False) -> Any:
        """Kept whole; a reference is written out, or stays where it leads to `$defs` and would never end."""
        if isinstance(value, list | tuple):
            return [self._anything(one, within) for one in value]
        if not isinstance(value, Mapping):
            return value
        self._count()
        pointer = None if named else value.get("$ref")
        if pointer in within and str(pointer).startswith("#/$defs/"):
            self._referred = True
            return value
        if isinstance(pointer, str):
            value, within = self._plain(value, within)
        return {
            key: one if key in DATA and not named else self._anything(one, within, named=key in NAMES and not named)
            for key, one in value.items()
        }

    def _plain(self, schema: Schema, within: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Without `$ref`, `allOf`, `oneOf` and `const`, each of which can be said otherwise."""
        self._count()
        plain = dict(schema)
        while True:
            if isinstance(pointer := plain.pop("$ref", None), str):
                if pointer in within:
                    self.refuse("$ref", "refers to itself, which has no place in a tool of this provider")
                within = (*within, pointer)
                plain = self._joined(self._target(pointer), plain, "$ref")
            elif isinstance(parts := plain.pop("allOf", None), list | tuple):
                for part in reversed(parts):
                    plain = self._joined(part, plain, "allOf")
            elif "oneOf" in plain and "anyOf" not in plain:
                plain["anyOf"] = plain.pop("oneOf")
            elif "const" in plain and "enum" not in plain:
                plain["enum"] = [plain.pop("const")]
            else:
                return plain, within

    def _joined(self, schema: object, own: dict[str, Any], key: str) -> dict[str, Any]:
        """What conforms to both, where that can be said in one schema."""
        if not isinstance(schema, Mapping):
            self.refuse(key, "must be a schema")
        joined = dict(schema)
        for name, value in own.items():
            held = joined.get(name, value)
            if held == value or name in _NOTES:
                joined[name] = value
            elif name == "properties" and not any(held.get(one, more) != more for one, more in value.items()):
                joined[name] = {**held, **value}
            elif name == "required":
                joined[name] = list(dict.fromkeys((*held, *value)))
            else:
                self.refuse(key, f"both say `{name}`, which has no place in a tool of this provider")
        return joined

    def _target(self, pointer: str) -> object:
        """Of a JSON Pointer (RFC 6901) into the tool's own schema."""
        found: Any = self._root
        steps = pointer.split("/")
        if steps[0] != "#":
            self.refuse("$ref", "leads out of the tool's own schema")
        for step in steps[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, list | tuple) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                self.refuse("$ref", "leads nowhere in the tool's schema")
        return found

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.refuse("$ref", f"is more than {MAX_SCHEMAS} schemas once it is written out")
