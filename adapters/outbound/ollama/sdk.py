"""The way to the server by the vendor's own SDK: slower than the other, and a witness of what that does."""

import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import aiohttp
import httpx
import ollama
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from msgspec.json import Decoder
from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.addresses import guarded_socket
from ..vendor_http.call_timer import CallTimer
from ..vendor_http.errors import (
    MAX_REFUSAL_BYTES,
    BadAddress,
    BrokenOff,
    HttpRefusal,
    Malformed,
    OutsideAddress,
    TooLarge,
    Unconnected,
    VendorHttpError,
)
from .refusals import ReportedError, told_within
from .transport import MAX_LOOK_BYTES, Answer, OllamaTransport, T

_ANSWERS = ("/api/chat", "/api/embed")
_SEPARATORS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))

_Table: TypeAlias = Sequence[tuple[tuple[type[BaseException], ...], type[Exception]]]
_BEHIND: Final[_Table] = (
    ((OutsideAddress,), OutsideAddress),
    ((aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror), Unconnected),
    ((aiohttp.ServerTimeoutError,), TimeoutError),
    ((aiohttp.ClientConnectionError,), BrokenOff),
)
"""By what stands behind an error: httpx-aiohttp calls every lost connection a timeout to connect."""
_ITSELF: Final[_Table] = (
    ((httpx.UnsupportedProtocol, httpx.InvalidURL), BadAddress),
    ((httpx.TimeoutException, TimeoutError), TimeoutError),
    ((httpx.ConnectError,), Unconnected),
    ((httpx.HTTPError, httpx.StreamError, aiohttp.ClientError), BrokenOff),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), BrokenOff),
    ((ConnectionError,), Unconnected),  # the SDK's own
    ((OSError,), BrokenOff),
    # of a line that is no JSON, no object, or reports an error that is no text
    ((ValueError, TypeError, AttributeError), Malformed),
)
"""By an error's own class. The first row that fits counts, of both tables."""


class SdkTransport(OllamaTransport):
    """Asks with bodies of our own making and reads into types of ours: the SDK's `chat` has no `truncate`, no `shift`
    and no headers, and its types drop from a tool's schema what they don't know, and from a tool call its id.
    """

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        guarded: bool,
        api_key: str | None,
        max_body_bytes: int,
        connect_seconds: float,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._sdk = ollama.AsyncClient(
            base_url,
            transport=_Connections(guarded=guarded, api_key=api_key, max_body_bytes=max_body_bytes, resolver=resolver),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=connect_seconds),
        )

    @override
    def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], decoder: Decoder[T], *, streamed: bool, due: float
    ) -> Answer[T]:
        call = {"content": body, "headers": {**headers, "Content-Type": "application/json"}}
        parts = self._parts(path, call) if streamed else self._whole(path, call)
        return _SdkAnswer(parts, decoder, self._clock, due)

    @override
    async def look(self, path: str, decoder: Decoder[T], *, body: bytes | None = None, until: float) -> T:
        call: Mapping[str, object] = {} if body is None else {"content": body}
        told = _SdkAnswer(self._whole(path, call, "GET" if body is None else "POST"), decoder, self._clock, until)
        try:
            (one,) = await told.next() or ()
        finally:
            await told.aclose()
        return one

    @override
    async def aclose(self) -> None:
        await self._sdk._client.aclose()  # the SDK's own way has no types

    async def _whole(self, path: str, call: Mapping[str, Any], method: str = "POST") -> AsyncGenerator[object, None]:
        yield await self._sdk._request(dict, method, path, **call)

    async def _parts(self, path: str, call: Mapping[str, Any]) -> AsyncGenerator[object, None]:
        async for part in await self._sdk._request(dict, "POST", path, stream=True, **call):
            yield part


