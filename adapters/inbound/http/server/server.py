"""uvicorn, set up for this gateway, and stopped the way a gateway should stop."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from typing_extensions import override

from .listener import Listener
from .middleware import RequestMiddleware
from .protocol import BoundedHttpProtocol, Bounds

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75.0
"""Longer than the 60 for which nginx keeps a connection to a server: who uses one must never find it just closed."""
CUT_AFTER_SECONDS = 5
"""How long uvicorn gives connections that are still open once draining is over."""


class CannotListen(Exception):
    """The address is taken, or is not this machine's; the message says which."""


def reason_of(error: OSError) -> str:
    """Why an address can't be listened on, without the address, which event loops phrase differently."""
    if isinstance(error, socket.gaierror) or error.errno not in errno.errorcode:  # its numbers are others
        return error.strerror or str(error)
    return os.strerror(error.errno or 0)


def bind(host: str, port: int) -> list[socket.socket]:
    """A listener on each address of the host. Raises `CannotListen`."""
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, *_, address in found):
            listeners.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise CannotListen(reason_of(error)) from error
    return listeners


@contextlib.contextmanager
def draining_on_hangup(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """SIGHUP, too, is the handler's; but it stays ignored where it is: nohup's process is to outlive its terminal."""
    hangup = getattr(signal, "SIGHUP", None)
    main = threading.current_thread() is threading.main_thread()
    if hangup is None or not main or signal.getsignal(hangup) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(hangup, handle)
    try:
        yield
    finally:
        signal.signal(hangup, before)


class GatewayServer(uvicorn.Server):
    """The first signal drains: the listener stays, so that readiness can say 503. A second one cuts everything, but
    for SIGHUP, which a terminal that closes may send twice.

    uvicorn alone closes the listener first, and cancels streams before the application's own shutdown.
    """

    def __init__(
        self,
        app: RequestMiddleware,
        *,
        host: str,
        port: int,
        drain: asyncio.Event,
        drain_seconds: float,
        end_rest: Callable[[], Awaitable[None]],
        bounds: Bounds | None = None,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=cast("type[asyncio.Protocol]", partial(BoundedHttpProtocol, bounds=bounds or Bounds())),
                ws="none",
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                access_log=False,
                log_config=None,
                timeout_keep_alive=cast("int", keep_alive_seconds),  # which goes to `call_later`
                timeout_graceful_shutdown=CUT_AFTER_SECONDS,
            )
        )
        self.servers = []  # as uvicorn has it from its start-up on
        self.drain = drain
        self._idle = app.idle
        self._drain_seconds = drain_seconds
        self._end_rest = end_rest
        self._loop = asyncio.get_running_loop()
        self._draining: asyncio.Task[None] | None = None
        self._listening = self._loop.create_future()

    async def listening(self) -> int:
        """The port that is listened on, once it is; useful where port 0 let the system choose."""
        return await asyncio.shield(self._listening)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if sys.platform == "win32":  # whose event loop can't wait for a listener
            await self._startup_by_uvicorn(sockets)
        else:
            listeners = bind(self.config.host, self.config.port) if sockets is None else sockets
            state: dict[str, object] = {}
            protocol = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
            new = partial(
                protocol, config=self.config, server_state=self.server_state, app_state=state, _loop=self._loop
            )
            self.servers = [cast("asyncio.base_events.Server", Listener(listener, new)) for listener in listeners]
            self.started = True
        self._listening.set_result(self.servers[0].sockets[0].getsockname()[1])

    async def _startup_by_uvicorn(self, sockets: list[socket.socket] | None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn has caught the reason
            cause = error.__context__
            raise CannotListen(reason_of(cause) if isinstance(cause, OSError) else "") from None

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Returns with nothing left running: what outlived uvicorn's timeout is cut."""
        for server in self.servers:
            server.close()
            if isinstance(server, Listener):
                await server.begun()  # or uvicorn would not tell it that this is the end
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            _, deaf = await asyncio.wait(self.server_state.tasks, timeout=1)
            for task in deaf:
                task.cancel()

    def drain_elsewhere(self) -> None:
        """Drains, and leaves the address to the next server."""
        for server in self.servers:
            server.close()
        self._stop(signal.SIGTERM)

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals(), draining_on_hangup(self.handle_exit):
            yield

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop, sig)

    def _stop(self, sig: int) -> None:
        if self._draining is None:
            self._draining = self._loop.create_task(self._drain_and_exit())
        elif sig in (signal.SIGINT, signal.SIGTERM):
            self.should_exit = self.force_exit = True

    async def _drain_and_exit(self) -> None:
        """Once nothing is under way any more; after `drain_seconds`, what still is gets ended."""
        self.drain.set()
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._idle()
        except TimeoutError:
            await self._end_rest()
        finally:
            self.should_exit = True
