"""One vendor's server over HTTP: whole answers and streams, bounded in bytes and time."""

from asyncio import CancelledError
from collections.abc import Mapping
from functools import lru_cache, partial
from io import BytesIO
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from llm_gateway.application.ports.system import Clock

from .call_timer import CallTimer
from .errors import MAX_REFUSAL_BYTES, AnswerTooLarge, HttpRefusal, Malformed, Unconnected
from .framing import Framing
from .session import open_session
from .stream import VendorStream, cause

CONNECT_SECONDS: Final = 10.0
"""A connection that is not made in time is given up, so that another provider can be asked."""
MAX_BODY_BYTES: Final = 32 << 20
REFUSAL_SECONDS: Final = 5.0
"""How long the body of a refusal is waited for, whose status says enough."""

_PATHS: Final = 256
_AT_ONCE_BYTES: Final = 1 << 20
"""Longer bodies are handed to aiohttp as a file, which it sends in parts, with turns of the loop between them."""


class VendorHttp:
    """Asks one server, over its own pool of connections. To be made inside the event loop that will use it.

    `headers` go with every request. `guarded`: only to loopback and private addresses. `max_body_bytes` bounds an
    answer as a whole, streamed or not. Raises `BadAddress` for a base URL that is none, and from each call the errors
    of `errors.py` and `TimeoutError`. Nothing is followed, retried, remembered or read from the environment.
    """

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        headers: Mapping[str, str] | None = None,
        guarded: bool = False,
        connect_seconds: float = CONNECT_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._url = lru_cache(_PATHS)(lambda path: URL(base_url + path))
        self._session = open_session(
            base_url, headers or {}, guarded=guarded, connect_seconds=connect_seconds, resolver=resolver
        )

    async def whole(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        until: float,
        limit: int | None = None,
    ) -> bytes:
        """The body of an answer with status 200, of at most `limit` bytes, by `until` on the monotonic clock."""
        timer = CallTimer(self._clock)
        response: aiohttp.ClientResponse | None = None
        try:
            timer.begin(until, self._clock.monotonic())
            response = await self._send(method, path, body, headers, timer)
            return await _body(response.content, self._max_body_bytes if limit is None else limit)
        except BaseException as error:
            if response is not None:
                response.close()
            raise cause(error, timer) from None
        finally:
            timer.waits = False
            timer.close()

    def stream(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        framing: Framing,
        first_by: float,
        until: float,
        idle: float,
    ) -> VendorStream:
        """The events of an answer to a POST, which is sent when the first of them is asked for.

        `first_by` and `until` are times on the monotonic clock, `idle` are the seconds of a pause: see `VendorStream`.
        """
        send = partial(self._send, "POST", path, body, headers)
        return VendorStream(send, self._clock, framing, self._max_body_bytes, first_by=first_by, until=until, idle=idle)

    async def aclose(self) -> None:
        await self._session.close()

    async def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, timer: CallTimer
    ) -> aiohttp.ClientResponse:
        """The answer, once its head says that it is one."""
        if self._session.closed:
            raise Unconnected("the client is closed")
        data = BytesIO(body) if body is not None and len(body) > _AT_ONCE_BYTES else body
        response = await self._session.request(
            method, self._url(path), data=data, headers=headers or None, allow_redirects=False
        )
        try:
            if response.status != 200:
                raise HttpRefusal(
                    response.status, response.headers.get("Retry-After"), await self._refusal(response, timer)
                )
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise Malformed("an encoding that was not asked for")
        except BaseException:
            response.close()
            raise
        return response

    async def _refusal(self, response: aiohttp.ClientResponse, timer: CallTimer) -> bytes:
        """As much of its body as there is: what can't be read is left out."""
        body = bytearray()
        timer.at_most(self._clock.monotonic() + REFUSAL_SECONDS)
        try:
            while len(body) < MAX_REFUSAL_BYTES and (data := await response.content.readany()):
                body += data
        except (aiohttp.ClientError, HttpProcessingError):
            pass
        except CancelledError:
            if timer.reason() is None:
                raise
        return bytes(body[:MAX_REFUSAL_BYTES])


async def _body(content: aiohttp.StreamReader, limit: int) -> bytes:
    data = await content.readany()
    if len(data) <= limit and content.at_eof():
        return data
    body = bytearray(data)
    while data:
        if len(body) > limit:
            raise AnswerTooLarge
        data = await content.readany()
        body += data
    return bytes(body)
