"""Quotas that every gateway counts together, by a script that does what `domain.quota_account.QuotaAccount` says."""

from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from urllib.parse import quote

from msgspec import msgpack
from typing_extensions import override

from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import (
    CONCURRENCY_WAIT_MS,
    DEBT_FLOOR,
    LEASE_MS,
    Bucket,
    Charge,
    Decision,
    Levels,
    Quota,
    ReservationId,
)

from .client.store import LuaScript, RedisReply, Store, StoreError, StoreUnheard

VERSION = 1
"""Of the keys' meaning. Raised together with any change to it: gateways of two versions then count apart."""
KNOWN_CLIENTS = 4096
AT_ONCE = 256
"""Reservations that one command renews: more would hold up the commands behind it."""
TRY_AGAIN = timedelta(seconds=1)
"""As often as a server that is away is tried."""

TAKE_RATES = LuaScript(files(__package__).joinpath("rate_limiter.lua").read_text(), (int, int, int, int))


class RedisRateLimiter(RateLimiter):
    """On the server's own clock. A client whose quota changed begins anew: the quota is part of the keys' names.

    Where the store does not answer, or not in time, `LimiterUnavailable` is raised and the charge is not repeated: it
    may have been taken. A settlement is quick to give up, as it can be made again.
    """

    def __init__(self, store: Store, script: LuaScript = TAKE_RATES) -> None:
        self._store = store
        self._script = script
        self._account = lru_cache(KNOWN_CLIENTS)(_account)

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        requests, tokens = client.quota.cost(charge)
        wait_ms, left, tokens_left, leases = await self._run(
            "take", client, (reservation,), requests, tokens, int(charge.lease)
        )
        return client.quota.decision(Levels(requests=left, tokens=tokens_left, leases=leases), wait_ms=wait_ms)

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        for begin in range(0, len(reservations), AT_ONCE):
            await self._run("renew", client, reservations[begin : begin + AT_ONCE])

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        bucket = client.quota.tokens
        await self._run("settle", client, (reservation,), bucket.parts(tokens) if bucket else 0, quick=True)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._run("spend", client, (reservation,), *client.quota.spent(requests, tokens))

    async def _run(
        self, verb: str, client: Client, reservations: tuple[ReservationId, ...], *numbers: int, quick: bool = False
    ) -> RedisReply:
        name, quota = self._account(client.id, client.quota)
        keys = (name, name + b":leases", *[name + b":held:" + one.encode() for one in reservations])
        try:
            return await self._store.run(verb, self._script, keys, verb, *quota, *numbers, quick=quick)
        except StoreError as error:
            raise LimiterUnavailable(
                "The quotas can't be looked up at the moment.",
                retry_after=TRY_AGAIN,
                doubtful=isinstance(error, StoreUnheard),
            ) from error


def _account(client: ClientId, quota: Quota) -> tuple[bytes, tuple[bytes, ...]]:
    """What is the same in every call for a client: the name that its keys begin with, and the quota's numbers.

    The client's name is in the braces of a hash tag, with everything encoded that could end them.
    """
    digest = blake2b(msgpack.encode(quota), digest_size=8).hexdigest()
    name = f"llm-gateway:quota:{VERSION}:{{client={quote(client, safe='')}}}:{digest}".encode()
    concurrency = -1 if quota.concurrency is None else quota.concurrency
    limits = (*_numbers(quota.requests), *_numbers(quota.tokens), concurrency)
    return name, tuple(b"%d" % number for number in (LEASE_MS, DEBT_FLOOR, CONCURRENCY_WAIT_MS, *limits))


def _numbers(bucket: Bucket | None) -> tuple[int, int]:
    return (bucket.full, bucket.per_ms) if bucket else (0, 1)
