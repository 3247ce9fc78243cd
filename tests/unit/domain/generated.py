"""Values of the domain's types, made from the types themselves: a field added tomorrow is generated tomorrow."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from inspect import isclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields, replace

TEXTS = st.text(max_size=8)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
JSON_OBJECTS = st.dictionaries(TEXTS, JSON_VALUES, max_size=2)

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(0, 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: TEXTS,
    bytes: st.binary(max_size=8),
    timedelta: st.timedeltas(timedelta(), timedelta(days=30)),
}
_SAMPLES: dict[Any, Any] = {bool: True, int: 7, float: 0.5, str: "sample", bytes: b"sample", timedelta: timedelta(1)}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that the type allows, small."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if is_struct(kind):
        return st.builds(kind, **{field.name: values_of(field.type) for field in fields(kind)})
    if isclass(kind) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if get_origin(kind) is tuple:
        return st.lists(values_of(get_args(kind)[0]), max_size=2).map(tuple)
    if get_origin(kind) is Mapping:
        return JSON_OBJECTS
    return st.one_of([values_of(option) for option in options_of(kind)])


def fullest(kind: Any) -> list[Any]:
    """Values that between them have every member of every union, and every field filled."""
    if kind in _SAMPLES:
        return [_SAMPLES[kind]]
    if is_struct(kind):
        filled = {field.name: fullest(field.type) for field in fields(kind)}
        count = max((len(values) for values in filled.values()), default=1)
        return [kind(**{name: values[turn % len(values)] for name, values in filled.items()}) for turn in range(count)]
    if isclass(kind) and issubclass(kind, Enum):
        return list(kind)
    if get_origin(kind) is tuple:
        return [tuple(fullest(get_args(kind)[0]))]
    if get_origin(kind) is Mapping:
        return [{"key": [1, "text"]}]
    return [value for option in options_of(kind) if option is not NoneType for value in fullest(option)]


def changes(value: Any, kind: Any) -> Iterator[Any]:
    """The value with one thing in it changed, at any depth: each field, element and alternative in turn."""
    for option in options_of(kind):
        if not _is(value, option):
            yield None if option is NoneType else fullest(option)[0]
        elif is_struct(option):
            for field in fields(option):
                for changed in changes(getattr(value, field.name), field.type):
                    yield replace(value, **{field.name: changed})
        elif get_origin(option) is tuple:
            yield from _changed_elements(value, option)
        else:
            yield from _changed_leaf(value)


def _changed_elements(value: tuple[Any, ...], kind: Any) -> Iterator[tuple[Any, ...]]:
    yield (*value, (value or fullest(kind)[0])[0])
    for index, element in enumerate(value):
        before, after = value[:index], value[index + 1 :]
        yield (*before, *after)
        yield from ((*before, changed, *after) for changed in changes(element, get_args(kind)[0]))


def _changed_leaf(value: Any) -> Iterator[Any]:
    match value:
        case Mapping():
            yield {**value, "another": 1}
            yield from ({name: kept for name, kept in value.items() if name != gone} for gone in value)
        case Enum():
            yield from (other for other in type(value) if other is not value)
        case bool():
            yield not value
        case int():
            yield value + 1
        case float():
            yield 0.25 if value != 0.25 else 0.75
        case str() | bytes():
            yield 2 * value or _SAMPLES[type(value)]
        case timedelta():
            yield value + timedelta(seconds=1)


def structs_in(kind: Any) -> set[type[Struct]]:
    """Every struct that a value of the type may hold."""
    if is_struct(kind):
        return {kind}.union(*(structs_in(field.type) for field in fields(kind)))
    return set().union(*(structs_in(option) for option in (get_args(kind) if get_origin(kind) else ())))


def options_of(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def is_struct(kind: Any) -> bool:
    return isclass(kind) and issubclass(kind, Struct)


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, get_origin(kind) or kind)
