"""A server that does what a test says, and calls to it by both ways: for a whole answer, and for a stream."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http.client import VendorHttp
from llm_gateway.adapters.outbound.vendor_http.framing import Framing, ServerSentEvents
from llm_gateway.adapters.outbound.vendor_http.stream import VendorStream
from llm_gateway.application.ports.system import Alarm, Clock

from ..scripted_vendor import Asked, Reaction, Script, ScriptedVendor

PATH: Final = "/v1/ask"
BODY: Final = b'{"prompt":"the secret"}'
Way: TypeAlias = Callable[[VendorHttp, Clock], Coroutine[Any, Any, bytes]]


class CountingClock(ScriptedClock):
    alarms = 0

    @override
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        self.alarms += 1
        return super().call_at(when, callback)


class Server(ScriptedVendor):
    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        return self.scripted(asked)


@asynccontextmanager
async def served(
    *scripts: Reaction, clock: Clock | None = None, tls: ssl.SSLContext | None = None, **settings: Any
) -> AsyncGenerator[tuple[Server, VendorHttp, Clock], None]:
    clock = clock or ScriptedClock()
    async with Server(*scripts, tls=tls).running() as server, http_to(server.url, clock, **settings) as http:
        yield server, http, clock


@asynccontextmanager
async def http_to(url: str, clock: Clock, **settings: Any) -> AsyncGenerator[VendorHttp, None]:
    http = VendorHttp(url, clock, **settings)
    try:
        yield http
    finally:
        await http.aclose()


def stream_of(
    http: VendorHttp,
    clock: Clock,
    *,
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
    framing: Framing | None = None,
    first: float = 60.0,
    total: float = 600.0,
    idle: float = 30.0,
) -> VendorStream:
    now = clock.monotonic()
    return http.stream(
        PATH,
        body,
        headers=headers,
        framing=framing or ServerSentEvents(),
        first_by=now + first,
        until=now + total,
        idle=idle,
    )


async def events_of(stream: VendorStream) -> list[bytes]:
    events = list[bytes]()
    while (batch := await stream.next()) is not None:
        assert batch, "an empty batch"
        events += batch
    return events


async def by_whole(http: VendorHttp, clock: Clock) -> bytes:
    return await http.whole("POST", PATH, BODY, until=clock.monotonic() + 60.0)


async def by_stream(http: VendorHttp, clock: Clock) -> bytes:
    return b"\n".join(await events_of(stream_of(http, clock)))


both_ways = pytest.mark.parametrize("way", [by_whole, by_stream])
