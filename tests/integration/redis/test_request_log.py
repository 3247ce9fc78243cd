"""Records in Redis: found by every gateway, for a time, and never worth an error or a wait."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from llm_gateway.adapters.outbound.redis.request_log import AT_ONCE, LIFE_MS, MAX_LISTS, MAX_PENDING, RedisRequestLog
from llm_gateway.application.ports.stores import MAX_LISTED
from llm_gateway.application.records import RequestId
from llm_gateway.domain.clients import ClientId
from llm_gateway.testing.contracts.observer import FULL

from ..waiting import eventually
from .conftest import Open
from .proxy import Proxy
from .valkey import Valkey

ME = ClientId("one")


async def kept(log: RedisRequestLog, server: Valkey, id: str) -> bytes:
    """Keep a record, and give the key that it is under."""
    for key in server.ask("KEYS", "llm-gateway:record:*"):
        server.ask("DEL", key)
    log.put(replace(FULL, id=RequestId(id)))
    await log.aclose()
    (name,) = server.ask("KEYS", "llm-gateway:record:*")
    return bytes(name)


async def test_another_gateway_finds_it_and_it_expires(open_url: Open, server: Valkey) -> None:
    one, other = RedisRequestLog(open_url(server.url)), RedisRequestLog(open_url(server.url))
    key = await kept(one, server, "shared")
    assert await other.find(ME, RequestId("shared")) == replace(FULL, id=RequestId("shared"))
    assert LIFE_MS - 60_000 < server.ask("PTTL", key) <= LIFE_MS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry[:-1],
        lambda entry: b"\xff" + entry[1:],
        lambda entry: msgpack.encode([0, msgpack.decode(entry)[1]]),
        lambda entry: msgpack.encode([1, msgpack.decode(entry)[1] | {"client": "other"}]),
        lambda entry: msgpack.encode([1, msgpack.decode(entry)[1] | {"id": "another"}]),
    ],
    ids=["cut", "garbled", "older", "another client's", "another request's"],
)
async def test_what_is_not_this_record_is_not_found(
    open_url: Open, server: Valkey, spoil: Callable[[bytes], bytes]
) -> None:
    log = RedisRequestLog(open_url(server.url))
    key = await kept(log, server, "spoilt")
    server.ask("SET", key, spoil(server.ask("GET", key)))
    assert await log.find(ME, RequestId("spoilt")) is None


async def test_where_the_server_is_away_nothing_is_found_and_nobody_waits(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        log = RedisRequestLog(open_url(wire.url, patience=0.05))
        wire._server.close()
        wire.reset()
        for number in range(2 * MAX_PENDING):
            log.put(replace(FULL, id=RequestId(f"lost-{number}")))
        assert await log.find(ME, RequestId("lost-0")) is None
        await log.aclose()
    assert not log._pending


async def test_many_records_are_all_kept(open_url: Open, server: Valkey) -> None:
    log = RedisRequestLog(open_url(server.url))
    for number in range(1000):
        log.put(replace(FULL, id=RequestId(f"many-{number}")))
    await eventually(lambda: not log._pending and not log._under_way)
    assert None not in [await log.find(ME, RequestId(f"many-{number}")) for number in range(1000)]


async def test_so_many_are_on_their_way_at_once_and_no_task_is_made_for_any(
    open_url: Open, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_url(server.url)
    await store.call("open", b"", "PING")
    log, loop = RedisRequestLog(store), asyncio.get_running_loop()
    under_way: list[int] = []
    ended = log._kept

    def kept(records: int, reply: "asyncio.Future[object]") -> None:
        under_way.extend([log._under_way] * records)
        ended(records, reply)

    monkeypatch.setattr(log, "_kept", kept)
    before = asyncio.all_tasks(loop)
    for number in range(300):
        log.put(replace(FULL, id=RequestId(f"few-{number}")))
    await asyncio.sleep(0)
    assert log._under_way == AT_ONCE
    assert asyncio.all_tasks(loop) == before

    await eventually(lambda: len(under_way) == 300)

    assert max(under_way) == AT_ONCE
    assert not log._pending
    assert not log._under_way


async def test_records_of_one_turn_are_one_call(
    open_url: Open, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_url(server.url)
    await store.call("open", b"", "PING")
    log = RedisRequestLog(store)
    for key in server.ask("KEYS", "llm-gateway:record:*"):
        server.ask("DEL", key)
    calls: list[str] = []
    start = store.start

    def counted(operation: str, key: bytes, *command: str | bytes | int) -> "asyncio.Future[object]":
        if key.startswith(b"llm-gateway:record:"):
            calls.append(str(command[0]))
        return start(operation, key, *command)

    monkeypatch.setattr(store, "start", counted)
    for number in range(32):
        log.put(replace(FULL, id=RequestId(f"turn-{number}")))
    await eventually(lambda: bool(calls) and not log._under_way)
    log.put(replace(FULL, id=RequestId("alone")))
    await log.aclose()
    assert calls == ["EVAL", "SET"]
    assert await log.find(ME, RequestId("turn-31")) == replace(FULL, id=RequestId("turn-31"))
    assert await log.find(ME, RequestId("alone")) == replace(FULL, id=RequestId("alone"))
    ends = [server.ask("PTTL", key) for key in server.ask("KEYS", "llm-gateway:record:*")]
    assert len(ends) == 33
    assert all(LIFE_MS - 60_000 < left <= LIFE_MS for left in ends)


async def test_another_gateway_lists_it_within_a_moment_and_a_list_expires(open_url: Open, server: Valkey) -> None:
    one, other = RedisRequestLog(open_url(server.url)), RedisRequestLog(open_url(server.url))
    client = ClientId("shared list")
    record = replace(FULL, client=client)
    for key in server.ask("KEYS", "llm-gateway:requests:*"):
        server.ask("DEL", key)
    one.put(record)
    assert list(await one.latest(client, 5)) == [record], "its own without a wait"
    other.put(replace(record, id=RequestId("theirs")))
    await eventually(lambda: server.ask("KEYS", "llm-gateway:requests:*") and not other._unlisted)
    assert [kept.id for kept in await one.latest(client, 5)] == ["theirs", record.id]
    (name,) = server.ask("KEYS", "llm-gateway:requests:*")
    assert b"shared" not in name
    assert LIFE_MS - 60_000 < server.ask("PTTL", name) <= LIFE_MS


async def test_lists_cost_a_call_a_client_and_not_one_a_request(
    open_url: Open, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_url(server.url)
    await store.call("open", b"", "PING")
    log = RedisRequestLog(store)
    calls: list[bytes] = []
    start = store.start

    def counted(operation: str, key: bytes, *command: str | bytes | int) -> "asyncio.Future[object]":
        calls.append(key)
        return start(operation, key, *command)

    monkeypatch.setattr(store, "start", counted)
    for number in range(200):
        log.put(replace(FULL, client=ClientId(f"c{number % 2}"), id=RequestId(f"r{number}")))
    await log.aclose()
    assert len([key for key in calls if key.startswith(b"llm-gateway:requests:")]) == 2
    assert [len(await log.latest(ClientId(client), 100)) for client in ("c0", "c1")] == [MAX_LISTED, MAX_LISTED]


async def test_so_many_clients_have_a_list_that_waits(open_url: Open, server: Valkey) -> None:
    log = RedisRequestLog(open_url(server.url))
    for number in range(MAX_LISTS + 10):
        log.put(replace(FULL, client=ClientId(f"many-{number}")))
    assert len(log._unlisted) == MAX_LISTS
    await log.aclose()
    assert log._unlisted == {}


async def test_a_listed_id_without_its_record_is_left_out(open_url: Open, server: Valkey) -> None:
    log = RedisRequestLog(open_url(server.url))
    client = ClientId("gaps")
    for id in ("a", "b"):
        log.put(replace(FULL, client=client, id=RequestId(id)))
    await log.aclose()
    (name,) = [key for key in server.ask("KEYS", "llm-gateway:requests:*") if server.ask("LINDEX", key, "0") == b"b"]
    server.ask("LPUSH", name, "gone", b"\xff")
    assert await log.latest(client, 5) == (), "a list that is none"
    server.ask("LPOP", name)
    assert [record.id for record in await log.latest(client, 5)] == ["b", "a"]


async def test_where_the_server_is_away_nothing_is_listed(open_url: Open) -> None:
    log = RedisRequestLog(open_url("redis://127.0.0.1:1", patience=0.05))
    log.put(FULL)
    assert await log.latest(ME, 5) == ()
    await log.aclose()
