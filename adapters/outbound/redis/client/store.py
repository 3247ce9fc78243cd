"""A store, as the ports' adapters use it: one command, one reply, measured; or a script by its digest."""

import asyncio
import logging
from functools import partial
from hashlib import sha1

from msgspec import structs
from typing_extensions import override

from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.application.ports.stores import SharedStore
from llm_gateway.application.ports.system import Clock

from .address import Credentials, parse_address
from .cluster import Cluster
from .command_pipe import RedisReply, packed
from .failures import StoreAway, StoreError, StoreRefused
from .sentinels import Sentinels
from .server import CALL_SECONDS, RedisServer

TELL_SECONDS = 60.0
"""How often the log has the same refusal."""
_PING = packed("PING")

log = logging.getLogger("llm_gateway.redis")


class LuaScript:
    """Lua that is sent once to each server, and asked for by its digest from then on."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.digest = sha1(body.encode(), usedforsecurity=False).hexdigest()


class Store(SharedStore):
    """Calls that are made in one turn of the event loop go to their server in one write.

    A call waits `CALL_SECONDS`, and is never made twice. Everything raises `StoreAway` where there was no answer,
    which leaves open whether the command was carried out, and `StoreRefused` where the server answered with an error.
    """

    def __init__(self, name: str, route: RedisServer | Cluster, clock: Clock, meter: StoreMeter) -> None:
        self._name = name
        self._route = route
        self._clock = clock
        self._meter = meter
        self._told: dict[str, float] = {}

    @property
    @override
    def name(self) -> str:
        return self._name

    @property
    def has_one_server(self) -> bool:
        """Whether a command may touch any keys at all: a Cluster has them on several servers."""
        return isinstance(self._route, RedisServer)

    async def call(self, operation: str, key: bytes, *command: str | bytes | int) -> RedisReply:
        """`key` is one that the command touches: on a Cluster, all of them have to be in its slot.

        `operation` is what the call is for, one of a few constants, for the metrics.
        """
        began = self._clock.monotonic()
        try:
            reply = await self._route.call(key, packed(*command))
        except StoreError as error:
            self._ended(operation, began, error)
            raise
        self._ended(operation, began, None)
        return reply

    def start(self, operation: str, key: bytes, *command: str | bytes | int) -> "asyncio.Future[RedisReply]":
        """The same, begun before this returns, and sent where there is a connection. The reply may be left unread.

        Raises `StoreAway` where the server is not asked.
        """
        began = self._clock.monotonic()
        try:
            reply = self._route.start(key, packed(*command))
        except StoreError as error:
            self._ended(operation, began, error)
            raise
        reply.add_done_callback(partial(self._answered, operation, began))
        return reply

    async def run(
        self, operation: str, script: LuaScript, keys: tuple[bytes, ...], *args: str | bytes | int
    ) -> RedisReply:
        """A script, sent whole where the server does not have it: then, and only then, it was not carried out."""
        try:
            return await self.call(operation, keys[0], "EVALSHA", script.digest, len(keys), *keys, *args)
        except StoreRefused as error:
            if error.code != "NOSCRIPT":
                raise
        return await self.call(operation, keys[0], "EVAL", script.body, len(keys), *keys, *args)

    @override
    async def trouble(self) -> str | None:
        pings = (server.call(b"", _PING) for server in self._route.servers())
        answers = await asyncio.gather(*pings, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, StoreError):
                return str(answer)
            if isinstance(answer, BaseException):
                raise answer
        return None

    def _answered(self, operation: str, began: float, reply: "asyncio.Future[RedisReply]") -> None:
        if not reply.cancelled():
            self._ended(operation, began, reply.exception())

    def _ended(self, operation: str, began: float, error: BaseException | None) -> None:
        self._meter.called(operation, self._clock.monotonic() - began, error is not None)
        if isinstance(error, StoreRefused) and error.code != "NOSCRIPT":
            self._tell(operation, error.code)

    def _tell(self, operation: str, code: str) -> None:
        """A server that is full, or forbids a command, is not away: only the log says why its gateways go without."""
        now = self._clock.monotonic()
        if now >= self._told.get(operation, now):
            self._told[operation] = now + TELL_SECONDS
            log.warning("Redis refuses what '%s' asks: %s", operation, code)

    async def aclose(self) -> None:
        await self._route.aclose()


def open_store(
    name: str,
    url: str,
    clock: Clock,
    meter: StoreMeter,
    *,
    patience: float = CALL_SECONDS,
    credentials: Credentials | None = None,
) -> Store:
    """Connects when it is first used. To be called in the event loop that will use it. Raises `ValueError`.

    `patience` is what a call waits, in seconds. `credentials` are asked for at each connection, instead of the URL's.
    """
    address = structs.replace(parse_address(url), credentials=credentials)
    if address.cluster:
        return Store(name, Cluster(address, clock, patience), clock, meter)
    find = None if address.service is None else Sentinels(address, address.service).master
    return Store(name, RedisServer(address.nodes[0], address, clock, patience, find), clock, meter)


__all__ = ["LuaScript", "RedisReply", "Store", "StoreAway", "StoreError", "StoreRefused", "open_store"]
