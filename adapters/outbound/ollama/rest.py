"""The way to the server by plain HTTP."""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from aiohttp.abc import AbstractResolver
from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.client import VendorHttp
from ..vendor_http.framing import Framing, JsonLines
from .transport import MAX_LOOK_BYTES, OllamaTransport, ServerAccess, ServerAnswer, T


class OllamaRest(OllamaTransport):
    def __init__(self, server: ServerAccess, clock: Clock, *, resolver: AbstractResolver | None = None) -> None:
        self._http = VendorHttp(
            server.base_url,
            clock,
            headers={} if server.api_key is None else {"Authorization": f"Bearer {server.api_key}"},
            guarded=server.guarded,
            max_body_bytes=server.max_body_bytes,
            connect_seconds=server.connect_seconds,
            resolver=resolver,
        )

    @override
    def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], *, streamed: bool, first_by: float
    ) -> ServerAnswer:
        framing = JsonLines() if streamed else _WholeBody()
        return self._http.stream(path, body, headers=headers, framing=framing, first_by=first_by, until=inf, idle=inf)

    @override
    async def look(self, path: str, read: Callable[[bytes], T], *, body: bytes | None = None, until: float) -> T:
        method = "GET" if body is None else "POST"
        return read(await self._http.whole(method, path, body, until=until, limit=MAX_LOOK_BYTES))

    @override
    async def aclose(self) -> None:
        await self._http.aclose()


class _WholeBody(Framing):
    """The one text that a body is."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    @override
    def feed(self, data: bytes) -> Sequence[bytes]:
        self._held.append(data)
        return ()

    @override
    def end(self) -> Sequence[bytes]:
        return (b"".join(self._held),)
