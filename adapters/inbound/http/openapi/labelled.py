"""Schemas that tell of labels: what has no effect in a message, and is taken whatever it is."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from ..common.labels import ARGUMENTS, FUNCTION, Labels

Components: TypeAlias = dict[str, dict[str, Any]]
_MESSAGES = "messages[]"


def add_labels(schemas: Components, body: str, labels: Labels) -> None:
    """Let the schemas under that of a body, by their names, take the labels of a surface.

    An assistant's message may have any other member, and what stands in it too. Where parts can only be text, their
    type need not be said. A part that fares otherwise elsewhere gets a second schema for that.
    """
    for place, names in labels.names.items():
        for name in [*_at(schemas, body, _steps(place))]:
            schemas[name]["properties"] |= {label: {} for label in sorted(names)}
    for function in _at(schemas, body, _steps(FUNCTION)):
        schemas[function]["properties"][ARGUMENTS] = {
            "description": "JSON as text; any other value is taken for its text."
        }
        _require_no(schemas[function], ARGUMENTS)
    for message in [*_at(schemas, body, _steps(_MESSAGES))]:
        untype_text(schemas, message, "content")
        if schemas[message]["properties"]["role"].get("enum") == ["assistant"]:
            for place in labels.known:
                _open(schemas, message, _steps(place)[1:])


def untype_text(schemas: Components, name: str, field: str) -> None:
    """Let the parts of a field, where they can only be text, leave their type out."""
    parts = [*_references(schemas[name]["properties"][field])]
    if len(parts) == 1:
        _require_no(schemas[_own(schemas, name, parts[0], "Alone")], "type")


def open_items(schemas: Components, body: str, labels: Labels) -> None:
    """Let the schemas of a body's items, and of what stands in them, take any other member."""
    for item in [*_at(schemas, body, _steps(labels.items))]:
        for place in labels.known:
            _open(schemas, item, _steps(place)[1:])


def _open(schemas: Components, name: str, steps: Sequence[str]) -> None:
    if not steps:
        schemas[name].pop("additionalProperties", None)
        return
    for reference in [*_references(schemas[name]["properties"][steps[0]])]:
        _open(schemas, _own(schemas, name, reference, "Back"), steps[1:])


def _own(schemas: Components, name: str, reference: dict[str, str], suffix: str) -> str:
    """The name of what is referred to, which is a copy by now if others refer to it too."""
    inner = _named(reference)
    if not _is_shared(schemas, name, inner):
        return inner
    own = inner + suffix
    schemas.setdefault(own, deepcopy(schemas[inner]) | {"title": own})
    reference["$ref"] = reference["$ref"].removesuffix(inner) + own
    return own


def _require_no(schema: dict[str, Any], name: str) -> None:
    schema["required"] = [one for one in schema["required"] if one != name]


def _is_shared(schemas: Components, name: str, inner: str) -> bool:
    others = (schema for other, schema in schemas.items() if other != name)
    return any(_named(reference) == inner for schema in others for reference in _references(schema))


def _at(schemas: Components, name: str, steps: Sequence[str]) -> Iterator[str]:
    """The names of the schemas at a place under another."""
    if not steps:
        yield name
        return
    inner = schemas[name]["properties"].get(steps[0], {})
    for reference in _references(inner):
        yield from _at(schemas, _named(reference), steps[1:])


def _references(schema: object) -> Iterator[dict[str, str]]:
    match schema:
        case {"$ref": _}:
            yield schema  # type: ignore[misc]
        case dict():
            for value in schema.values():
                yield from _references(value)
        case list():
            for value in schema:
                yield from _references(value)


def _named(reference: dict[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


def _steps(place: str) -> Sequence[str]:
    return [step.removesuffix("[]") for step in place.split(".")] if place else []
