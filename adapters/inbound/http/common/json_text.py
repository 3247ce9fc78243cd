"""What a JSON text holds that decoding by types does not tell: a name that stands twice, and what can't be decoded.

Read by the standard library's decoder, which gives every object as its pairs.
"""

from collections.abc import Iterator, Sequence
from json import JSONDecoder
from typing import Any, Final, NoReturn

from llm_gateway.domain.errors import InvalidRequest

from .faults import MAX_PATH


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
_scan: Final = JSONDecoder(object_pairs_hook=_unique, parse_int=len, parse_float=len).raw_decode
_read: Final = JSONDecoder(
    object_pairs_hook=_Object, parse_int=len, parse_float=len, parse_constant=_no_constant
).decode


def check_names(data: bytes) -> None:
    """Raises `InvalidRequest` at the path of a name that stands twice in one object of a JSON text.

    Of such names decoding takes the last, and other programs another (RFC 8259, section 4).
    """
    try:
        _scan(data.decode().lstrip())
    except _Twice:
        text = _read(data.decode())
        path = next(path for steps, value in _walk(text) for path in _repeated(steps, value))
        raise InvalidRequest.at(path, "stands there twice") from None
    except (RecursionError, ValueError):
        raise not_decoded(data) from None


def not_decoded(data: bytes) -> InvalidRequest:
    """Why a text could not be decoded: it is no JSON, or which field has what no text may have."""
    try:
        text = _read(data.decode())
    except RecursionError:
        return InvalidRequest.at("", "the body is nested too deeply")
    except ValueError:
        return InvalidRequest.at("", "the body is not valid JSON")
    for steps, value in _walk(text):
        if isinstance(value, str) and _is_broken(value):
            return InvalidRequest.at(_path(steps), "holds half of a surrogate pair, which is no character")
        if isinstance(value, _Object) and any(_is_broken(name) for name, _ in value):
            return InvalidRequest.at(_path(steps), "has a name with half of a surrogate pair, which is no character")
    return InvalidRequest.at("", "the body holds what this gateway can't read")


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _repeated(steps: Sequence[str | int], value: object) -> Iterator[str]:
    seen: set[str] = set()
    for name, _ in value if isinstance(value, _Object) else ():
        if name in seen:
            yield _path((*steps, name))
        seen.add(name)


def _walk(text: object) -> Iterator[tuple[Sequence[str | int], object]]:
    """Every object, list and text with the steps to it, an outer one before those within, in their order.

    The steps, from one to the text as a whole on, are good until the next. Nothing is kept for each item: a body may
    hold millions.
    """
    steps: list[str | int] = []
    open_ones: list[Iterator[tuple[str | int, object]]] = [iter([("", text)])]
    while open_ones:
        for step, value in open_ones[-1]:
            if isinstance(value, str | list):
                steps.append(step)
                yield steps, value
                if not isinstance(value, str):
                    open_ones.append(iter(value) if isinstance(value, _Object) else enumerate(value))
                    break
                steps.pop()
        else:
            open_ones.pop()
            del steps[-1:]


def _path(steps: Sequence[str | int]) -> str:
    written = (f"[{step}]" if isinstance(step, int) else f".{step[:MAX_PATH]}" for step in steps[1:])
    return "".join(written).removeprefix(".")[:MAX_PATH]
