"""What a free JSON value may be, so that it can be passed on, stored and compared: bounded depth, plain numbers."""

from collections.abc import Collection
from math import isfinite

MAX_DEPTH = 64
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_SOUND = frozenset((str, bool, type(None)))
_CONTAINERS = frozenset((dict, list))


def json_fault(value: object, depth: int = 0) -> str | None:
    """Why a decoded JSON value is not taken, or None."""
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} deep"
    match value:
        case bool() | str() | None:
            return None
        case int():
            return None if _LOWEST <= value <= _HIGHEST else "holds a number of more than 64 bits"
        case float():
            return None if isfinite(value) else "holds a number that is not finite"
        case dict():
            if not all(isinstance(key, str) for key in value):
                return "holds a key that is not a string"
            return _fault_among(value.values(), depth + 1)
        case list() | tuple():
            return _fault_among(value, depth + 1)
        case _:
            return "holds something that JSON has no word for"


def _fault_among(values: Collection[object], depth: int) -> str | None:
    """There may be hundreds of thousands: what is plain is told by its type, without a call."""
    for value in values:
        kind = type(value)
        if depth <= MAX_DEPTH and (
            kind in _SOUND or (kind in _CONTAINERS and not value) or (kind is int and _LOWEST <= value <= _HIGHEST)  # type: ignore[operator]
        ):
            continue
        fault = json_fault(value, depth)
        if fault is not None:
            return fault
    return None
