"""The way to the server: aiohttp under httpx, without environment, redirects or a way off the premises."""

from collections.abc import AsyncIterator

import aiohttp
import httpx
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

from llm_gateway.application.vendor_signs import Told

from ..vendor_http.addresses import guarded_socket
from .refusals import told_by

MAX_REFUSAL_BYTES = 64 * 1024
MAX_LOOK_BYTES = 16 << 20
"""Of what the server tells of itself and its models."""

_ANSWERS = ("/api/chat", "/api/embed")

_SEPARATORS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


class Refusal(Exception):
    """The server answered with a status that is no success. Its text is not kept: it may quote the prompt.

    `what` is what it tells, None where its status has no meaning.
    """

    def __init__(self, status: int, retry_after: str | None, what: Told | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.retry_after = retry_after
        self.what = what


class Malformed(Exception):
    """What the server sends can't be taken: an encoding that was not asked for."""


class OllamaTooLarge(Exception):
    """The server sends more than an answer can be."""


class OllamaTransport(AiohttpTransport):
    """Sends to one server. `guarded`: only to loopback and private addresses.

    `max_body_bytes` bounds an answer as a whole, streamed or not.
    """

    def __init__(
        self, *, guarded: bool, api_key: str | None, max_body_bytes: int, resolver: AbstractResolver | None = None
    ) -> None:
        connector = TCPConnector(
            limit=0,  # a call that waits for a connection would be billed to the model
            resolver=resolver,
            socket_factory=guarded_socket if guarded else None,
        )
        session = ClientSession(connector=connector, trust_env=False, cookie_jar=DummyCookieJar())
        # what would verify here serves a session that the transport makes itself: ours verifies by aiohttp's default
        super().__init__(verify=False, trust_env=False, client=session)
        self._api_key = api_key
        self._max_body_bytes = max_body_bytes

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # the SDK takes OLLAMA_API_KEY from the environment where no other is given
        request.headers.pop("authorization", None)
        if self._api_key is not None:
            request.headers["authorization"] = f"Bearer {self._api_key}"
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        try:
            if response.status_code >= 300:
                raise await _refusal(response)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Malformed("an encoding that was not asked for")
        except BaseException:
            await response.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        answers = request.url.path.endswith(_ANSWERS)
        response.stream = _Lines(response.stream, self._max_body_bytes if answers else MAX_LOOK_BYTES)
        return response


async def _refusal(response: httpx.Response) -> Refusal:
    status = response.status_code
    said = await _beginning(response) if status >= 400 else b""
    return Refusal(status, response.headers.get("retry-after"), told_by(status, said))


async def _beginning(response: httpx.Response) -> bytes:
    """Of a refusal's body, as much as there is: what can't be read is left out, the status says enough."""
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        async for chunk in response.stream:
            body += chunk
            if len(body) > MAX_REFUSAL_BYTES:
                break
    except (httpx.TransportError, aiohttp.ClientError):
        pass
    return bytes(body)


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
                raise OllamaTooLarge
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                lines = b"".join((*held, whole, newline))
                yield lines if lines.isascii() else _escaped(lines)
                held.clear()
            held.append(rest)
        last = b"".join(held)
        if last:
            yield last if last.isascii() else _escaped(last)

    @override
    async def aclose(self) -> None:
        await self._body.aclose()


def _escaped(lines: bytes) -> bytes:
    """Raises `UnicodeDecodeError` for what is no UTF-8."""
    lines.decode()
    for separator, escape in _SEPARATORS:
        lines = lines.replace(separator, escape)
    return lines
