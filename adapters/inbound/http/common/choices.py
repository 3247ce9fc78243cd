"""What may stand at a place of a body where only a few words may, for who sent another."""

import re
from collections.abc import Iterator

from msgspec import inspect

_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[[^\]]*\]")


def choices(kind: inspect.Type, path: str) -> list[str]:
    """The words that this type allows at a path such as `messages[0].role`; none where it names no words."""
    steps = [match["name"] for match in _STEP.finditer(path)]
    return list(dict.fromkeys(_words(kind, steps)))


def _words(kind: inspect.Type, steps: list[str | None]) -> Iterator[str]:
    """A step is a field's name, or None for an item of a list."""
    match kind:
        case inspect.Metadata(type=inner):
            yield from _words(inner, steps)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from _words(inner, steps)
        case inspect.EnumType(cls=members) if not steps:
            yield from (str(member.value) for member in members)
        case inspect.LiteralType(values=values) if not steps:
            yield from map(str, values)
        case inspect.CollectionType(item_type=item) if steps and steps[0] is None:
            yield from _words(item, steps[1:])
        case inspect.StructType() if steps:
            yield from _words_in(kind, steps)
        case _:
            pass


def _words_in(kind: inspect.StructType, steps: list[str | None]) -> Iterator[str]:
    if steps == [kind.tag_field]:
        yield str(kind.tag)
    for field in kind.fields:
        if field.encode_name == steps[0]:
            yield from _words(field.type, steps[1:])
