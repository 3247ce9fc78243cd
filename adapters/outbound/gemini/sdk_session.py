"""The one HTTP session under the SDK: bounded bodies, errors with their status, calls that can be closed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

import aiohttp
from typing_extensions import override

from ..vendor_http.errors import (
    MAX_REFUSAL_BYTES,
    AnswerTooLarge,
    HttpRefusal,
    Malformed,
    VendorHttpError,
)
from ..vendor_http.framing import ServerSentEvents
from ..vendor_http.session import KEEP_ALIVE_SECONDS
from .stream_errors import chunk_of
from .transport import MAX_LIST_BYTES


class Upstream:
    """One call's body, and its connection, which the SDK keeps open after its own generators are closed
    (python-genai #2425). Without a body the SDK's own is sent.
    """

    def __init__(self, body: bytes | None = None) -> None:
        self.body = body
        self._response: aiohttp.ClientResponse | None = None
        self._reader: _BoundedReader | None = None

    @property
    def opened(self) -> bool:
        return self._response is not None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """What is requested inside belongs to this call."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def attach(self, response: aiohttp.ClientResponse, reader: "_BoundedReader") -> None:
        self._response = response
        self._reader = reader

    def close(self) -> None:
        """At once. A connection whose answer was read to its end is already back in the pool, and stays there."""
        if self._response is not None and self._reader is not None:
            self._reader.closed = True
            self._response.close()


# Set only while a call waits for the SDK, which passes no argument of ours through to the session.
_current: ContextVar[Upstream | None] = ContextVar("gemini_upstream", default=None)


def open_session(connect_seconds: float, max_body_bytes: int) -> aiohttp.ClientSession:
    """No proxies or credentials from the environment, no cookies, nothing compressed. Inside a running loop.

    `max_body_bytes` bounds an answer as a whole, streamed or not.
    """
    return aiohttp.ClientSession(
        connector=_Connector(connect_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        middlewares=(partial(_watched, max_body_bytes),),
        trust_env=False,
    )


class _Connector(aiohttp.TCPConnector):
    """Gives up a connection that is not made in time, names and TLS included, so that another provider can be asked.

    On the wall clock, as all of the network below it; the SDK lets no such limit through.
    """

    def __init__(self, connect_seconds: float) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
        self._connect_seconds = connect_seconds

    @override
    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await super().connect(req, traces, timeout)
        except TimeoutError:
            raise aiohttp.ConnectionTimeoutError from None


async def _watched(
    max_body_bytes: int, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    upstream = _current.get()
    if upstream is not None and upstream.body is not None:
        await request.update_body(upstream.body)
    response = await handler(request)
    reader = _BoundedReader(response.content, MAX_LIST_BYTES if request.method == "GET" else max_body_bytes)
    if upstream is not None:
        upstream.attach(response, reader)
    response.content = cast(aiohttp.StreamReader, reader)
    if response.status == 200:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise Malformed
        return response
    # before the session would follow a redirect
    try:
        raise HttpRefusal(response.status, response.headers.get("Retry-After"), await _refused(reader))
    finally:
        response.release()


async def _refused(reader: "_BoundedReader") -> bytes:
    """What can't be read is left out: the status says enough."""
    try:
        return await reader.read(MAX_REFUSAL_BYTES)
    except (aiohttp.ClientError, VendorHttpError):
        return b""


class _BoundedReader:
    """A response's content that refuses to grow without end: the SDK gathers lines of any length."""

    def __init__(self, reader: aiohttp.StreamReader, limit: int) -> None:
        self._reader = reader
        self._limit = limit
        self.closed = False

    async def read(self, limit: int | None = None) -> bytes:
        limit = self._limit if limit is None else limit
        body = bytearray()
        async for data in self._reader.iter_any():
            body += data
            if len(body) > limit:
                raise AnswerTooLarge
        return bytes(body)

    async def iter_any(self) -> AsyncIterator[bytes]:
        """An event at a time, so that the SDK never holds more than the one that it reads, and ends when closed.

        It takes comments for JSON, and loses errors: those are raised in its place.
        """
        framing = ServerSentEvents()
        size = 0
        async for data in self._reader.iter_any():
            size += len(data)
            if size > self._limit:
                raise AnswerTooLarge
            for event in framing.feed(data):
                yield _line(event)
                if self.closed:
                    raise aiohttp.ClientConnectionError
        for event in framing.end():
            yield _line(event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def _line(event: bytes) -> bytes:
    if b'"error"' in event:
        chunk_of(event)
    return b"data: " + event.replace(b"\n", b" ") + b"\n\n"
