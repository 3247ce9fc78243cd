"""How the SDK reaches the server: the session of all vendors under httpx, bounded."""

from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

from ..vendor_http.errors import MAX_REFUSAL_BYTES, AnswerTooLarge, HttpRefusal, Malformed
from .transport import MAX_LOOK_BYTES

_ANSWERS = ("/api/chat", "/api/embed")
_SEPARATORS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


class SdkConnections(AiohttpTransport):
    """The session under httpx, whose own pool dies under cancellation (httpcore #1093). Nothing compressed, and no key
    but the one that is given: the SDK takes another from the environment.
    """

    def __init__(self, session: aiohttp.ClientSession, api_key: str | None, max_body_bytes: int) -> None:
        # what would verify here serves a session that the transport makes itself
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
                raise AnswerTooLarge
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
