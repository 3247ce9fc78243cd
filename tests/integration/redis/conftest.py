"""The servers that the tests share, and stores that are closed after each test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol, cast

import pytest
import pytest_asyncio
import uvloop
from fakeredis import TcpFakeServer
from fakeredis._commands import command
from fakeredis.commands_mixins import server_mixin

from llm_gateway.adapters.outbound.redis.client import server as redis_server_module
from llm_gateway.adapters.outbound.redis.client import store as redis_store
from llm_gateway.adapters.outbound.redis.client.command_pipe import CommandPipe
from llm_gateway.adapters.outbound.redis.client.store import Store, open_store
from llm_gateway.adapters.outbound.redis.client_registry import REPLACE
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter

from ..waiting import HANG_SECONDS
from .gateways import Gateways, WatchedTransport, Writes
from .set_time import SHADOWED
from .valkey import Valkey, ask, valkey, valkey_cluster

PATIENCE = HANG_SECONDS
"""Seconds for a call, where its time is not what is tested: machines are shared."""


REDIS = pytest.param("redis", marks=pytest.mark.external("redis-server"))


class Open(Protocol):
    def __call__(self, url: str, patience: float = PATIENCE) -> Store: ...


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that serves, and the one that a host may have."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _connects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server_module, "CONNECT_SECONDS", PATIENCE)


def be_patient(store: Store, seconds: float) -> None:
    """From now on, for the connection that is open too."""
    for server in store._route.servers():
        server._patience = server._look_up = seconds
        if (pipe := server._pipe) is not None:
            pipe._patience = pipe._look_up = seconds
            pipe._wake(asyncio.get_running_loop().time())  # it looks anew at whose time is up


@pytest.fixture(scope="session")
def server() -> Iterator[Valkey]:
    """One that no test may harm."""
    with valkey() as running:
        yield running


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Valkey]:
    """The same of Redis itself."""
    with valkey(program="redis-server") as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[list[Valkey]]:
    with valkey_cluster() as nodes:
        yield nodes


def _role(_: object) -> list[Any]:
    return [b"master", 0, []]


@pytest.fixture(scope="session")
def fake() -> Iterator[str]:
    """fakeredis on a socket: its URL. It has the scripts already, because it closes a connection after any error.

    Therefore it has to know ROLE too, which it lacks.
    """
    command((), name="role")(_role)
    setattr(server_mixin.ServerCommandsMixin, "_role", _role)  # noqa: B010 - mypy knows no such method
    server = TcpFakeServer(("127.0.0.1", 0))
    server.daemon_threads = True
    server.block_on_close = False  # a test that failed may have left a connection open
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    for script in (SHADOWED, REPLACE):
        ask(port, "SCRIPT", "LOAD", script.body)
    yield f"redis://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest_asyncio.fixture
async def open_url() -> AsyncIterator[Open]:
    stores: list[Store] = []

    def opened(url: str, patience: float = PATIENCE) -> Store:
        stores.append(open_store("redis", url, SystemClock(), SilentStoreMeter(), patience=patience, look_up=patience))
        return stores[-1]

    yield opened
    for store in stores:
        await store.aclose()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of whole gateways that a busy machine does not fail."""
    opened = redis_store.open_store

    def patiently(*args: Any, **options: Any) -> Store:
        return opened(*args, **options | {"patience": PATIENCE, "look_up": PATIENCE})

    monkeypatch.setattr(redis_store, "open_store", patiently)


@pytest_asyncio.fixture
async def gateways() -> AsyncIterator[Gateways]:
    async with AsyncExitStack() as stack:
        yield Gateways(stack)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Whatever stores that are opened from now on write."""
    seen: Writes = []
    connected = CommandPipe.connection_made

    def watched(line: CommandPipe, transport: Any) -> None:
        connected(line, cast("asyncio.Transport", WatchedTransport(transport, seen)))

    monkeypatch.setattr(CommandPipe, "connection_made", watched)
    return seen
