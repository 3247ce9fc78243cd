"""The ports to what is kept: cached replies, signatures, quotas, clients, and the records of requests."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, Registration
from llm_gateway.domain.quota import Charge, Decision, ReservationId
from llm_gateway.domain.signature_key import SignatureKey

from ..records import RequestId, RequestRecord


class ReplyCache(Protocol):
    """Port: stored replies, as opaque bytes by key.

    Never raises for its own failures: one to read is a miss, one to write is ignored.
    """

    @abstractmethod
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        """The entries that are there and have not expired."""
        ...

    def begin(self, keys: Sequence[CacheKey]) -> Awaitable[Mapping[CacheKey, bytes]]:
        """`get`, under way when this returns: to be awaited once, or left.

        One that asks over a connection does well to send here, beside whatever is sent in the same turn of the loop.
        """
        return asyncio.ensure_future(self.get(keys))

    @abstractmethod
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        """Keep an entry for `ttl` at most; an implementation may keep it shorter, or refuse a large one."""
        ...


class SignatureStore(Protocol):
    """Port: what providers gave with their tool calls and want back, as opaque bytes by key. Bounded, and expiring.

    Never raises for its own failures: what can't be read is not there, what can't be written is lost. One that leaves
    the process bounds how long it is waited for, to a fraction of a second.
    """

    @abstractmethod
    async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
        """The entries that are there and have not expired."""
        ...

    @abstractmethod
    async def put(self, key: SignatureKey, entry: bytes) -> None:
        """Keep an entry for the store's own time at most; one may keep it shorter, or refuse a large one."""
        ...


class RateLimiter(Protocol):
    """Port: the clients' quotas, by the rules of `domain.quota_account.QuotaAccount`. A charge is taken whole or not.

    Idempotent by the reservation's id while the reservation lives. Raises `LimiterUnavailable` where policy says so.
    """

    @abstractmethod
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        """Charge a client: all of it, or nothing if the decision does not allow it."""
        ...

    @abstractmethod
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        """Keep a client's reservations from expiring: one, or many at once."""
        ...

    @abstractmethod
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        """End a reservation with the tokens that were used. Again, or for one that is gone: nothing."""
        ...

    @abstractmethod
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        """Charge what the client used elsewhere, whatever it has left; below 0 it comes back. Again: nothing."""
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


MAX_LISTED: Final = 50
"""As many of a client's records are listed."""


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

    @abstractmethod
    async def latest(self, client: ClientId, count: int) -> Sequence[RequestRecord]:
        """This client's own latest records, the newest first: `count` and `MAX_LISTED` at most.

        What other gateways kept may follow a few seconds later. None where they can't be looked up.
        """
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
