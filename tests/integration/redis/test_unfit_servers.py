"""A server that is there and can't be used: it is told from the first look on, and costs no request its answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client import store as redis_store
from llm_gateway.adapters.outbound.redis.client.command_pipe import packed
from llm_gateway.adapters.outbound.redis.client.failures import StoreAway, StoreOdd, StoreRefused
from llm_gateway.adapters.outbound.redis.client.server import AWAY_FAILURES
from llm_gateway.adapters.outbound.redis.client.standing import REMEMBERED_SECONDS
from llm_gateway.adapters.outbound.redis.client.store import Store, open_store
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.bootstrap.probing import probe
from llm_gateway.bootstrap.settings import Secret, Settings

from ..ports import free_port
from ..waiting import eventually
from .conftest import PATIENCE, Open
from .gateways import Gateways
from .sentinel import Watcher
from .valkey import Valkey, valkey

Unfit = Callable[[ExitStack, Path], str]
"""Starts a server of the kind, and gives its URL."""


def no_rights(stack: ExitStack, _: Path) -> str:
    server = stack.enter_context(valkey())
    server.ask("ACL", "SETUSER", "reader", "on", ">word", "~*", "+get", "+mget", "+hget", "+ping")
    return f"redis://reader:word@127.0.0.1:{server.port}"


def no_scripts(stack: ExitStack, _: Path) -> str:
    server = stack.enter_context(valkey())
    server.ask("ACL", "SETUSER", "plain", "on", ">word", "~*", "+@all", "-@scripting")
    return f"redis://plain:word@127.0.0.1:{server.port}"


def full(stack: ExitStack, _: Path) -> str:
    return stack.enter_context(valkey(maxmemory="1", maxmemory_policy="noeviction")).url


def replica(stack: ExitStack, _: Path) -> str:
    return stack.enter_context(valkey(replicaof=f"127.0.0.1 {free_port()}")).url


def stale_replica(stack: ExitStack, _: Path) -> str:
    return stack.enter_context(valkey(replicaof=f"127.0.0.1 {free_port()}", replica_serve_stale_data="no")).url


def sentinel(stack: ExitStack, folder: Path) -> str:
    (home := folder / "sentinel").mkdir()
    watcher = Watcher(home, Valkey(folder), 1)
    watcher.start()
    stack.callback(watcher.kill)
    return watcher.url


def busy(stack: ExitStack, folder: Path) -> str:
    """Held up by a script that never ends."""
    server = stack.enter_context(valkey(busy_reply_threshold="1"))
    plug = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
    plug.sendall(packed("EVAL", "while true do end", 0))
    return server.url


KINDS = [
    pytest.param(no_rights, "NOPERM", id="no rights"),
    pytest.param(no_scripts, "NOPERM", id="no scripts"),
    pytest.param(full, "OOM", id="full"),
    pytest.param(replica, "the server is a replica", id="a replica"),
    pytest.param(stale_replica, "the server is a replica", id="a replica without its master"),
    pytest.param(sentinel, "the server is a Sentinel", id="a Sentinel's port"),
    pytest.param(busy, "BUSY", id="busy"),
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("unfit", "why"), KINDS)
async def test_a_server_that_refuses_is_told_of_at_once_and_every_request_answered(
    unfit: Unfit, why: str, stack: ExitStack, tmp_path: Path, gateways: Gateways
) -> None:
    url = await asyncio.to_thread(unfit, stack, tmp_path)
    served = await gateways.open(capacity=3, redis_url=url)

    assert 'gateway_redis_unusable{store="redis"} 1.0' in (await served.client.get("/metrics")).text
    (told,) = (await served.client.get("/health/ready")).json()["stores"]
    assert told["usable"] is False
    assert why in told["reason"]
    responses = [await served.chat(f"question {number}") for number in range(4)]
    assert [response.status_code for response in responses] == [200] * 3 + [429]
    assert {response.headers["x-gateway-limiter"] for response in responses} == {"local"}
    assert 'gateway_redis_unusable{store="redis"} 1.0' in (await served.client.get("/metrics")).text

    lines: list[str] = []
    assert not await probe(Settings(redis_url=Secret(url)), lines.append)
    assert any(line.startswith("Probe: redis  fails") and why in line for line in lines)


async def test_the_probe_says_of_a_store_that_it_can_be_used(server: Valkey) -> None:
    lines: list[str] = []
    assert await probe(Settings(redis_url=Secret(server.url)), lines.append)
    assert lines == ["Probe: redis  can be used"]


MASTER = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


@asynccontextmanager
async def saying(words: bytes, **others: bytes) -> AsyncIterator[str]:
    """A server that answers every command but ROLE, and the `others`, with the same."""
    answers = {"ROLE": MASTER, **others}

    def answer_to(command: bytes) -> bytes:
        return next((answer for name, answer in answers.items() if name.encode() in command), words)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 20):
            commands = data.split(b"\r\n*")
            writer.write(b"".join(map(answer_to, commands)))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"redis://127.0.0.1:{running.sockets[0].getsockname()[1]}"


ODD = {
    "an integer": b":1\r\n",
    "text": b"+maybe\r\n",
    "nothing": b"$-1\r\n",
    "a row": b"*2\r\n:1\r\n$1\r\nx\r\n",
    "a long row": b"*4\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "masterdown": b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
    "wrong type": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    "no disk": b"-MISCONF Errors writing to the AOF file\r\n",
}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("words", ODD.values(), ids=ODD)
async def test_any_other_answer_than_was_asked_for_is_never_a_500(words: bytes, gateways: Gateways) -> None:
    async with saying(words) as url:
        served = await gateways.open(capacity=3, redis_url=url)
        (told,) = (await served.client.get("/health/ready")).json()["stores"]
        assert told["usable"] is False
        responses = [await served.chat(f"question {number}") for number in range(4)]
        assert [response.status_code for response in responses] == [200] * 3 + [429]
        served.client.headers["x-api-key"] = token_hex(16)
        unknown = (await served.chat()).status_code
        assert unknown == (401 if words == ODD["nothing"] else 503), "a registered client's key, for all that is known"


async def test_a_refusal_that_only_some_calls_meet_is_remembered_until_they_succeed(
    server: Valkey, open_url: Open
) -> None:
    name = f"u{token_hex(4)}"
    server.ask("ACL", "SETUSER", name, "on", ">word", "~*", "+@all", "-hvals")
    store = open_url(f"redis://{name}:word@127.0.0.1:{server.port}")
    assert await store.trouble() is None
    with pytest.raises(StoreRefused):
        await store.call("list", b"h", "HVALS", "h")
    assert await store.trouble() == "'list' was answered NOPERM"

    server.ask("ACL", "SETUSER", name, "+hvals")
    assert await store.call("list", b"h", "HVALS", "h") == []
    assert await store.trouble() is None


async def test_a_refusal_that_nobody_meets_again_is_forgotten(server: Valkey) -> None:
    clock = ScriptedClock()
    store = open_store("redis", server.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
    with pytest.raises(StoreRefused):
        await store.call("odd", b"k", "NOSUCHCOMMAND")
    assert await store.trouble() == "'odd' was answered ERR"
    await clock.advance(REMEMBERED_SECONDS)
    assert await store.trouble() is None
    await store.aclose()


async def test_what_nobody_asks_is_tried_until_it_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "LOOK_SECONDS", 0.05)
    server, told = Valkey(tmp_path), Told()
    store = open_store("redis", server.url, SystemClock(), told, patience=PATIENCE, look_up=PATIENCE)
    assert await store.trouble() == "no connection: ConnectionRefusedError"
    assert told.usable_ones == [False]
    server.start()
    try:
        await eventually(lambda: told.usable_ones == [False, True])
    finally:
        await store.aclose()
        server.kill()


class Told(SilentStoreMeter):
    def __init__(self) -> None:
        self.usable_ones: list[bool] = []

    @override
    def usable(self, store: str, usable: bool) -> None:
        assert store == "redis"
        self.usable_ones.append(usable)


async def test_another_type_than_asked_is_a_refusal(open_url: Open) -> None:
    async with saying(b":1\r\n") as url:
        store: Store = open_url(url)
        with pytest.raises(StoreOdd):
            await store.call("get", b"k", "GET", "k")
        assert await store.trouble() == "the server answered with another type than was asked for"


async def test_keys_that_are_on_their_way_keep_no_other_from_being_asked_for(open_url: Open) -> None:
    """While a Cluster's slot is moved, a script on keys of which one is new is answered so every time."""
    moving = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
    async with saying(moving, GET=b"$1\r\nx\r\n") as url:
        store: Store = open_url(url)
        for _ in range(AWAY_FAILURES):
            with pytest.raises(StoreAway, match="TRYAGAIN"):
                await store.call("take", b"k", "EVALSHA", "digest", 1, "k")
        assert await store.call("get", b"other", "GET", "other") == b"x"
