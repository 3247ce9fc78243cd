"""The paths of all fields of a request, read from the official client's own types."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict


def paths(of: Any, path: str = "", within: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Dotted, with `[]` for any element. A type within itself is walked once."""
    kind = get_origin(of)
    if kind in (Required, NotRequired, Annotated):
        yield from paths(get_args(of)[0], path, within)
    elif kind in (Union, types.UnionType):
        for one in get_args(of):
            yield from paths(one, path, within)
    elif is_typeddict(of):
        for name, inner in get_type_hints(of).items() if of not in within else ():
            field = f"{path}.{name}" if path else name
            yield field
            yield from paths(inner, field, within | {of})
    elif kind is not None and getattr(kind, "__name__", "") in ("list", "Iterable", "Sequence"):
        yield from paths(get_args(of)[0], f"{path}[]", within)
