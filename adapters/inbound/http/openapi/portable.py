"""Schemas as the makers of clients read them. Pure.

No default of null, no list of values of several types, no list without the type of its items. A field that can only be
null is left out where it may be, and else may be a text too, as it is at OpenAI.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_NULLS = ({"type": "null"}, {"enum": [None]})
_TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def portable(schema: Any) -> Any:
    """A schema, or what holds schemas, for the same values but for fields that can only be null."""
    if isinstance(schema, list):
        return [portable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: portable(value) for name, value in schema.items() if name != "default" or value is not None}
    if isinstance(changed.get("properties"), dict):
        changed["properties"] = dict(_fields(schema["properties"], changed["properties"], schema.get("required", ())))
    if changed.get("type") == "array" and "prefixItems" not in changed:
        changed.setdefault("items", {})
    values = changed.pop("enum", None)
    if isinstance(values, list):
        return changed | _enum(values)
    return changed


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], required: Sequence[str]) -> Sequence[tuple[str, Any]]:
    nulls = {
        name
        for name, schema in before.items()
        if {key: schema[key] for key in schema if key in ("type", "enum")} in _NULLS
    }
    return [
        (name, _TEXT_OR_NULL if name in nulls else schema)
        for name, schema in after.items()
        if name not in nulls or name in required
    ]


def _enum(values: Sequence[Any]) -> dict[str, Any]:
    by_type: dict[type, list[Any]] = {}
    for value in values:
        by_type.setdefault(type(value), []).append(value)
    kinds = [_of(kind, same) for kind, same in by_type.items()]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _of(kind: type, values: list[Any]) -> dict[str, Any]:
    if kind is type(None):
        return {"type": "null"}
    if kind is bool:
        return {"type": "boolean", **({"const": values[0]} if len(values) == 1 else {})}
    if kind is dict:
        return {"type": "object", "maxProperties": 0}
    if kind is list:
        items = [item for value in values for item in value]
        return {"type": "array", "items": {"type": "string", "enum": items} if items else {}, "maxItems": len(items)}
    return {"type": _TYPES[kind], "enum": values}
