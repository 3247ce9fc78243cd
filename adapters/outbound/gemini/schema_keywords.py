"""What a schema's keywords can be said by instead, where the vendor lacks them: without any change of meaning."""

from collections.abc import Mapping
from math import ceil, floor
from typing import Final, TypeAlias

from msgspec import json

Json: TypeAlias = dict[str, object]

MAX_NOTE: Final = 200
"""Characters of a keyword's value that a description takes."""
_TOGETHER: Final = frozenset({"properties", "additionalProperties", "items", "prefixItems"})
"""What each other's meaning depends on within one schema."""
_TYPES: Final = {str: "string", int: "integer", float: "number"}


def rewritten(schema: Mapping[str, object]) -> tuple[Json, bool]:
    """The schema with the vendor's keywords for others, and whether it is exact."""
    node = dict(schema)
    for rewrite in (_constant, _only_part, _tuple_items, _whole_bounds):
        rewrite(node)
    return node, _values(node)


def said(keyword: str, value: object) -> list[str]:
    """A keyword in words, for the description; nothing of what is long, and of a default that is null."""
    text = "" if value is None else json.encode(value).decode()
    return [f"{keyword}: {text}"] if text and len(text) <= MAX_NOTE else []


def _constant(node: Json) -> None:
    """`const` is an `enum` of one."""
    if "const" in node and "enum" not in node:
        value = node.pop("const")
        node.update({**(_kind(node.get("type"), [value]) if _is_taken(value) else {}), "enum": [value]})


def _only_part(node: Json) -> None:
    """`allOf` of one is that one, or `anyOf` of it where their keywords meet."""
    match node.get("allOf"):
        case [dict(part)]:
            beside = {key: value for key, value in node.items() if key != "allOf"}
            meet = part.keys() & (beside.keys() - {"description", "title", "default"})
            if "$ref" not in part and not meet and not (part.keys() & _TOGETHER and beside.keys() & _TOGETHER):
                node.clear()
                node.update({**part, **beside})
            elif "anyOf" not in beside:
                node["anyOf"] = node.pop("allOf")


def _tuple_items(node: Json) -> None:
    """`items` as a list, as it was before 2020, is `prefixItems`."""
    if isinstance(node.get("items"), list) and "prefixItems" not in node:
        node["prefixItems"] = node.pop("items")


def _whole_bounds(node: Json) -> None:
    """An integer above 0 is one from 1 on."""
    if node.get("type") != "integer":
        return
    for exclusive, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        value = node.get(exclusive)
        if isinstance(value, int | float) and not isinstance(value, bool) and bound not in node:
            node[bound] = (floor(value) if step > 0 else ceil(value)) + step
            del node[exclusive]


def _values(node: Json) -> bool:
    """`enum` takes strings and numbers, none of them empty. Null becomes a type beside them, what else there is told.

    False where a value is lost: the answer then has fewer to choose from, each of them the client's own.
    """
    values = node.get("enum")
    if not isinstance(values, list) or all(map(_is_taken, values)):
        return True
    taken = [value for value in values if _is_taken(value)]
    lost = len(values) - len(taken) - values.count(None)
    nullable = None in values and "null" in _types(node)
    null = nullable and "anyOf" not in node
    exact = not lost and null is nullable
    if not exact:
        _tell(node, values)
    del node["enum"]
    if null:
        kind = _kind(node.pop("type", None), taken)
        alternatives = [{**kind, "enum": taken}] if taken else []
        node["anyOf"] = [*alternatives, {"type": "null"}]
    elif taken:
        node.update({**_kind(node.get("type"), taken), "enum": taken})
    return exact


def _types(node: Json) -> list[object]:
    stated = node.get("type", "null")
    return stated if isinstance(stated, list) else [stated]


def _is_taken(value: object) -> bool:
    return type(value) in _TYPES and value != ""


def _tell(node: Json, values: list[object]) -> None:
    description = node.get("description")
    words = [*([description] if isinstance(description, str) else []), *(f"({each})" for each in said("enum", values))]
    if words:
        node["description"] = " ".join(words)


def _kind(stated: object, values: list[object]) -> Json:
    """The type of an enum's values: as stated, but for null, else their own where they are of one."""
    if isinstance(stated, list):
        stated = [kind for kind in stated if kind != "null"]
        stated = stated[0] if len(stated) == 1 else stated
    if stated:
        return {"type": stated}
    kinds = {_TYPES[type(value)] for value in values}
    return {"type": kinds.pop()} if len(kinds) == 1 else {}
