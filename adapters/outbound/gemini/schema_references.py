"""References within a schema: each definition that is referred to, once, and whether what is recursive can end."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

_BEGIN: Final = "#/$defs/"
_INDEX_DIGITS: Final = 9
"""Of an index in a reference: no list is longer."""
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]")


class SchemaError(Exception):
    """There is no schema of the vendor's for this one; says why, without a word of it."""


class Definitions:
    """Every target of a reference becomes a definition of the root, wherever it stood; what nothing refers to goes."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self._names: dict[str, str] = {}
        self._first: dict[int, str] = {}
        self._taken: dict[str, int] = {}
        self._open: list[str] = []
        self._needs: dict[str | None, set[str]] = {}
        self._at: str | None = None
        self._optional = False

    def reference(self, pointer: str) -> str:
        """The reference as it is sent. Raises `SchemaError` for one to nothing within the schema."""
        if pointer not in self._names:
            pointer = self._first.setdefault(id(self.target(pointer)), pointer)  # the same, however it is spelled
        if pointer not in self._names:
            self._names[pointer] = self._new_name(pointer)
            self._open.append(pointer)
        if not self._optional:
            self._needs.setdefault(self._at, set()).add(pointer)
        return _BEGIN + self._names[pointer]

    def next(self) -> tuple[str, object] | None:
        """A definition that was referred to and not taken yet. References are its own from here on."""
        if not self._open:
            return None
        self._at = self._open.pop()
        return self._names[self._at], self.target(self._at)

    def target(self, pointer: str) -> object:
        """What a reference means. Raises `SchemaError` for one to nothing within the schema."""
        target: object = self._root
        first, *steps = pointer.split("/")
        if first != "#":
            raise SchemaError("refers to something outside of it")
        for step in map(_unescaped, steps):
            if isinstance(target, Mapping) and step in target:
                target = target[step]
            elif (
                isinstance(target, list) and step.isdecimal() and len(step) <= _INDEX_DIGITS and int(step) < len(target)
            ):
                target = target[int(step)]
            else:
                raise SchemaError("refers to something that is not in it")
        return target

    @contextmanager
    def within(self, *, optional: bool) -> Iterator[None]:
        """What follows stands in a property; one that is not required can end a recursion."""
        before = self._optional
        self._optional = before or optional
        try:
            yield
        finally:
            self._optional = before

    def check_recursion(self) -> None:
        """Raises `SchemaError` for a definition that needs itself: the vendor unrolls only what may be absent."""
        ended: set[str] = set()
        for start in self._names:
            path = [(start, iter(self._needs.get(start, ())))]
            under_way = {start}
            while path:
                at, following = path[-1]
                target = next((each for each in following if each not in ended), None)
                if target is None:
                    path.pop()
                    under_way.discard(at)
                    ended.add(at)
                elif target in under_way:
                    raise SchemaError("is recursive otherwise than through properties that are not required")
                else:
                    under_way.add(target)
                    path.append((target, iter(self._needs.get(target, ()))))

    def _new_name(self, pointer: str) -> str:
        """The target's own, where no other definition has it."""
        begin = name = _ODD.sub("_", _unescaped(pointer.rpartition("/")[2])) if "/" in pointer else "root"
        while name in self._taken:
            self._taken[begin] += 1
            name = f"{begin}_{self._taken[begin]}"
        self._taken[name] = 1
        return name


def _unescaped(step: str) -> str:
    """As RFC 6901 has it in a fragment of a URL."""
    return unquote(step).replace("~1", "/").replace("~0", "~")
