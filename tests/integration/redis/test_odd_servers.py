"""A server that answers, and not as one that works: it refuses, or says more than it was asked, and works later."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from llm_gateway.adapters.outbound.redis.client.failures import StoreAway, StoreRefused
from llm_gateway.adapters.outbound.redis.client.server import AWAY_FAILURES, AWAY_SECONDS
from llm_gateway.adapters.outbound.redis.client.store import Store, open_store
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter

from .conftest import PATIENCE
from .valkey import Valkey

MASTER = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


class Odd:
    """Answers the first `odd` connections with `words` and `hangs_up`, or not; every later command with OK."""

    def __init__(self, words: bytes, *, asked: bool, hangs_up: bool) -> None:
        self.odd = 1_000
        self.connections = 0
        self._words = words
        self._asked = asked
        self._hangs_up = hangs_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError):
            if self.connections <= self.odd:
                if self._asked:
                    await reader.read(4096)
                writer.write(self._words)
                if self._hangs_up:
                    writer.write_eof()
            while data := await reader.read(65_536):
                if self.connections > self.odd:
                    writer.write(b"".join(MASTER if b"ROLE" in one else b"+OK\r\n" for one in data.split(b"*")[1:]))
        writer.close()


@asynccontextmanager
async def odd_store(odd: Odd, user: str = "") -> AsyncIterator[tuple[Store, ScriptedClock]]:
    clock = ScriptedClock()
    async with await asyncio.start_server(odd.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = open_store(
            "redis", f"redis://{user}127.0.0.1:{port}", clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE
        )
        try:
            yield store, clock
        finally:
            await store.aclose()


FULL = b"-ERR max number of clients reached\r\n"


@pytest.mark.parametrize("asked", [True, False], ids=["once asked", "unasked"])
async def test_a_server_with_no_room_is_away_and_not_connected_to_for_every_call(asked: bool) -> None:
    odd = Odd(FULL, asked=asked, hangs_up=True)
    async with odd_store(odd) as (store, clock):
        for _ in range(50):
            with pytest.raises(StoreAway):
                await store.call("get", b"k", "GET", "k")
        assert odd.connections == AWAY_FAILURES
        odd.odd = 0
        await clock.advance(AWAY_SECONDS)
        assert await store.call("get", b"k", "GET", "k") == b"OK"


async def test_a_connection_that_broke_in_the_moment_it_was_ready_is_made_anew() -> None:
    odd = Odd(b"+OK\r\n-ERR and more\r\n", asked=True, hangs_up=False)
    odd.odd = 1
    async with odd_store(odd, ":word@") as (store, _):
        with pytest.raises(StoreAway):
            await store.call("get", b"k", "GET", "k")
        assert await store.call("get", b"k", "GET", "k") == b"OK"


async def test_a_server_that_refuses_a_command_is_told_of_once_a_minute_by_its_code(
    server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("ACL", "SETUSER", "reader", "on", ">word", "~*", "+get", "+ping")
    clock, url = ScriptedClock(), f"redis://reader:word@127.0.0.1:{server.port}"
    store = open_store("redis", url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
    caplog.set_level(logging.INFO, "llm_gateway")
    for _ in range(3):
        for seconds in (1, 58, 1):
            await clock.advance(seconds)
            with pytest.raises(StoreRefused):
                await store.call("put", b"canary", "SET", "canary", "canary")
            await store.call("get", b"canary", "GET", "canary")
    await store.aclose()
    assert caplog.messages == ["Redis refuses what 'put' asks: NOPERM"] * 3
