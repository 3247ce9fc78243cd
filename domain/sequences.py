"""What a caller gives for a sequence is held as a tuple or a set of the right items, or is refused by its name.

Nothing else checks types at run time, and a `str` is a sequence too: `inputs="hello"` would be five inputs.
"""

from collections.abc import Iterable, Sequence, Set
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr

T = TypeVar("T")
Kinds: TypeAlias = type | tuple[type, ...]

_TEXTS = (str, bytes, bytearray, memoryview)


def hold_tuple(owner: Struct, field: str, kinds: Kinds) -> None:
    """Make the field a tuple whose items are `kinds`; any sequence of them is taken.

    Raises `TypeError`, with the type's and the field's name, for another item and for what is no sequence. Texts and
    bytes count as none. For `__post_init__`: a tuple, which is what the gateway's own code gives, costs 0.1 µs.
    """
    value = getattr(owner, field)
    if value.__class__ is tuple and _all_are(kinds, value):
        return
    name = f"{owner.__class__.__name__}.{field}"
    if not isinstance(value, Sequence) or isinstance(value, _TEXTS):
        raise _wrong(name, f"a sequence of {_names(kinds)}", value)
    force_setattr(owner, field, _checked(tuple(value), kinds, name))


def hold_set(owner: Struct, field: str, kinds: Kinds) -> None:
    """Make the field a frozenset whose items are `kinds`, of a set or a sequence. Raises as `hold_tuple` does."""
    value = getattr(owner, field)
    if value.__class__ is frozenset and _all_are(kinds, value):
        return
    name = f"{owner.__class__.__name__}.{field}"
    if not isinstance(value, Set | Sequence) or isinstance(value, _TEXTS):
        raise _wrong(name, f"a set of {_names(kinds)}", value)
    force_setattr(owner, field, frozenset(_checked(tuple(value), kinds, name)))


def tuple_of(kind: type[T], values: Iterable[T], name: str) -> tuple[T, ...]:
    """What is there to iterate over, as a tuple. Raises `TypeError` with the name, as `hold_tuple` does."""
    if not isinstance(values, Iterable) or isinstance(values, _TEXTS):
        raise _wrong(name, f"a sequence of {_names(kind)}", values)
    return _checked(tuple(values), kind, name)


def _all_are(kinds: Kinds, values: Iterable[object]) -> bool:
    for item in values:  # noqa: SIM110 - all() with a generator takes three times as long
        if not isinstance(item, kinds):
            return False
    return True


def _checked(values: tuple[T, ...], kinds: Kinds, name: str) -> tuple[T, ...]:
    for index, item in enumerate(values):
        if not isinstance(item, kinds):
            raise _wrong(f"{name}[{index}]", _names(kinds), item)
    return values


def _names(kinds: Kinds) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))


def _wrong(name: str, wanted: str, value: object) -> TypeError:
    """Names the type of what was given, never what it holds."""
    return TypeError(f"{name}: must be {wanted}, not {type(value).__name__}")
