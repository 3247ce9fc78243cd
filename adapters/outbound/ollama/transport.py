"""The way to one Ollama server, whichever library carries it."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Final, Protocol, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from llm_gateway.application.ports.system import Clock

T = TypeVar("T")

MAX_LOOK_BYTES: Final = 16 << 20
"""Of what the server tells of itself and its models."""


class ServerAnswer(Protocol):
    """One on its way: of many parts, or whole as one part. Nothing is sent before the first is waited for.

    Times are on the clock, and a wait that ends raises `TimeoutError`. The next ends at `first_by` or, where that is
    None, as it is after each, after `idle` seconds, and at `until`, which moves on by the time between two waits: the
    reader's time is not the model's. At first neither of the two ends one.
    """

    first_by: float | None
    until: float
    idle: float

    @property
    @abstractmethod
    def size(self) -> int:
        """The bytes that came so far."""
        ...

    @property
    @abstractmethod
    def due(self) -> float:
        """When the latest wait was to end."""
        ...

    @abstractmethod
    async def next(self) -> Sequence[bytes] | None:
        """The parts that came together, in JSON. None after the last."""
        ...

    @abstractmethod
    def move(self, first_by: float) -> None:
        """The wait that is going on ends then."""
        ...

    @abstractmethod
    async def drain(self, seconds: float) -> None:
        """What may follow the last part, so that the connection can serve again; its failures don't matter."""
        ...

    @abstractmethod
    async def aclose(self) -> None:
        """Ends the call. To be called in any case."""
        ...


def parts_of(texts: Sequence[bytes] | None, decoder: Decoder[T]) -> Iterable[T] | None:
    """The parts, read as they are gone through. Their texts stand in no variable that a traceback could show."""
    return None if texts is None else map(decoder.decode, texts)


async def whole(answer: ServerAnswer) -> bytes:
    """The one part of an answer that is not streamed, which is closed."""
    async with aclosing(answer):
        (part,) = await answer.next() or ()
    return part


class OllamaTransport(Protocol):
    """Port. What is asked raises the errors of `vendor_http`, `TimeoutError`, `ReportedError` where the server reports
    an error instead of a part, and of a look what reading it raises.
    """

    @abstractmethod
    def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], *, streamed: bool, first_by: float
    ) -> ServerAnswer:
        """Of a model. `headers` go out beside those of every call."""
        ...

    @abstractmethod
    async def look(self, path: str, read: Callable[[bytes], T], *, body: bytes | None = None, until: float) -> T:
        """What the server tells of itself and its models: asked by GET where there is no body."""
        ...

    @abstractmethod
    async def aclose(self) -> None: ...


class ServerAccess(Struct, frozen=True, kw_only=True):
    """How one server is asked. `guarded`: at loopback and private addresses only. `max_body_bytes` bounds an answer,
    streamed or not.
    """

    base_url: str
    guarded: bool
    api_key: str | None
    max_body_bytes: int
    connect_seconds: float


Connect: TypeAlias = Callable[[ServerAccess, Clock], OllamaTransport]
"""Makes a transport inside the event loop that will use it. Raises `BadAddress`."""
