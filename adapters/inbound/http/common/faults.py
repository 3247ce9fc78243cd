"""What is wrong with a body that did not decode: its path, and what may stand there. Never what did."""

import re
from collections.abc import Iterator

from msgspec import ValidationError, inspect

from llm_gateway.domain.errors import InvalidRequest

MAX_PATH = 256
"""Of a fault's path, in characters: a field's name is the client's, and may be as long as the body."""
_PLACE = re.compile(r"(?:key in )?\$(?P<path>[^`]*)`")
_QUOTING = re.compile(r"Invalid (?:enum )?value(?= )")
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<field>[^`]*)`")
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[[^\]]*\]")


def fault_of(error: ValidationError, kind: object) -> InvalidRequest:
    """msgspec's message as a path and a message of our own; `kind` is the type that was decoded as."""
    message, _, place = str(error).rpartition(" - at `")
    at = _PLACE.fullmatch(place)
    if at is None:  # it names no place, or a key that holds such a mark
        message, path = str(error), ""
    else:
        path = at["path"].removeprefix(".")[:MAX_PATH]
    field = _FIELD.match(message)
    quoting = _QUOTING.match(message)
    if quoting:
        choices = _choices(inspect.type_info(kind), path)
        message = f"must be {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}" if choices else quoting[0]
    elif field:
        path = f"{path}.{field['field'][:MAX_PATH]}".removeprefix(".")
        message = "is not a field here" if "unknown" in message else "is required"
    return InvalidRequest.at(path, message)


def _choices(kind: inspect.Type, path: str) -> list[str]:
    """The values that this type allows at a path such as `messages[0].role`; none where it lists no values."""
    steps = [match["name"] for match in _STEP.finditer(path)]
    return list(dict.fromkeys(_values(kind, steps)))


def _values(kind: inspect.Type, steps: list[str | None]) -> Iterator[str]:
    """A step is a field's name, or None for an item of a list."""
    match kind:
        case inspect.Metadata(type=inner):
            yield from _values(inner, steps)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from _values(inner, steps)
        case inspect.EnumType(cls=members) if not steps:
            yield from (str(member.value) for member in members)
        case inspect.LiteralType(values=values) if not steps:
            yield from map(str, values)
        case inspect.CollectionType(item_type=item) if steps and steps[0] is None:
            yield from _values(item, steps[1:])
        case inspect.StructType() if steps:
            yield from _values_in(kind, steps)
        case _:
            pass


def _values_in(kind: inspect.StructType, steps: list[str | None]) -> Iterator[str]:
    if steps == [kind.tag_field]:
        yield str(kind.tag)
    for field in kind.fields:
        if field.encode_name == steps[0]:
            yield from _values(field.type, steps[1:])