class _SdkAnswer(Answer[T]):
    """`parts` are the SDK's, each read again by the decoder."""

    def __init__(self, parts: AsyncGenerator[object, None], decoder: Decoder[T], clock: Clock, due: float) -> None:
        self.due = due
        self._parts = parts
        self._decode = decoder.decode
        self._clock = clock
        self._timer = CallTimer(clock)

    @override
    async def next(self) -> Iterable[T] | None:
        try:
            self._timer.begin(self.due, self._clock.monotonic())
            part = await anext(self._parts, None)
        except BaseException as error:
            reason = self._timer.reason()
            raise reason or neutral(error) from None
        finally:
            self._timer.end()
        return None if part is None else map(self._decode, (json.dumps(part),))

    @override
    def move(self, due: float) -> None:
        self.due = due
        self._timer.move(due)

    @override
    async def drain(self, seconds: float) -> None:
        self.due = self._clock.monotonic() + seconds
        with suppress(Exception):
            await self.next()

    @override
    async def aclose(self) -> None:
        self._timer.close()
        await self._parts.aclose()


class _Connections(AiohttpTransport):
    """aiohttp's under httpx, whose own pool dies under cancellation (httpcore #1093). No proxies, cookies or redirects,
    nothing compressed, and no key but the one that is given: the SDK takes another from the environment.
    """

    def __init__(
        self, *, guarded: bool, api_key: str | None, max_body_bytes: int, resolver: AbstractResolver | None
    ) -> None:
        guard = guarded_socket if guarded else None
        connector = aiohttp.TCPConnector(limit=0, resolver=resolver, socket_factory=guard)
        session = aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        # what would verify here serves a session that the transport makes itself: ours verifies by aiohttp's default
        super().__init__(verify=False, trust_env=False, client=session)
        self._api_key = api_key
        self._max_body_bytes = max_body_bytes

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("authorization", None)
        if self._api_key is not None:
            request.headers["authorization"] = f"Bearer {self._api_key}"
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        try:
            if response.status_code != 200:
                retry_after = response.headers.get("retry-after")
                raise HttpRefusal(response.status_code, retry_after, await _beginning(response))
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Malformed("an encoding that was not asked for")
        except BaseException:
            await response.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        answers = request.url.path.endswith(_ANSWERS)
        response.stream = _Lines(response.stream, self._max_body_bytes if answers else MAX_LOOK_BYTES)
        return response


async def _beginning(response: httpx.Response) -> bytes:
    """Of a refusal's body, as much as there is: what can't be read is left out, the status says enough."""
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    with suppress(httpx.TransportError, aiohttp.ClientError):
        async for chunk in response.stream:
            body += chunk
            if len(body) >= MAX_REFUSAL_BYTES:
                break
    return bytes(body[:MAX_REFUSAL_BYTES])


class _Lines(httpx.AsyncByteStream):
    """A body of bounded length in whole lines, as strict UTF-8.

    httpx replaces what is no UTF-8, silently. Its lines also end at U+0085, U+2028 and U+2029, which may stand
    in a JSON string as they are: they are escaped here.
    """

    def __init__(self, body: httpx.AsyncByteStream, limit: int) -> None:
        self._body = body
        self._limit = limit

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        held: list[bytes] = []
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > self._limit:
                raise TooLarge
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                yield _escaped(b"".join((*held, whole, newline)))
                held.clear()
            held.append(rest)
        yield _escaped(b"".join(held))

    @override
    async def aclose(self) -> None:
        await self._body.aclose()


def _escaped(lines: bytes) -> bytes:
    """Raises `UnicodeDecodeError` for what is no UTF-8."""
    lines.decode()
    for separator, escape in _SEPARATORS:
        lines = lines.replace(separator, escape)
    return lines


def neutral(error: BaseException) -> BaseException:
    """What the SDK, httpx and aiohttp raise, as one of our errors; others are given back."""
    match error:
        case VendorHttpError() | RecursionError():
            return error
        case ollama.ResponseError():  # of a stream alone: no other status than 200 comes to the SDK
            return ReportedError(told_within(_said(error.error)))
    behind = tuple(_chain(error))
    made = [ours for kinds, ours in _BEHIND if any(isinstance(one, kinds) for one in behind)]
    made += [ours for kinds, ours in _ITSELF if isinstance(error, kinds)]
    return made[0]("by the SDK") if made else error


def _said(reported: object) -> str:
    """The SDK has already read the JSON in a text that holds what the server's runner answered."""
    return reported if isinstance(reported, str) else json.dumps({"error": reported})


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised for, as deep as wrapping goes."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
