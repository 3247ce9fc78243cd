"""The way to the server by the vendor's own SDK: slower than the other, and a witness of what that does."""

import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final, TypeAlias

import aiohttp
import httpx
import ollama
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.call_timer import CallTimer
from ..vendor_http.errors import (
    BrokenOff,
    Malformed,
    OutsideAddress,
    Unconnected,
    VendorHttpError,
    causes,
)
from ..vendor_http.session import open_session
from .refusals import ReportedError, told_within
from .sdk_connections import SdkConnections
from .transport import OllamaTransport, ServerAccess, ServerAnswer, T, whole

_Table: TypeAlias = Sequence[tuple[tuple[type[BaseException], ...], type[Exception]]]
_BEHIND: Final[_Table] = (
    ((OutsideAddress,), OutsideAddress),
    ((aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror), Unconnected),
    ((aiohttp.ServerTimeoutError,), TimeoutError),
    ((aiohttp.ClientConnectionError,), BrokenOff),
)
"""By what stands behind an error: httpx-aiohttp calls every lost connection a timeout to connect."""
_ITSELF: Final[_Table] = (
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


class OllamaSdk(OllamaTransport):
    """Asks with bodies of our own making and reads into types of ours: the SDK's `chat` has no `truncate`, no `shift`
    and no headers, and its types drop from a tool's schema what they don't know, and from a tool call its id.
    """

    def __init__(self, server: ServerAccess, clock: Clock, *, resolver: AbstractResolver | None = None) -> None:
        url, seconds = server.base_url, server.connect_seconds
        session = open_session(url, {}, guarded=server.guarded, connect_seconds=seconds, resolver=resolver)
        self._clock = clock
        self._sdk = ollama.AsyncClient(
            url,
            transport=SdkConnections(session, server.api_key, server.max_body_bytes),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=seconds),
        )

    @override
    def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], *, streamed: bool, first_by: float
    ) -> ServerAnswer:
        call = {"content": body, "headers": {**headers, "Content-Type": "application/json"}}
        parts = self._parts(path, call) if streamed else self._whole(path, call)
        return _SdkAnswer(parts, self._clock, first_by)

    @override
    async def look(self, path: str, read: Callable[[bytes], T], *, body: bytes | None = None, until: float) -> T:
        call: Mapping[str, object] = {} if body is None else {"content": body}
        told = _SdkAnswer(self._whole(path, call, "GET" if body is None else "POST"), self._clock, until)
        return read(await whole(told))

    @override
    async def aclose(self) -> None:
        await self._sdk._client.aclose()  # the SDK's own way has no types

    async def _whole(self, path: str, call: Mapping[str, Any], method: str = "POST") -> AsyncGenerator[object, None]:
        yield await self._sdk._request(dict, method, path, **call)

    async def _parts(self, path: str, call: Mapping[str, Any]) -> AsyncGenerator[object, None]:
        async for part in await self._sdk._request(dict, "POST", path, stream=True, **call):
            yield part


class _SdkAnswer(ServerAnswer):
    """`parts` are the SDK's, each encoded again."""

    def __init__(self, parts: AsyncGenerator[object, None], clock: Clock, first_by: float) -> None:
        self.first_by: float | None = first_by
        self.until = self.idle = inf
        self._left: float | None = None
        self._size = 0
        self._parts = parts
        self._clock = clock
        self._timer = CallTimer(clock)

    @property
    @override
    def size(self) -> int:
        return self._size

    @property
    @override
    def due(self) -> float:
        return self._timer.due

    @override
    async def next(self) -> Sequence[bytes] | None:
        now = self._clock.monotonic()
        if self._left is not None:
            self.until += now - self._left
        try:
            due = now + self.idle if self.first_by is None else self.first_by
            self._timer.begin(min(due, self.until), now)
            part = await anext(self._parts, None)
        except BaseException as error:
            reason = self._timer.reason()
            raise reason or neutral(error) from None
        finally:
            self._timer.waits = False
            self._left = self._clock.monotonic()
        self.first_by = None
        if part is None:
            return None
        text = json.dumps(part).encode()
        self._size += len(text)
        return (text,)

    @override
    def move(self, first_by: float) -> None:
        self.first_by = first_by
        self._timer.move(first_by)

    @override
    async def drain(self, seconds: float) -> None:
        self.first_by = self._clock.monotonic() + seconds
        with suppress(Exception):
            await self.next()

    @override
    async def aclose(self) -> None:
        self._timer.close()
        await self._parts.aclose()


def neutral(error: BaseException) -> BaseException:
    """What the SDK, httpx and aiohttp raise, as one of our errors; others are given back."""
    match error:
        case VendorHttpError() | RecursionError():
            return error
        case ollama.ResponseError():  # of a stream alone: no other status than 200 comes to the SDK
            return ReportedError(told_within(_said(error.error)))
    behind = tuple(causes(error))
    made = [ours for kinds, ours in _BEHIND if any(isinstance(one, kinds) for one in behind)]
    made += [ours for kinds, ours in _ITSELF if isinstance(error, kinds)]
    return made[0]("by the SDK") if made else error


def _said(reported: object) -> str:
    """The SDK has already read the JSON in a text that holds what the server's runner answered."""
    return reported if isinstance(reported, str) else json.dumps({"error": reported})
