"""What is wrong with a body that did not decode: its path, and what may stand there. Never what did."""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from msgspec import DecodeError, Raw, ValidationError, inspect, json

from llm_gateway.domain.errors import InvalidRequest

MAX_PATH = 256
"""Of a fault's path, in characters: a field's name is the client's, and may be as long as the body."""
_PLACE = re.compile(r"(?:key in )?\$(?P<path>[^`]*)`")
_QUOTING = re.compile(r"Invalid (?:enum )?value(?= )")
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<field>[^`]*)`")
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>[^\]]*)\]")
_members = json.Decoder(dict[str, Raw])
_items = json.Decoder(list[Raw])
Steps: TypeAlias = Sequence[str | int]
"""Names of fields, and numbers of items."""


def fault_of(error: ValidationError, kind: object, body: bytes) -> InvalidRequest:
    """msgspec's message as a path and a message of our own; `kind` is the type that `body` was decoded as."""
    message, _, place = str(error).rpartition(" - at `")
    at = _PLACE.fullmatch(place)
    if at is None:  # it names no place, or a key that holds such a mark
        message, path = str(error), ""
    else:
        path = at["path"].removeprefix(".")[:MAX_PATH]
    field = _FIELD.match(message)
    quoting = _QUOTING.match(message)
    if quoting:
        choices = _choices(inspect.type_info(kind), path, Raw(body))
        message = f"must be {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}" if choices else quoting[0]
    elif field:
        path = f"{path}.{field['field'][:MAX_PATH]}".removeprefix(".")
        message = "is not a field here" if "unknown" in message else "is required"
    return InvalidRequest.at(path, message)


def _choices(kind: inspect.Type, path: str, body: Raw) -> list[str]:
    """The values that this type allows at a path such as `messages[0].role`; none where it lists no values.

    Where a place has several types, those that are not the body's own are passed over: a system message holds no image.
    """
    found = [match.groups() for match in _STEP.finditer(path)]
    steps = [name or int(index) for name, index in found if name or index.isdecimal()]
    try:
        return list(dict.fromkeys(_values(kind, steps, body)))
    except (DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        # a name stands there twice, and the fault is in the first; or what stands behind the fault is no JSON
        return []


def _values(kind: inspect.Type, steps: Steps, at: Raw) -> Iterator[str]:
    match kind:
        case inspect.Metadata(type=inner):
            yield from _values(inner, steps, at)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from _values(inner, steps, at)
        case inspect.EnumType(cls=members) if not steps:
            yield from (str(member.value) for member in members)
        case inspect.LiteralType(values=values) if not steps:
            yield from map(str, values)
        case inspect.CollectionType(item_type=item) if steps and isinstance(steps[0], int):
            yield from _values(item, steps[1:], _items.decode(at)[steps[0]])
        case inspect.StructType() if steps and isinstance(steps[0], str):
            yield from _values_in(kind, steps, _members.decode(at))
        case _:
            pass


def _values_in(kind: inspect.StructType, steps: Steps, members: dict[str, Raw]) -> Iterator[str]:
    tag = kind.tag_field
    if tag is not None and steps == [tag]:
        yield str(kind.tag)
    elif tag is None or tag not in members or json.decode(members[tag]) == kind.tag:
        for field in kind.fields:
            if field.encode_name == steps[0] and field.encode_name in members:
                yield from _values(field.type, steps[1:], members[field.encode_name])
