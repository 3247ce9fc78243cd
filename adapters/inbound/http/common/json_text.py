"""What a JSON text holds that decoding by types does not tell: a name that stands twice, and what can't be decoded.

Read by the standard library's decoder, which gives every object as its pairs.
"""

from collections.abc import Iterator, Sequence
from json import JSONDecoder
from typing import Any, Final, NoReturn

from llm_gateway.domain.errors import InvalidRequest

_MAX_PATH: Final = 256
"""Of a path, in characters, as its names are the client's."""


class _Twice(Exception):
    """A name stands twice in one object."""


class _Object(list[tuple[str, Any]]):
    """An object as its pairs."""


def _unique(pairs: Sequence[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) < len(pairs):
        raise _Twice


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not of JSON")


# Numbers are not made: the library takes time for one of many digits that grows with their square.
_scan: Final = JSONDecoder(object_pairs_hook=_unique, parse_int=len, parse_float=len).decode
_read: Final = JSONDecoder(
    object_pairs_hook=_Object, parse_int=len, parse_float=len, parse_constant=_no_constant
).decode


def check_names(data: bytes) -> None:
    """Raises `InvalidRequest` at the path of a name that stands twice in one object of a JSON text.

    Of such names decoding takes the last, and other programs another (RFC 8259, section 4).
    """
    try:
        _scan(data.decode())
    except _Twice:
        text = _read(data.decode())
        path = next(path for path, pairs in _objects(text) for path in _repeated(path, pairs))
        raise InvalidRequest.at(path, "stands there twice") from None
    except RecursionError:
        raise InvalidRequest.at("", "the body is nested too deeply") from None


def not_decoded(data: bytes) -> InvalidRequest:
    """Why a text could not be decoded: it is no JSON, or which field has what no text may have."""
    try:
        text = _read(data.decode())
    except RecursionError:
        return InvalidRequest.at("", "the body is nested too deeply")
    except ValueError:
        return InvalidRequest.at("", "the body is not valid JSON")
    for path, value in _walk(text):
        if isinstance(value, str) and _is_broken(value):
            return InvalidRequest.at(path, "holds half of a surrogate pair, which is no character")
        if isinstance(value, _Object) and any(_is_broken(name) for name, _ in value):
            return InvalidRequest.at(path, "has a name with half of a surrogate pair, which is no character")
    return InvalidRequest.at("", "the body holds what this gateway can't read")


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _repeated(path: str, pairs: _Object) -> Iterator[str]:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            yield _under(path, name)
        seen.add(name)


def _objects(text: object) -> Iterator[tuple[str, _Object]]:
    return ((path, value) for path, value in _walk(text) if isinstance(value, _Object))


def _walk(text: object) -> Iterator[tuple[str, object]]:
    """Every value with its path, an outer one before those within, in their order."""
    waiting: list[tuple[str, object]] = [("", text)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, _Object):
            waiting += [(_under(path, name), inner) for name, inner in reversed(value)]
        elif isinstance(value, list):
            waiting += [(f"{path}[{at}]"[:_MAX_PATH], value[at]) for at in range(len(value) - 1, -1, -1)]


def _under(path: str, name: str) -> str:
    return f"{path}.{name[:_MAX_PATH]}".removeprefix(".")[:_MAX_PATH]
