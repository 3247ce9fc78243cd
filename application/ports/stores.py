"""The ports to what is kept: cached replies, quotas, clients, and the records of requests."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, Registration
from llm_gateway.domain.quota import Charge, Decision, ReservationId

from ..records import RequestId, RequestRecord


class ReplyCache(Protocol):
    """Opaque entries by key. Never raises for its own troubles: a failure to read is a miss, to write is nothing."""

    @abstractmethod
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        """The entries that are there and have not expired."""
        ...

    @abstractmethod
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        """Keep an entry for `ttl` at most; an implementation may keep it shorter, or refuse a large one."""
        ...


class RateLimiter(Protocol):
    """The clients' quotas, by the rules of `domain.quota_account.QuotaAccount`: all of a charge or none of it.

    Idempotent by the reservation's id while the reservation lives. Raises `LimiterUnavailable` where policy says so.
    """

    @abstractmethod
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision: ...

    @abstractmethod
    async def renew(self, client: Client, reservation: ReservationId) -> None:
        """Keep a reservation from expiring."""
        ...

    @abstractmethod
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        """End a reservation with the tokens that were used. Again, or for one that is gone: nothing."""
        ...


class ClientDirectory(Protocol):
    """Who may ask. Raises `DirectoryUnavailable` where it can't say; None means that there is no such key."""

    @abstractmethod
    async def find(self, digest: ApiKeyDigest) -> Client | None: ...


class ClientRegistry(Protocol):
    """The clients that are kept beside the settings: what a `ClientDirectory` finds, and the command changes.

    Every method raises `DirectoryUnavailable` where it can't say.
    """

    @abstractmethod
    async def all(self) -> Sequence[Registration]:
        """By the clients' ids."""
        ...

    @abstractmethod
    async def get(self, id: ClientId) -> Registration | None: ...

    @abstractmethod
    async def replace(self, id: ClientId, old: Registration | None, new: Registration | None) -> bool:
        """Make a client's registration `new`, if it still is `old`: with all the keys that lead to it, or nothing.

        False where it was no longer `old`. None is no registration.
        """
        ...


class RequestLog(Protocol):
    """What became of the latest requests, for a bounded time and in a bounded number. Never raises."""

    @abstractmethod
    def put(self, record: RequestRecord) -> None:
        """Kept soon, under its client and its id; the latest of an id wins. Never waits; without a client: nothing."""
        ...

    @abstractmethod
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        """Of this client's own requests; None also where it can't be looked up."""
        ...


class SharedStore(Protocol):
    """A server that gateways share, and that each of them can do without for a while."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    async def trouble(self) -> str | None:
        """Why it can't be used now; None where it answers. Waits a fraction of a second, and never raises."""
        ...
