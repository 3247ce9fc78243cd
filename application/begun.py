"""What is under way, to be awaited once, or left without a complaint."""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class Begun(Awaitable[T]):
    """`end` makes what is awaited: where nobody awaits it, nothing is made."""

    def __init__(self, end: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._end = end

    @override
    def __await__(self) -> Generator[Any, Any, T]:
        return self._end().__await__()
