"""What a free JSON value may be, so that it can be passed on, stored and compared: bounded depth, plain numbers."""

from collections.abc import Sequence
from math import isfinite

MAX_DEPTH = 64


def json_fault(value: object, depth: int = 0) -> str | None:
    """Why a decoded JSON value is not taken, or None."""
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} deep"
    match value:
        case bool() | str() | None:
            return None
        case int():
            return None if -(2**63) <= value < 2**64 else "holds a number of more than 64 bits"
        case float():
            return None if isfinite(value) else "holds a number that is not finite"
        case dict():
            inner: Sequence[object] = tuple(value.values())
            if not all(isinstance(key, str) for key in value):
                return "holds a key that is not a string"
        case list() | tuple():
            inner = value
        case _:
            return "holds something that JSON has no word for"
    return next((fault for item in inner if (fault := json_fault(item, depth + 1)) is not None), None)
