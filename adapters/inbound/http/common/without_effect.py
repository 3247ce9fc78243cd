"""What within the fields of a body has no effect, noted by its paths. Pure."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeAlias

from msgspec import Struct

from .fields import Fate, Field
from .labels import MAX_LABELS

Member: TypeAlias = tuple[str, str, Field]
"""A member of a type: its name there and on the wire, and its row in the table."""


def members_without_effect(fields: Iterable[Field], place: str, kind: type[Struct]) -> Sequence[Member]:
    """Those of a type that stands at a place such as `tools[]`."""
    rows = {field.path: field for field in fields if field.fate is Fate.NO_EFFECT}
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return tuple((name, told, rows[path]) for name, told in names if (path := f"{place}.{told}") in rows)


class Noted:
    """Of each kind the path of the first."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}

    def add(self, kind: str, path: str) -> None:
        self._paths.setdefault(kind, path)

    def members(self, one: Struct, path: str, members: Sequence[Member]) -> None:
        """Those that ask for something."""
        for name, told, field in members:
            value = getattr(one, name)
            if value is not None and field.path not in self._paths and field.asks(value):
                self._paths[field.path] = f"{path}.{told}"

    @property
    def paths(self) -> tuple[str, ...]:
        """So many as an answer may name."""
        return tuple(islice(self._paths.values(), MAX_LABELS))
