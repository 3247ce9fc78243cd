"""What follows from a request alone, worked out once for each, however many ask for it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

R = TypeVar("R")
T = TypeVar("T")


def once_each(function: Callable[[R], T]) -> Callable[[R], T]:
    """A pure function of a Struct with `dict=True`, which keeps what was worked out of it. A failure is not kept.

    What is worked out ahead, in a thread, is no work for the event loop any more.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def kept(value: R) -> T:
        known: dict[str, Any] = value.__dict__
        if name in known:
            found: T = known[name]
            return found
        made = known[name] = function(value)
        return made

    return kept
