"""The ports to what watches: observers, meters and the access log. None sees content."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

from llm_gateway.domain.quota import LimiterMode
from llm_gateway.domain.routing import Endpoint, Task

from ..records import AttemptRecord, RequestId, RequestRecord, TraceIds


class CallObservation(Protocol):
    """One call to one endpoint, as an observer sees it."""

    @property
    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """The trace context to send along."""
        ...

    @abstractmethod
    def end(self, record: AttemptRecord) -> None:
        """Exactly once, also after the request's own record was ended."""
        ...


class Observation(Protocol):
    """One request, as an observer sees it. `trace` are the ids of its span, where one is recorded."""

    trace: TraceIds | None = None

    @abstractmethod
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        """A call to an endpoint begins."""
        ...

    @abstractmethod
    def end(self, record: RequestRecord) -> None:
        """Exactly once, however the request ended."""
        ...


class Observer(Protocol):
    """Port: sees every request and each of its calls, without content. Never raises, never waits."""

    @abstractmethod
    def begin(self, request: RequestId, headers: Mapping[str, str], task: Task = Task.CHAT) -> Observation:
        """`headers` are the request's own, in lower case, for the trace context they may carry."""
        ...


class TrafficMeter(Protocol):
    """Port: counts the HTTP requests that a server answers, however each ended. Never raises, never waits."""

    @abstractmethod
    def began(self) -> None:
        """A request has come."""
        ...

    @abstractmethod
    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is one of the server's own paths, and `status` 499 for a client that left before the end."""
        ...


class AccessLog(Protocol):
    """Writes a line for each request that a server answered. Never raises, never waits."""

    @abstractmethod
    def answered(
        self, request: RequestId, method: str, route: str, status: int, seconds: float, record: RequestRecord | None
    ) -> None:
        """As for `TrafficMeter`; `record` is there where the request was a chat or an embedding."""
        ...


class QueueMeter(Protocol):
    """Counts how long calls wait for their turn, where calls wait. Never raises, never waits."""

    @abstractmethod
    def waited(self, provider: str, seconds: float) -> None:
        """Also for a call that gave up."""
        ...


class StoreMeter(Protocol):
    """Port: counts the calls to shared stores, and how charges were decided. Never raises, never waits."""

    @abstractmethod
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        """`operation` is one of a few words that the code has, such as `take` or `get`."""
        ...

    @abstractmethod
    def usable(self, store: str, usable: bool) -> None:
        """Whether a store, by its name, does what it is asked; told when it is first known, and when it changes."""
        ...

    @abstractmethod
    def limiter(self, mode: LimiterMode) -> None:
        """How one charge was decided on."""
        ...
