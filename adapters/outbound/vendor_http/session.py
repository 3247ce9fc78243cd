"""aiohttp's session as every vendor's adapter needs it, and its errors as ours."""

import asyncio
import select
import ssl
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final, Self

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from typing_extensions import override
from yarl import URL

from .addresses import guarded_socket
from .errors import BadAddress, BrokenOff, Malformed, OutsideAddress, Unconnected, causes

KEEP_ALIVE_SECONDS: Final = 60.0
MAX_HEAD_LINE_BYTES: Final = 8190
MAX_HEAD_LINES: Final = 128
READ_BYTES: Final = 64 * 1024
"""Of an answer that nobody reads, about twice as much is held before its connection is read no more."""

_HEADERS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "llm-gateway-core",
}


class _Protocol(ResponseHandler):
    """Knows that the vendor closed an idle connection although the event loop, busy, has not yet looked."""

    @override
    def is_connected(self) -> bool:
        transport = self.transport
        if transport is None or not super().is_connected():
            return False
        unread = select.poll()
        unread.register(transport.get_extra_info("socket"), select.POLLIN)
        return not unread.poll(0)

    @override
    def resume_reading(self, resume_parser: bool = True) -> None:
        """aiohttp asks for this after each read, and parses nothing once more though nothing was held back."""
        if self._reading_paused:
            super().resume_reading(resume_parser)


class _Response(aiohttp.ClientResponse):
    """Ends with its connection, and ends it at once.

    A plain close waits until the vendor has read what was sent, which may be never. And aiohttp has a reader wait for
    ever for a body of which a later part is malformed, although the connection is closed then.
    """

    @override
    async def start(self, connection: aiohttp.connector.Connection) -> Self:
        await super().start(connection)
        protocol = connection.protocol
        closed = None if protocol is None or self.content.is_eof() else protocol.closed
        if closed is not None:
            closed.add_done_callback(self._lost)
            self.content.on_eof(partial(_forget, closed, self._lost))
        return self

    @override
    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()

    def _lost(self, closed: asyncio.Future[None]) -> None:
        closed.exception()  # taken, or the event loop would print it
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientPayloadError())


def _forget(closed: asyncio.Future[None], callback: Callable[[asyncio.Future[None]], None]) -> None:
    closed.remove_done_callback(callback)


def open_session(
    base_url: str,
    headers: Mapping[str, str],
    *,
    guarded: bool,
    connect_seconds: float,
    resolver: AbstractResolver | None,
) -> aiohttp.ClientSession:
    """No proxies or credentials from the environment, no cookies, nothing compressed. Inside a running loop.

    Raises `BadAddress`.
    """
    connector = aiohttp.TCPConnector(
        limit=0,  # a call that waits for a connection would be billed to the model
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        ssl=authorities() if _scheme(base_url) == "https" else True,
        resolver=resolver,
        socket_factory=guarded_socket if guarded else None,
    )
    make: Callable[..., ResponseHandler] = _Protocol
    connector._factory = partial(make, loop=asyncio.get_running_loop())  # it has no other seam
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={**_HEADERS, **headers},
        # on the wall clock, as all of the network below it: names and TLS included
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, connect=connect_seconds, ceil_threshold=1e9),
        auto_decompress=False,
        trust_env=False,
        response_class=_Response,
        read_bufsize=READ_BYTES,
        max_line_size=MAX_HEAD_LINE_BYTES,
        max_field_size=MAX_HEAD_LINE_BYTES,
        max_headers=MAX_HEAD_LINES,
    )


@cache
def authorities() -> ssl.SSLContext:
    """The system's, for operators with one of their own, and the usual ones, as some systems have none."""
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted


def neutral(error: BaseException) -> BaseException:
    """What aiohttp raises, as one of our errors; others are given back."""
    match error:
        case aiohttp.ClientConnectorError() if any(isinstance(one, OutsideAddress) for one in causes(error)):
            return OutsideAddress("neither loopback nor private")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Unconnected("no connection")
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return Malformed("no HTTP")
        case aiohttp.ClientError():
            return BrokenOff("the connection broke off")
        case RuntimeError() if type(error) is RuntimeError:  # aiohttp's, of a connection that is closed
            return BrokenOff("the connection was closed")
    return error


def _scheme(base_url: str) -> str:
    try:
        url = URL(base_url)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise BadAddress("no URL of an HTTP server")
    return url.scheme
