"""The way to one Ollama server, whichever library carries it."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from llm_gateway.application.ports.system import Clock

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_LOOK_BYTES: Final = 16 << 20
"""Of what the server tells of itself and its models."""


class ServerAnswer(Protocol, Generic[T_co]):
    """One on its way: of many parts, or whole as one part. Nothing is sent before the first is waited for.

    `due`: when the next wait ends on the clock, with `TimeoutError`.
    """

    due: float

    @property
    @abstractmethod
    def size(self) -> int:
        """The bytes of the parts that came last."""
        ...

    @abstractmethod
    async def next(self) -> Iterable[T_co] | None:
        """The parts that came together, read as they are gone through, which may raise too. None after the last."""
        ...

    @abstractmethod
    def move(self, due: float) -> None:
        """The wait that is going on ends at another time."""
        ...

    @abstractmethod
    async def drain(self, seconds: float) -> None:
        """What may follow the last part, so that the connection can serve again; its failures don't matter."""
        ...

    @abstractmethod
    async def aclose(self) -> None:
        """Ends the call. To be called in any case."""
        ...


class OllamaTransport(Protocol):
    """Port. What is asked raises the errors of `vendor_http`, `TimeoutError`, `ReportedError` where the server reports
    an error instead of a part, and `ValueError` or `RecursionError` where the decoder can't read what it sends.
    """

    @abstractmethod
    def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], decoder: Decoder[T], *, streamed: bool, due: float
    ) -> ServerAnswer[T]:
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
