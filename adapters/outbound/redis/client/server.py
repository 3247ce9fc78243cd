"""One server: a connection that opens when it is first needed and again when it broke, and a breaker before it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from redis.exceptions import RedisError

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.resilience import BreakerPermit, BreakerState, CircuitBreaker, Outcome

from .address import Address, Node
from .command_pipe import CommandPipe, PipeEnd, RedisReply, packed
from .connection import connected, reason_of
from .failures import StoreAway, StoreError, StoreMoving, StoreNotHere, StoreRefused, StoreUnheard, StoreUnreached
from .role import check_role

CALL_SECONDS = 1.0
"""For a call, and for a connection from which nothing comes while calls wait."""
LOOK_UP_SECONDS = 0.1
"""For a call that is easily done without, and for one that tries whether a server is back."""
CONNECT_SECONDS = 1.0
"""For name, handshakes and login together; it goes on while callers no longer wait for it."""
AWAY_FAILURES = 3
AWAY_SECONDS = 1.0
"""How often a server that is away is tried."""
TRIAL_KEY = b"llm-gateway:trial"
TRIAL_SECONDS = 0.5
"""How long whoever tries a server waits for a connection: what is slow to be reached can be used all the same."""
_ASKING = packed("ASKING")
_HEALTHY: Final = Outcome.HEALTHY

log = logging.getLogger("llm_gateway.redis")


class RedisServer:
    """Opened lazily, in the event loop that made it. A call waits `patience` seconds at most, and is made once.

    What fails for everybody at once counts once: a connection that broke, or could not be made, however many waited
    for it. A server that was silent for a whole `patience` is away at once.
    """

    def __init__(
        self,
        node: Node,
        address: Address,
        clock: Clock,
        patience: float = CALL_SECONDS,
        find: Callable[[], Awaitable[Node]] | None = None,
        look_up: float = LOOK_UP_SECONDS,
    ) -> None:
        """`find` says where the server is, for each connection anew, instead of `node`."""
        self.node = node
        self._address = address
        self._find = find
        self._clock = clock
        self._patience = patience
        self._look_up = look_up
        self._breaker = CircuitBreaker(failures=AWAY_FAILURES, open_seconds=AWAY_SECONDS)
        self._pipe: CommandPipe | None = None
        self._connecting: asyncio.Task[CommandPipe] | None = None
        self._closed = False
        self._away = False
        self._why = ""

    def servers(self) -> Sequence["RedisServer"]:
        """Those that keys are on, as for a Cluster."""
        return (self,)

    async def trials(self) -> Sequence[bytes]:
        """Keys to try every server with, once there is a connection or that took `TRIAL_SECONDS`."""
        if self._pipe is None and self._breaker.state(self._clock.monotonic()) is BreakerState.CLOSED:
            await asyncio.wait((self._connection(),), timeout=TRIAL_SECONDS)
        return (TRIAL_KEY,)

    async def call(self, key: bytes, command: bytes, quick: bool = False, *, asking: bool = False) -> RedisReply:
        """Raises `StoreAway` or `StoreRefused`. `asking`: the slot is being migrated here (Cluster's ASKING).

        A `quick` call waits `look_up` seconds at most.

        `key` is for a Cluster: here every key is on the one server.
        """
        return await self.start(key, command, quick, asking=asking)

    def start(
        self, key: bytes, command: bytes, quick: bool = False, *, asking: bool = False
    ) -> "asyncio.Future[RedisReply]":
        """The same, sent before this returns where there is a connection. The reply may be left unread.

        Raises `StoreAway` where the server is not asked.
        """
        permit = self._breaker.allow(self._clock.monotonic())
        if permit is None:
            raise StoreAway(f"not asked, because of: {self._why}")
        pipe = self._pipe
        try:
            reply: asyncio.Future[RedisReply]
            if pipe is None:
                reply = asyncio.create_task(self._first(command, quick, asking))
            else:
                reply = _sent(pipe, command, quick, asking)
        except StoreAway as error:
            self._end(permit, error)
            raise
        reply.add_done_callback(partial(self._answered, permit, pipe))
        return reply

    async def aclose(self) -> None:
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait((self._connecting,))
        if self._pipe is not None:
            pipe = self._pipe
            pipe.close()
            await pipe.gone

    def _answered(self, permit: BreakerPermit, pipe: CommandPipe | None, reply: "asyncio.Future[RedisReply]") -> None:
        if reply.cancelled():
            permit.end(Outcome.UNKNOWN, self._clock.monotonic())
            return
        error = reply.exception()
        pipe = pipe or self._pipe
        if isinstance(error, StoreNotHere) and pipe is not None:
            pipe.close()
        self._end(permit, error)

    def _end(self, permit: BreakerPermit, error: BaseException | None) -> None:
        """The call ended so. A refused command is the answer of a server that is there."""
        now = self._clock.monotonic()
        if error is None and not self._away:
            permit.end(_HEALTHY, now)
            return
        if isinstance(error, StoreUnreached):
            return  # it counts when the attempt ends for which the call waited
        if isinstance(error, StoreAway) and not isinstance(error, StoreUnheard | StoreMoving):
            self._why = str(error)
            permit.end(Outcome.FAILED, now)
            self._tell(error, now)
        elif error is None or isinstance(error, StoreRefused | StoreMoving):
            permit.end(_HEALTHY, now)
            if self._away:
                self._tell(None, now)
        else:
            permit.end(Outcome.UNKNOWN, now)

    async def _first(self, command: bytes, quick: bool, asking: bool) -> RedisReply:
        """A call that has to wait for the connection: not for long where the server was away."""
        tries = self._breaker.state(self._clock.monotonic()) is not BreakerState.CLOSED
        connection = self._connection()
        sent = False
        try:
            async with asyncio.timeout(self._look_up if quick or tries else self._patience):
                pipe = await asyncio.shield(connection)
                sent = True
                return await _sent(pipe, command, quick, asking)
        except TimeoutError as error:
            raise StoreUnheard("no answer in time") if sent else StoreUnreached("no connection in time") from error

    def _connection(self) -> "asyncio.Task[CommandPipe]":
        """The one that is being made. Raises `StoreAway`."""
        if self._closed:
            raise StoreUnreached("not asked: this store was closed")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        return self._connecting

    async def _connect(self) -> CommandPipe:
        pipe = CommandPipe(self._lost, self._patience, self._look_up)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                node = self.node if self._find is None else await self._find()
                pipe.take_over(await connected(node, self._address))
                await check_role(pipe, clustered=self._address.cluster)
            if pipe.closed:
                raise StoreAway("the connection broke off")
        except (OSError, TimeoutError, RedisError, StoreError) as error:
            pipe.close()
            raise StoreUnreached(f"no connection: {reason_of(error)}") from error
        except asyncio.CancelledError as error:  # by `aclose` alone: no waiting caller is cancelled by it
            pipe.close()
            raise StoreUnreached("not asked: this store was closed") from error
        self._pipe = pipe
        return pipe

    def _connected(self, task: "asyncio.Task[CommandPipe]") -> None:
        self._connecting = None
        if task.cancelled() or self._closed:
            return
        error = task.exception()  # raised to every caller that still waited, too
        if isinstance(error, StoreAway):
            self._failed(error, silent=isinstance(error.__cause__, TimeoutError))
        else:  # whoever calls next tries it
            self._breaker.count(Outcome.UNKNOWN, self._clock.monotonic())

    def _lost(self, pipe: CommandPipe) -> None:
        if self._pipe is not pipe:
            return
        self._pipe = None
        if pipe.end is not PipeEnd.CLOSED and not self._closed:
            silent = pipe.end is PipeEnd.SILENT
            self._failed(StoreAway("no answer in time" if silent else "the connection broke off"), silent=silent)

    def _failed(self, error: StoreAway, *, silent: bool) -> None:
        """For everybody who waited: once, and before any of them hears of it."""
        now = self._clock.monotonic()
        self._why = str(error)
        if silent:
            self._breaker.trip(now)
        else:
            self._breaker.count(Outcome.FAILED, now)
        self._tell(error, now)

    def _tell(self, error: StoreAway | None, now: float) -> None:
        """A line in the log when the server goes, and one when it comes back."""
        unasked = self._breaker.state(now) is not BreakerState.CLOSED
        away = unasked or (error is not None and self._pipe is None)
        if away == self._away:
            return
        self._away = away
        if away:
            log.warning("Redis is away: %s", error)
        else:
            log.info("Redis answers again")


def _sent(pipe: CommandPipe, command: bytes, quick: bool, asking: bool) -> "asyncio.Future[RedisReply]":
    if asking:
        pipe.send(_ASKING).cancel()  # its reply is dropped
    return pipe.send(command, quick)
