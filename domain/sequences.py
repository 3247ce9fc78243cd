"""What a caller gives for a sequence is held as a tuple or a set of the right items, or is refused by its name.

Nothing else checks types at run time, and a `str` is a sequence too: `inputs="hello"` would be five inputs.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import force_setattr
from typing_extensions import override

T = TypeVar("T")
Kinds: TypeAlias = type | tuple[type, ...]
Collection: TypeAlias = type[tuple[Any, ...]] | type[frozenset[Any]]

_TEXTS = (str, bytes, bytearray, memoryview)
_TAKEN: dict[type, tuple[str, tuple[type[Iterable[Any]], ...]]] = {
    tuple: ("sequence", (Sequence,)),
    frozenset: ("set", (Set, Sequence)),
}
"""What is taken for each collection, by its name in messages and by type."""


class CheckedStruct(Struct, frozen=True, kw_only=True):
    """A Struct whose fields of type `tuple[X, ...]` and `frozenset[X]` hold that, each an `X`, however it is made.

    Any sequence of the items is taken for a tuple, any set or sequence for a frozenset. Raises `TypeError`, with the
    type's and the field's name, for another item and for what is no sequence. Texts and bytes count as none.
    """

    _collections: ClassVar[tuple[tuple[str, Collection, Kinds, bool], ...]] = ()
    """Of each such field: name, tuple or frozenset, the types of its items, and whether it may be None."""

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._collections = tuple(_collections(get_type_hints(cls)))

    def __post_init__(self) -> None:
        for field, collection, kinds, optional in self._collections:
            value: Any = getattr(self, field)
            if value.__class__ is collection:  # as the gateway's own code gives it
                if not value:
                    continue
                for item in value:
                    if not isinstance(item, kinds):
                        break
                else:
                    continue
            elif value is None and optional:
                continue
            force_setattr(self, field, self._held(field, value, collection, kinds))

    def _held(self, field: str, value: object, collection: Collection, kinds: Kinds) -> object:
        """What is held of a value that is not of the field's type as it stands."""
        return collection_of(collection, kinds, value, f"{self.__class__.__name__}.{field}")


def _collections(hints: dict[str, Any]) -> Iterator[tuple[str, Collection, Kinds, bool]]:
    """Rows of `CheckedStruct`, from the types of a class's fields."""
    for field, hint in hints.items():
        alternatives = _alternatives(hint)
        for kind in alternatives:
            if get_origin(kind) in (tuple, frozenset):
                items = _alternatives(get_args(kind)[0])
                yield field, get_origin(kind), items[0] if len(items) == 1 else items, NoneType in alternatives


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type."""
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def collection_of(collection: Collection, kinds: Kinds, values: object, name: str) -> Any:
    """The values as a tuple or a frozenset. Raises `TypeError` with the name, as `CheckedStruct` does."""
    word, taken = _TAKEN[collection]
    if not isinstance(values, taken) or isinstance(values, _TEXTS):
        raise _wrong(name, f"a {word} of {_names(kinds)}", values)
    return collection(_checked(tuple(values), kinds, name))


def tuple_of(kind: type[T], values: Iterable[T], name: str) -> tuple[T, ...]:
    """What is there to iterate over, as a tuple. Raises `TypeError` with the name, as `CheckedStruct` does."""
    if not isinstance(values, Iterable) or isinstance(values, _TEXTS):
        raise _wrong(name, f"a sequence of {_names(kind)}", values)
    return _checked(tuple(values), kind, name)


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
