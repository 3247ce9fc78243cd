"""A real server on a real socket, in the test's own event loop, over scripted models."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import httpx

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.server.protocol import Bounds
from llm_gateway.adapters.inbound.http.server.server import GatewayServer
from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.scripted.observer import RecordingObserver
from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.bootstrap.gateway import Gateway
from llm_gateway.bootstrap.opening import open_gateway
from llm_gateway.bootstrap.serving import create_server
from llm_gateway.bootstrap.settings import Secret, Settings
from llm_gateway.domain.routing import DEFAULT_ROUTES, Endpoint, EndpointId, EndpointState, Feature, Locality

from ..waiting import HANG_SECONDS
from ..waiting import eventually as eventually

KEY = "test-key-1"
MODELS = {"gemini": "gemini-flash-latest", "ollama": "llama3.1"}


def endpoint(provider: str, *, without: frozenset[Feature] = frozenset(), unusable: str | None = None) -> EndpointState:
    locality = Locality.CLOUD if provider == "gemini" else Locality.ON_PREMISES
    return EndpointState(
        endpoint=Endpoint(id=EndpointId(provider=provider, model=MODELS.get(provider, "model-1")), locality=locality),
        features=frozenset(Feature) - without,
        unusable=unusable,
    )


def stopped_clock() -> ScriptedClock:
    """For a model of its own: what it waits for comes when the test says so, and long before any deadline."""
    return ScriptedClock(monotonic=0)


def chat(text: str = "Hello", **fields: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


class Wire:
    """A connection as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with suppress(ConnectionError):
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next response: its status, its headers and its body of a stated length."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split(" ")[1]), headers, body

    async def until(self, mark: bytes) -> bytes:
        return await self.reader.readuntil(mark)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        data = b""
        with suppress(ConnectionError):
            while part := await self.reader.read(65536):
                data += part
        return data

    def reset(self) -> None:
        self.writer.transport.abort()


class Served:
    def __init__(self, gateway: Gateway, server: GatewayServer, observer: RecordingObserver, port: int) -> None:
        self.gateway = gateway
        self.server = server
        self.drain = server.drain
        self.observer = observer
        self.port = port
        self._wires: list[Wire] = []
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"x-api-key": KEY},
            transport=httpx.AsyncHTTPTransport(verify=False),
            timeout=HANG_SECONDS,
        )

    async def chat(self, text: str = "Hello", **fields: object) -> httpx.Response:
        return await self.client.post("/api/v1/chat", json=chat(text, **fields))

    async def connect(self) -> Wire:
        self._wires.append(Wire(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self._wires[-1]

    async def aclose(self) -> None:
        await self.client.aclose()
        for wire in self._wires:
            wire.reset()

    def request(self, method: str = "POST", path: str = "/api/v1/chat", body: bytes = b"", **headers: str) -> bytes:
        """A request as bytes, keyed. A header is left out by giving it as empty."""
        named = {
            "host": f"127.0.0.1:{self.port}",
            "x-api-key": KEY,
            "content-type": "application/json",
            "content-length": str(len(body)),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items() if value)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def chat_request(self, text: str = "Hello", **fields: object) -> bytes:
        return self.request(body=json.dumps(chat(text, **fields)).encode())


@asynccontextmanager
async def serve(
    models: Mapping[str, ScriptedChatModel] | None,
    /,
    *,
    endpoints: list[EndpointState] | None = None,
    pace: Pace | None = None,
    bounds: Bounds | None = None,
    overrides: Mapping[str, Any] | None = None,
    access_log: AccessLog | None = None,
    **settings: Any,
) -> AsyncGenerator[Served, None]:
    """Leaves only with nothing left running, and with one record of each chat. Without models: the settings' own.

    The routes are those that a server has, whichever models are given.
    """
    observer = RecordingObserver()
    usual: dict[str, Any] = {
        "api_keys": (Secret(KEY),),
        "port": 0,
        "rate_limiter_capacity": 1_000_000,
        "drain_seconds": 5,
    }
    replaced: dict[str, Any] = {"observer": observer, "meter": observer} | dict(overrides or {})
    if models is not None:
        states = [endpoint(name) for name in models] if endpoints is None else endpoints
        replaced = {"routes": {**DEFAULT_ROUTES, **settings.get("routes", {})}} | replaced
        replaced |= {"chat_models": models, "endpoints": FixedEndpoints(states)}
    async with open_gateway(Settings(**usual | settings), **replaced) as gateway:
        server = create_server(gateway, access_log=access_log, pace=pace, bounds=bounds)
        task = asyncio.create_task(server.serve())
        served = Served(gateway, server, observer, await server.listening())
        try:
            yield served
        finally:
            await served.aclose()
            await halt(server, task)
    assert observer.active == 0
    assert [len(request.records) for request in observer.requests] == [1] * len(observer.requests)
    assert len(gateway.flights) == 0
    assert all(model.open_calls == 0 for model in (models or {}).values())


async def halt(server: GatewayServer, task: "asyncio.Task[None]") -> None:
    """End a server at once: its own orderly end takes two tenths of a second, and has tests of its own."""
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    for listener in server.servers:
        listener.close()
    for connection in tuple(server.server_state.connections):
        connection.transport.abort()
    await eventually(lambda: not server.server_state.tasks)


class Serve(Protocol):
    async def __call__(self, *models: ScriptedChatModel, **options: Any) -> Served: ...
