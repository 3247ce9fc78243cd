"""What the use cases need of the outside, by role. Each docstring says what holds for every implementation."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, Registration
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.quota import Charge, Decision, LimiterMode, ReservationId
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointState

from .records import AttemptRecord, RequestId, RequestRecord


class ChatModel(Protocol):
    """Port: the chat models of one provider. One call gives one answer, without retries and without fallback.

    The events are `Started`, then deltas, then exactly one `Finished`. `Started` comes only with the vendor's first
    content or its terminal mark; a stream that ends without that mark raises `ProviderBroken`. For `Grain.WHOLE` each
    kind of content is one delta. Raises only `ProviderError`: past the deadline `ProviderTimeout`, and past
    `deadline.first` for a stream that has not started. The deadline's clock runs only while the model is waited for,
    never while the reader takes its time or a cold model is loaded. Closing the generator, or cancelling the task that
    waits in it, ends the call to the vendor before it returns.
    """

    @abstractmethod
    def events(
        self,
        to: Endpoint,
        request: ChatRequest,
        *,
        grain: Grain,
        deadline: Deadline,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[ChatEvent, None]:
        """`headers` carry the trace context on to the vendor; none holds content."""
        ...


class EmbeddingModel(Protocol):
    """Port: the embedding models of one provider. One call gives one answer, without retries and without fallback.

    The answer has a vector for each input, all of one length and of finite numbers, of length `dimensions` if that is
    given; `domain.embedding.check_vectors` checks this. Raises only `ProviderError`, past the deadline
    `ProviderTimeout`. Cancelling the task that waits ends the call to the vendor before it returns.
    """

    @abstractmethod
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        """`headers` carry the trace context on to the vendor; none holds content."""
        ...


class EndpointDirectory(Protocol):
    """Port: the known endpoints and their state. Never waits: it is kept up to date in the background."""

    @abstractmethod
    def snapshot(self) -> Sequence[EndpointState]:
        """Every known endpoint, also the ones that can't answer now, in a stable order."""
        ...


class ReplyCache(Protocol):
    """Port: stored replies, as opaque bytes by key.

    Never raises for its own failures: one to read is a miss, one to write is ignored.
    """

    @abstractmethod
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        """The entries that are there and have not expired."""
        ...

    @abstractmethod
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        """Keep an entry for `ttl` at most; an implementation may keep it shorter, or refuse a large one."""
        ...


class RateLimiter(Protocol):
    """Port: the clients' quotas, by the rules of `domain.account.Account`. A charge is taken whole or not at all.

    Idempotent by the reservation's id while the reservation lives. Raises `LimiterUnavailable` where policy says so.
    """

    @abstractmethod
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        """Charge a client: all of it, or nothing if the decision does not allow it."""
        ...

    @abstractmethod
    async def renew(self, client: Client, reservation: ReservationId) -> None:
        """Keep a reservation from expiring."""
        ...

    @abstractmethod
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        """End a reservation with the tokens that were used. Again, or for one that is gone: nothing."""
        ...


class ClientDirectory(Protocol):
    """Port: the clients by the digests of their keys.

    Raises `DirectoryUnavailable` where the directory can't be read.
    """

    @abstractmethod
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        """The client of this key; None if there is no such key."""
        ...


class ClientRegistry(Protocol):
    """Port: the clients that are kept beside the settings, with their live keys.

    Every method raises `DirectoryUnavailable` where the registry can't be reached.
    """

    @abstractmethod
    async def all(self) -> Sequence[Registration]:
        """By the clients' ids."""
        ...

    @abstractmethod
    async def get(self, id: ClientId) -> Registration | None:
        """The client's registration; None if there is none."""
        ...

    @abstractmethod
    async def replace(self, id: ClientId, old: Registration | None, new: Registration | None) -> bool:
        """Make a client's registration `new`, if it still is `old`: with all the keys that lead to it, or nothing.

        False where it was no longer `old`. None is no registration.
        """
        ...


class Attempt(Protocol):
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
    """One request, as an observer sees it."""

    @abstractmethod
    def attempt(self, endpoint: Endpoint) -> Attempt:
        """A call to an endpoint begins."""
        ...

    @abstractmethod
    def end(self, record: RequestRecord) -> None:
        """Exactly once, however the request ended."""
        ...


class Observer(Protocol):
    """Port: sees every request and each of its calls, without content. Never raises, never waits."""

    @abstractmethod
    def begin(self, request: RequestId, headers: Mapping[str, str]) -> Observation:
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


class RequestLog(Protocol):
    """Port: the records of the latest requests, bounded in time and number. Never raises."""

    @abstractmethod
    def put(self, record: RequestRecord) -> None:
        """Kept soon, under its client and its id; the latest of an id wins. Never waits; without a client: nothing."""
        ...

    @abstractmethod
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        """Of this client's own requests; None also where it can't be looked up."""
        ...


class SharedStore(Protocol):
    """Port: a server that several gateways share, and that each can do without for a while."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The store's name, in readiness reports and metrics."""
        ...

    @abstractmethod
    async def trouble(self) -> str | None:
        """Why it can't be used now; None where it answers. Waits a fraction of a second, and never raises."""
        ...


class StoreMeter(Protocol):
    """Port: counts the calls to shared stores, and how charges were decided. Never raises, never waits."""

    @abstractmethod
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        """`operation` is one of a few words that the code has, such as `take` or `get`."""
        ...

    @abstractmethod
    def limiter(self, mode: LimiterMode) -> None:
        """How one charge was decided on."""
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
