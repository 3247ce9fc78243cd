"""What the server keeps of a tool's schema, and what becomes of the rest: written out, left out by name, or refused.

It reads `parameters` into types of its own and drops every other key without a word (github.com/ollama/ollama,
api/types.go). `items` and `$defs` it takes whatever they hold. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias, TypeGuard

from msgspec import Struct

from llm_gateway.domain.errors import ProviderRejected

from .schema_words import DATA, KEYWORDS, LABELS, MEANING, NAMES, NOTES, PROPERTY, ROOT

Schema: TypeAlias = Mapping[str, Any]

MAX_SCHEMAS: Final = 10_000
"""In the tools of one request, all references written out: a few kilobytes can refer to themselves into gigabytes."""
MAX_KEYS: Final = 100_000
"""And of their keys, and the items of their lists, as often as they are gone through."""
_INDEX_DIGITS: Final = 9
"""Of an index in a reference: no list is longer."""


class Budget:
    """What the schemas of one request may still take."""

    def __init__(self) -> None:
        self.schemas = MAX_SCHEMAS
        self.keys = MAX_KEYS


class Reduced(Struct, frozen=True):
    """`ignored` are the paths of the keys that were left out: of one that is no keyword, its schema's."""

    schema: Schema
    ignored: tuple[str, ...]


def reduced(provider: str, schema: Schema, path: str, budget: Budget | None = None) -> Reduced:
    """With nothing in it that the server would drop. `path` is the schema's place in the request, `budget` what is left
    for it there.

    Raises `ProviderRejected` where the server's form can't say what the schema means.
    """
    reducer = _Reducer(provider, schema, path, budget or Budget())
    try:
        made = reducer.root()
    except RecursionError:
        reducer.refuse("$ref", "is nested too deep")
    named = (f"{path}.{key}" if key in KEYWORDS else path for key in reducer.ignored)
    return Reduced(made, tuple(dict.fromkeys(named)))


class _Reducer:
    def __init__(self, provider: str, root: Schema, path: str, budget: Budget) -> None:
        self._provider = provider
        self._root = root
        self._path = path
        self._budget = budget
        self._referred = False
        self.ignored: dict[str, None] = {}

    def refuse(self, key: str, why: str) -> NoReturn:
        raise ProviderRejected(self._provider, why, path=f"{self._path}.{key}")

    def root(self) -> Schema:
        made = {"type": "object", "properties": {}} | self._kept(self._root, ROOT, ())
        if self._referred and "$defs" in self._root:
            made["$defs"] = self._root["$defs"]
        return made

    def _kept(self, schema: Schema, keys: frozenset[str], within: tuple[str, ...]) -> dict[str, Any]:
        plain, within = self._plain(schema, within)
        made: dict[str, Any] = {}
        for key, value in plain.items():
            if key in keys and key != "$defs":
                made[key] = self._value(key, value, within)
            elif key in MEANING:
                self.refuse(key, "has no place in a tool of this provider")
            elif key not in LABELS:
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
        return self._kept(schema, PROPERTY, within)

    def _anything(self, value: Any, within: tuple[str, ...], *, named: bool = False) -> Any:
        """Kept whole; a reference is written out, or stays where it leads to `$defs` and would never end."""
        if isinstance(value, list | tuple):
            self._count(len(value), schemas=0)
            return [self._anything(one, within) for one in value]
        if not isinstance(value, Mapping):
            return value
        self._count(len(value))
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
        self._count(len(schema))
        plain = dict(schema)
        while True:
            if isinstance(pointer := plain.pop("$ref", None), str):
                if pointer in within:
                    self.refuse("$ref", "refers to itself, which has no place in a tool of this provider")
                self._count(len(within), schemas=0)
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
        self._count(len(schema) + len(own), schemas=0)
        joined = dict(schema)
        for name, value in own.items():
            held = joined.get(name, value)
            if held == value or name in NOTES:
                joined[name] = value
            elif name == "properties" and (properties := self._both(held, value)) is not None:
                joined[name] = properties
            elif name == "required" and _are_names(held) and _are_names(value):
                self._count(len(held) + len(value), schemas=0)
                joined[name] = list(dict.fromkeys((*held, *value)))
            elif name in MEANING | PROPERTY:
                self.refuse(key, f"both say `{name}`, which has no place in a tool of this provider")
            else:  # it only narrows, and the server drops either
                self.ignored[name] = None
        return joined

    def _both(self, held: object, value: object) -> dict[str, Any] | None:
        """The properties of both; None where they contradict each other."""
        if not isinstance(held, Mapping) or not isinstance(value, Mapping):
            return None
        self._count(len(held) + len(value), schemas=0)
        return None if any(held.get(one, more) != more for one, more in value.items()) else {**held, **value}

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
            elif isinstance(found, list | tuple) and _is_index(name) and int(name) < len(found):
                found = found[int(name)]
            else:
                self.refuse("$ref", "leads nowhere in the tool's schema")
        return found

    def _count(self, keys: int, *, schemas: int = 1) -> None:
        self._budget.schemas -= schemas
        self._budget.keys -= keys
        if self._budget.schemas < 0:
            self.refuse("$ref", f"is more than {MAX_SCHEMAS} schemas once it is written out, all tools together")
        if self._budget.keys < 0:
            self.refuse("$ref", f"is more than {MAX_KEYS} keys and items once it is written out, all tools together")


def _are_names(value: object) -> TypeGuard[Sequence[str]]:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _is_index(step: str) -> bool:
    return step.isdecimal() and len(step) <= _INDEX_DIGITS
