"""The ports to time and chance."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Alarm(Protocol):
    """A callback that waits for its time."""

    @abstractmethod
    def cancel(self) -> None:
        """It is not called any more. Calling this twice, or after it was called, does nothing."""
        ...


class Clock(Protocol):
    """Port: the time, in seconds."""

    @abstractmethod
    def monotonic(self) -> float:
        """The monotonic clock, whose zero means nothing."""
        ...

    @abstractmethod
    def now(self) -> float:
        """Since the Unix epoch."""
        ...

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        ...

    @abstractmethod
    def timeout_at(self, when: float) -> AbstractAsyncContextManager[object]:
        """Raises `TimeoutError` out of its block once `monotonic()` reaches `when`."""
        ...

    @abstractmethod
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Call back in a later turn of the running loop, once `monotonic()` has about reached `when`."""
        ...


class Entropy(Protocol):
    """Port: random numbers and identifiers."""

    @abstractmethod
    def fraction(self) -> float:
        """Uniform in [0, 1)."""
        ...

    @abstractmethod
    def new_id(self) -> str:
        """At least 122 random bits, in 32 to 36 characters that are safe in a header and a URL."""
        ...
