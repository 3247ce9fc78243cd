"""A store, as the ports' adapters use it: one command, one reply, measured; or a script by its digest."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import NoneType

from msgspec import structs
from typing_extensions import override

from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.application.ports.stores import SharedStore
from llm_gateway.application.ports.system import Clock

from .address import RedisCredentials, parse_address
from .cluster import Cluster
from .command_pipe import RedisReply, packed
from .failures import StoreAway, StoreError, StoreOdd, StoreRefused, StoreUnheard
from .script import LuaScript
from .sentinels import Sentinels
from .server import CALL_SECONDS, LOOK_UP_SECONDS, RedisServer
from .standing import Standing, passed, trial

TELL_SECONDS = 60.0
"""How often the log has the same refusal."""
LOOK_SECONDS = 5.0
"""How often a store that can't be used is tried where nobody asks, so that what is told of it stays true."""
ANSWERS: Mapping[str | bytes | int, tuple[type, ...]] = {
    "DEL": (int,),
    "GET": (bytes, NoneType),
    "HGET": (bytes, NoneType),
    "HVALS": (list,),
    "LRANGE": (list,),
    "MGET": (list,),
    "SET": (bytes,),
}
"""What a command may be answered with; any other command with anything."""

log = logging.getLogger("llm_gateway.redis")


class Store(SharedStore):
    """Calls that are made in one turn of the event loop go to their server in one write.

    A call waits `CALL_SECONDS`, a quick one `LOOK_UP_SECONDS`, and is never made twice. Everything raises `StoreAway`
    where the server is away, and `StoreRefused` where it answered with an error.
    """

    def __init__(self, name: str, route: RedisServer | Cluster, clock: Clock, meter: StoreMeter) -> None:
        self._name = name
        self._route = route
        self._ask: Callable[[bytes, bytes, bool], Awaitable[RedisReply]] = (
            route.start if isinstance(route, RedisServer) else route.call  # a future, where there is one: no coroutine
        )
        self._clock = clock
        self._meter = meter
        self._standing = Standing(name, meter)
        self._told: dict[str, float] = {}
        self._next_look: asyncio.TimerHandle | None = None
        self._look: asyncio.Task[str | None] | None = None

    @property
    @override
    def name(self) -> str:
        return self._name

    @property
    def has_one_server(self) -> bool:
        """Whether a command may touch any keys at all: a Cluster has them on several servers."""
        return isinstance(self._route, RedisServer)

    async def call(self, operation: str, key: bytes, *command: str | bytes | int, quick: bool = False) -> RedisReply:
        """`key` is one that the command touches: on a Cluster, all of them have to be in its slot.

        `operation` is what the call is for, one of a few constants, for the metrics. `quick` is for what is easily
        done without.
        """
        began = self._clock.monotonic()
        try:
            reply = await self._ask(key, packed(*command), quick)
            if not isinstance(reply, ANSWERS.get(command[0], object)):
                raise StoreOdd
        except StoreError as error:
            self._ended(operation, began, error)
            raise
        self._ended(operation, began, None)
        return reply

    def start(
        self, operation: str, key: bytes, *command: str | bytes | int, quick: bool = False
    ) -> "asyncio.Future[RedisReply]":
        """The same, begun before this returns, and sent where there is a connection. The reply may be left unread.

        Raises `StoreAway` where the server is not asked. A reply of another type is counted as a failure, and given.
        """
        began = self._clock.monotonic()
        try:
            reply = self._route.start(key, packed(*command), quick)
        except StoreError as error:
            self._ended(operation, began, error)
            raise
        reply.add_done_callback(partial(self._answered, operation, began, ANSWERS.get(command[0], object)))
        return reply

    async def run(
        self, operation: str, script: LuaScript, keys: tuple[bytes, ...], *args: str | bytes | int, quick: bool = False
    ) -> RedisReply:
        """A script, sent whole where the server does not have it: then, and only then, it was not carried out."""
        try:
            reply = await self.call(operation, keys[0], "EVALSHA", script.digest, len(keys), *keys, *args, quick=quick)
        except StoreRefused as error:
            if error.code != "NOSCRIPT":
                raise
            reply = await self.call(operation, keys[0], "EVAL", script.body, len(keys), *keys, *args, quick=quick)
        if not script.fits(reply):
            odd = StoreOdd()
            self._failed(operation, odd, self._clock.monotonic())
            raise odd
        return reply

    @override
    async def trouble(self) -> str | None:
        """Something is written to each server, as it is when the store is used: one that is full answers PING."""
        try:
            keys = await self._route.trials()
            trials = [self._route.call(key, trial(key), quick=True) for key in keys]
            answers = await asyncio.gather(*trials, return_exceptions=True)
        except StoreAway as error:
            answers = [error]
        why = self._standing.tried([why for why in map(passed, answers) if why], self._clock.monotonic())
        self._look_later()
        return why

    def _answered(
        self, operation: str, began: float, types: tuple[type, ...] | type, reply: "asyncio.Future[RedisReply]"
    ) -> None:
        if not reply.cancelled():
            error = reply.exception()
            if error is None and not isinstance(reply.result(), types):
                error = StoreOdd()
            self._ended(operation, began, error)

    def _ended(self, operation: str, began: float, error: BaseException | None) -> None:
        now = self._clock.monotonic()
        self._meter.called(operation, now - began, error is not None)
        if error is not None or not self._standing.good:
            self._failed(operation, error, now)

    def _failed(self, operation: str, error: BaseException | None, now: float) -> None:
        """Or succeeded where something has failed before."""
        if isinstance(error, StoreRefused):
            if error.code == "NOSCRIPT":
                return
            if now >= self._told.get(operation, now):
                self._told[operation] = now + TELL_SECONDS
                log.warning("Redis refuses what '%s' asks: %s", operation, error.code)
        if error is None or isinstance(error, StoreError):
            self._standing.ended(operation, error, now)
            self._look_later()

    def _look_later(self) -> None:
        if not self._standing.good and self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_now)

    def _look_now(self) -> None:
        self._next_look = None
        self._look = asyncio.create_task(self.trouble())

    async def aclose(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait((self._look,))
        await self._route.aclose()


def open_store(
    name: str,
    url: str,
    clock: Clock,
    meter: StoreMeter,
    *,
    patience: float = CALL_SECONDS,
    look_up: float = LOOK_UP_SECONDS,
    credentials: RedisCredentials | None = None,
) -> Store:
    """Connects when it is first used. To be called in the event loop that will use it. Raises `ValueError`.

    `patience` is what a call waits, in seconds, and `look_up` a quick one. `credentials` are asked for at each
    connection, where the URL has no password.
    """
    address = parse_address(url)
    if address.password is None:
        address = structs.replace(address, credentials=credentials)
    if address.cluster:
        return Store(name, Cluster(address, clock, patience, look_up), clock, meter)
    find = None if address.service is None else Sentinels(address, address.service).master
    return Store(name, RedisServer(address.nodes[0], address, clock, patience, find, look_up), clock, meter)


__all__ = ["LuaScript", "RedisReply", "Store", "StoreAway", "StoreError", "StoreRefused", "StoreUnheard", "open_store"]
