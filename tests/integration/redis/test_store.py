"""The connection that everyone shares: what it gathers, what it survives, and whose reply is whose."""

import asyncio
import gc
import random
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.cluster import slot_of
from llm_gateway.adapters.outbound.redis.client.command_pipe import packed
from llm_gateway.adapters.outbound.redis.client.failures import StoreAway, StoreRefused, StoreUnheard, StoreUnreached
from llm_gateway.adapters.outbound.redis.client.server import AWAY_FAILURES, AWAY_SECONDS
from llm_gateway.adapters.outbound.redis.client.store import LuaScript, Store, open_store
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter

from ..waiting import HANG_SECONDS, eventually
from .conftest import PATIENCE, Open, be_patient
from .proxy import Proxy
from .valkey import Valkey, valkey, valkey_cluster

HASTE = 0.3


@pytest_asyncio.fixture
async def wire(server: Valkey) -> AsyncIterator[Proxy]:
    async with Proxy(server.port) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def clock() -> ScriptedClock:
    return ScriptedClock()


@pytest_asyncio.fixture
async def hasty(wire: Proxy, clock: ScriptedClock) -> AsyncIterator[Store]:
    """A store that is open, and does not wait long, on a wire that can be cut, at a time that is set."""
    store = open_store("redis", wire.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
    await echo(store, b"open")
    be_patient(store, HASTE)
    yield store
    await store.aclose()


async def echo(store: Store, word: bytes) -> bytes:
    reply = await store.call("echo", b"", "ECHO", word)
    assert isinstance(reply, bytes)
    return reply


async def open_breaker(store: Store) -> None:
    for _ in range(AWAY_FAILURES):
        with pytest.raises(StoreAway):
            await echo(store, b"x")


async def test_what_is_asked_in_one_turn_of_the_loop_goes_in_one_write(open_url: Open, wire: Proxy) -> None:
    store = open_url(wire.url)
    await echo(store, b"open")
    wire.requests.clear()

    words = [b"%d" % number for number in range(20)]
    assert await asyncio.gather(*(echo(store, word) for word in words)) == words

    assert wire.requests == [b"".join(packed("ECHO", word) for word in words)]
    assert wire.connections == 1


async def test_many_calls_at_once_open_one_connection(open_url: Open, wire: Proxy) -> None:
    store = open_url(wire.url)
    await asyncio.gather(*(echo(store, b"x") for _ in range(20)))
    assert wire.connections == 1


@pytest.mark.parametrize("clustered", [False, True])
async def test_a_started_call_is_answered_and_may_be_left(
    open_url: Open, server: Valkey, cluster: list[Valkey], clustered: bool
) -> None:
    store = open_url(f"redis+cluster://127.0.0.1:{cluster[0].port}" if clustered else server.url)

    first = store.start("echo", b"", "ECHO", b"before there is a connection")
    store.start("echo", b"", "ECHO", b"left")
    assert await first == b"before there is a connection"

    assert await store.start("echo", b"", "ECHO", b"one") == b"one"
    with pytest.raises(StoreRefused):
        await store.start("bad", b"", "NOSUCHCOMMAND")


async def test_what_becomes_of_a_call_that_was_left_is_counted_and_nobody_complains(
    server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    meter = Counted()
    async with Proxy(server.port) as wire:
        store = open_store("redis", wire.url, SystemClock(), meter, patience=PATIENCE, look_up=PATIENCE)
        await echo(store, b"open")
        store.start("answered", b"", "ECHO", b"x")
        store.start("refused", b"", "NOSUCHCOMMAND")
        store.start("cancelled", b"", "ECHO", b"x").cancel()
        await echo(store, b"x")
        assert meter.calls == [("echo", False), ("answered", False), ("refused", True), ("echo", False)]

        be_patient(store, 0.02)
        wire.cut()
        for _ in range(AWAY_FAILURES):
            store.start("lost", b"", "ECHO", b"x")
        await eventually(lambda: meter.calls.count(("lost", True)) == AWAY_FAILURES)
        with pytest.raises(StoreAway, match="not asked, because of: no answer in time"):
            store.start("unasked", b"", "ECHO", b"x")
        assert meter.calls[-1] == ("unasked", True)
        wire.reset()
        await store.aclose()
    gc.collect()
    assert [record.name for record in caplog.records if record.name == "asyncio"] == []


async def churn(store: Store, calls: int, at_once: int) -> tuple[int, int]:
    """Calls of which a third are cancelled at any moment; how many were, and how many were answered, each rightly."""
    chance = random.Random(7)
    cancelled = answered = 0
    numbers = iter(range(calls))

    async def caller() -> None:
        nonlocal cancelled, answered
        for number in numbers:
            word = b"%d" % number * chance.randint(1, 50)
            call = asyncio.create_task(echo(store, word))
            if chance.random() < 1 / 3:
                for _ in range(chance.randint(0, 4)):
                    await asyncio.sleep(0)
                call.cancel()
            try:
                assert await call == word
                answered += 1
            except asyncio.CancelledError:
                cancelled += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(caller())
    return cancelled, answered


async def test_a_cancelled_call_leaves_its_reply_to_nobody_else(open_url: Open, wire: Proxy) -> None:
    cancelled, answered = await churn(open_url(wire.url), 1_500, 25)
    assert cancelled > 300
    assert cancelled + answered == 1_500
    assert wire.connections == 1


@pytest.mark.nightly
async def test_ten_thousand_cancellations_under_load_mix_up_no_reply(open_url: Open, wire: Proxy) -> None:
    cancelled, _ = await churn(open_url(wire.url), 40_000, 50)
    assert cancelled > 10_000
    assert wire.connections == 1


async def test_an_error_is_the_one_callers_alone_and_says_no_more_than_its_code(open_url: Open, server: Valkey) -> None:
    store = open_url(server.url)
    good, bad, other = await asyncio.gather(
        echo(store, b"one"), store.call("bad", b"", "CANARY", "canary"), echo(store, b"two"), return_exceptions=True
    )
    assert (good, other) == (b"one", b"two")
    assert isinstance(bad, StoreRefused)
    assert bad.code == "ERR"
    assert "canary" not in str(bad).lower()


async def test_a_call_without_an_answer_ends_in_time_and_the_store_is_asked_no_more(hasty: Store, wire: Proxy) -> None:
    wire.cut()
    began = time.monotonic()
    async with asyncio.timeout(HANG_SECONDS):
        await open_breaker(hasty)
    assert time.monotonic() - began >= HASTE

    for _ in range(100):
        with pytest.raises(StoreAway, match="not asked"):
            echo(hasty, b"x").send(None)  # without a turn of the loop
    assert (await hasty.trouble() or "").startswith("not asked, because of: no ")


async def test_one_trial_at_a_time_finds_out_that_it_is_back(hasty: Store, wire: Proxy, clock: ScriptedClock) -> None:
    wire.cut()
    await open_breaker(hasty)
    await clock.advance(AWAY_SECONDS)

    tried, *others = await asyncio.gather(*(echo(hasty, b"x") for _ in range(10)), return_exceptions=True)
    assert "not asked" not in str(tried)
    assert all("not asked" in str(other) for other in others)

    wire.heal()
    be_patient(hasty, PATIENCE)
    with pytest.raises(StoreAway, match="not asked"):
        await echo(hasty, b"x")
    await clock.advance(AWAY_SECONDS)
    assert await echo(hasty, b"x") == b"x"
    assert await hasty.trouble() is None


async def test_a_silence_is_one_failure_however_many_waited_and_the_server_is_away_at_once(
    hasty: Store, wire: Proxy, clock: ScriptedClock
) -> None:
    wire.cut()
    calls = await asyncio.gather(*(echo(hasty, b"x") for _ in range(10)), return_exceptions=True)
    assert {str(call) for call in calls} == {"no answer in time"}
    (server,) = hasty._route.servers()
    assert server._breaker.era == 1
    with pytest.raises(StoreAway, match="not asked, because of: no answer in time"):
        await echo(hasty, b"x")
    wire.heal()
    be_patient(hasty, PATIENCE)
    await clock.advance(AWAY_SECONDS)
    connections = wire.connections
    assert await echo(hasty, b"x") == b"x"
    assert wire.connections == connections + 1


async def test_a_stall_that_ends_in_time_is_waited_for_and_counts_as_nothing(open_url: Open, wire: Proxy) -> None:
    store = open_url(wire.url)
    await echo(store, b"open")
    (server,) = store._route.servers()
    pipe = server._pipe
    assert pipe is not None
    pipe._look_up = HASTE
    for _ in range(AWAY_FAILURES + 2):
        wire.cut()
        take = asyncio.create_task(echo(store, b"take"))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnheard):
            await store.call("get", b"x", "GET", b"x", quick=True)
        wire.go_on()
        assert await take == b"take"
    assert wire.connections == 1
    assert server._breaker.era == 0


async def test_a_connection_that_breaks_off_is_one_failure_however_many_waited(open_url: Open, wire: Proxy) -> None:
    store = open_url(wire.url)
    for _ in range(AWAY_FAILURES + 1):
        await echo(store, b"open")
        calls = [asyncio.create_task(echo(store, b"x")) for _ in range(10)]
        await asyncio.sleep(0)
        wire.reset()
        for call in calls:
            with pytest.raises(StoreUnheard):
                await call
    assert await echo(store, b"x") == b"x"


async def test_who_tries_whether_a_server_is_back_waits_no_longer_than_for_a_look_up(
    hasty: Store, wire: Proxy, clock: ScriptedClock
) -> None:
    """A server that takes connections and answers nothing, as one that is stopped."""
    wire.cut()
    await open_breaker(hasty)
    await clock.advance(AWAY_SECONDS)
    (server,) = hasty._route.servers()
    server._patience = PATIENCE
    with pytest.raises(StoreUnreached, match="no connection in time"):
        await echo(hasty, b"x")
    with pytest.raises(StoreAway, match="not asked"):
        await echo(hasty, b"x")  # the trial goes on
    wire.go_on()
    assert server._connecting is not None
    await asyncio.wait((server._connecting,))
    assert await echo(hasty, b"x") == b"x"


async def test_a_trial_that_is_cancelled_leaves_room_for_the_next(
    hasty: Store, wire: Proxy, clock: ScriptedClock
) -> None:
    wire.cut()
    await open_breaker(hasty)
    await clock.advance(AWAY_SECONDS)
    trial = asyncio.create_task(echo(hasty, b"x"))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)

    with pytest.raises(StoreAway, match=r"^no (connection|answer)"):
        await echo(hasty, b"x")


async def test_a_connection_that_breaks_off_fails_its_calls_at_once_and_is_opened_again(
    open_url: Open, wire: Proxy
) -> None:
    store = open_url(wire.url)
    await echo(store, b"open")
    call = asyncio.create_task(echo(store, b"x"))
    await asyncio.sleep(0)
    wire.reset()
    with pytest.raises(StoreAway, match="broke off"):
        await call
    assert await echo(store, b"x") == b"x"
    assert wire.connections == 2


async def test_a_store_that_was_absent_at_the_start_is_used_once_it_is_there(open_url: Open, tmp_path: Path) -> None:
    later = Valkey(tmp_path)
    store = open_url(later.url)
    with pytest.raises(StoreAway, match="ConnectionRefusedError"):
        await echo(store, b"x")
    later.start()
    try:
        assert await echo(store, b"x") == b"x"
    finally:
        later.kill()


async def test_a_script_is_sent_once_and_again_after_the_server_forgot_it(open_url: Open, wire: Proxy) -> None:
    mark = token_hex(8)
    store, script = open_url(wire.url), LuaScript(f"return ARGV[1] -- {mark}")
    for word in (b"one", b"two"):
        assert await store.run("run", script, (b"key",), word) == word
    assert sum(mark.encode() in data for data in wire.requests) == 1

    await store.call("flush", b"", "SCRIPT", "FLUSH")
    assert await store.run("run", script, (b"key",), b"three") == b"three"
    assert sum(mark.encode() in data for data in wire.requests) == 2


async def test_what_was_sent_and_not_answered_is_not_sent_again(hasty: Store, wire: Proxy) -> None:
    wire.muted = True
    with pytest.raises(StoreAway, match="no answer in time"):
        await hasty.call("count", b"", "INCR", "sent and not answered")
    assert b"".join(wire.requests).count(b"INCR") == 1


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    key, crt = str(folder / "key.pem"), str(folder / "crt.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, crt


@pytest.mark.external("openssl")
async def test_tls_with_a_certificate_that_is_checked(
    certificate: tuple[str, str], open_url: Open, server: Valkey
) -> None:
    key, crt = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    async with Proxy(server.port, context) as front:
        assert await echo(open_url(f"rediss://localhost:{front.port}?ssl_ca_certs={crt}"), b"x") == b"x"
        for url in (f"rediss://localhost:{front.port}", f"rediss://127.0.0.1:{front.port}?ssl_ca_certs={crt}"):
            with pytest.raises(StoreAway, match=ssl.SSLCertVerificationError.__name__):
                await echo(open_url(url), b"x")


async def test_an_acl_user_logs_in_and_a_wrong_password_is_told_without_it(open_url: Open, server: Valkey) -> None:
    server.ask("ACL", "SETUSER", "gateway", "on", ">pass:w@rd", "~*", "+@all")
    address = f"127.0.0.1:{server.port}/1"
    store = open_url(f"redis://gateway:pass%3Aw%40rd@{address}")
    assert await store.call("whoami", b"", "ACL", "WHOAMI") == b"gateway"
    await store.call("put", b"k", "SET", "only in database 1", "x")
    assert server.ask("EXISTS", "only in database 1") == 0

    with pytest.raises(StoreAway, match="the server answered WRONGPASS") as caught:
        await echo(open_url(f"redis://gateway:canary@{address}"), b"x")
    assert "canary" not in repr((caught.value, caught.value.__cause__))


async def test_credentials_are_asked_for_at_each_connection_as_tokens_expire(
    server: Valkey, clock: ScriptedClock
) -> None:
    name, tokens = f"user-{token_hex(4)}", iter(["first", "second"])
    server.ask("ACL", "SETUSER", name, "on", ">first", "~*", "+@all")

    async def ask() -> tuple[str, str]:
        return name, next(tokens)

    store = open_store(
        "redis", server.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE, credentials=ask
    )
    assert await store.call("whoami", b"", "ACL", "WHOAMI") == name.encode()
    server.ask("ACL", "SETUSER", name, "<first", ">second")
    server.ask("CLIENT", "KILL", "USER", name)
    with suppress(StoreAway):  # the connection may not be known to be closed
        await echo(store, b"x")
    assert await store.call("whoami", b"", "ACL", "WHOAMI") == name.encode()
    server.ask("CLIENT", "KILL", "USER", name)
    with suppress(StoreAway):
        await echo(store, b"x")
    with pytest.raises(StoreAway, match="no credentials: "):
        await echo(store, b"x")
    await store.aclose()


async def test_a_unix_socket(tmp_path: Path, open_url: Open) -> None:
    path = tmp_path / "redis.sock"
    with valkey(port="0", unixsocket=str(path)):
        assert await echo(open_url(f"unix://{path}"), b"x") == b"x"


@pytest.mark.parametrize(
    ("key", "slot"), [(b"", 0), (b"123456789", 12739), (b"a{123456789}b{c}", 12739), (b"{}x", slot_of(b"{}x"))]
)
def test_a_keys_slot(key: bytes, slot: int, cluster: list[Valkey]) -> None:
    assert slot_of(key) == slot == cluster[0].ask("CLUSTER", "KEYSLOT", key)


async def test_a_cluster_is_found_from_any_of_its_nodes_and_has_each_key_where_it_belongs(
    open_url: Open, cluster: list[Valkey]
) -> None:
    store = open_url(f"redis+cluster://127.0.0.1:1,127.0.0.1:{cluster[2].port}")
    keys = [b"key %d" % number for number in range(60)]
    for key in keys:
        await store.call("put", key, "SET", key, key)
    assert [await store.call("get", key, "GET", key) for key in keys] == keys
    assert all(node.ask("DBSIZE") > 0 for node in cluster)
    assert await store.trouble() is None


async def test_a_slot_that_moves_is_followed(open_url: Open, cluster: list[Valkey]) -> None:
    store, key = open_url(f"redis+cluster://127.0.0.1:{cluster[0].port}"), b"{%b}" % token_hex(8).encode()
    slot = slot_of(key)
    owner = next(node for node in cluster if owns(node, slot))
    taker = next(node for node in cluster if node is not owner)
    ids = [node.ask("CLUSTER", "MYID") for node in (owner, taker)]
    await store.call("put", key, "SET", key, "old")

    taker.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    owner.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    new = key + b" and not there yet"
    await store.call("put", new, "SET", new, "asked")
    assert await store.call("get", new, "GET", new) == b"asked"
    owner.ask("MIGRATE", "127.0.0.1", taker.port, "", 0, 5000, "KEYS", *owner.ask("CLUSTER", "GETKEYSINSLOT", slot, 9))
    assert await store.call("get", key, "GET", key) == b"old"

    for node in (taker, owner):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
    assert await store.call("get", key, "GET", key) == b"old"


def owns(node: Valkey, slot: int) -> bool:
    return any(first <= slot <= last and main[1] == node.port for first, last, main, *_ in node.ask("CLUSTER", "SLOTS"))


async def test_a_closed_store_asks_nobody(server: Valkey, clock: ScriptedClock) -> None:
    store = open_store("redis", server.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
    await echo(store, b"x")
    await store.aclose()
    with pytest.raises(StoreAway, match="closed"):
        await echo(store, b"x")


class Counted(SilentStoreMeter):
    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []

    @override
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        assert 0 <= seconds < PATIENCE
        self.calls.append((operation, failed))


async def test_every_call_is_counted_by_what_it_is_for_and_a_failure_as_one(server: Valkey) -> None:
    meter = Counted()
    store = open_store("redis", server.url, SystemClock(), meter, patience=PATIENCE, look_up=PATIENCE)
    await echo(store, b"x")
    with pytest.raises(StoreRefused):
        await store.call("bad", b"", "NOSUCHCOMMAND")
    await store.aclose()
    with pytest.raises(StoreAway):
        await echo(store, b"x")
    assert meter.calls == [("echo", False), ("bad", True), ("echo", True)]


@pytest.mark.nightly
async def test_a_cluster_that_lost_a_server_fails_its_keys_alone_and_recovers_with_it(open_url: Open) -> None:
    with valkey_cluster() as nodes:
        for node in nodes:
            node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
        store = open_url(f"redis+cluster://127.0.0.1:{nodes[0].port}")
        keys = [b"key %d" % number for number in range(30)]
        lost = [key for key in keys if owns(nodes[2], slot_of(key))]
        for key in keys:
            await store.call("put", key, "SET", key, key)

        nodes[2].kill()
        for key in keys:
            if key in lost:
                with pytest.raises(StoreAway):
                    await store.call("get", key, "GET", key)
            else:
                assert await store.call("get", key, "GET", key) == key
        assert await store.trouble()

        nodes[2].start()
        while b"cluster_state:ok" not in nodes[2].ask("CLUSTER", "INFO"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # it tells nobody that it is one of the Cluster again
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                with suppress(StoreAway):
                    assert await store.call("get", lost[0], "GET", lost[0]) is None
                    break
                await asyncio.sleep(0.05)


@pytest.mark.nightly
@pytest.mark.parametrize("ordered", [False, True], ids=["killed", "ordered"])
async def test_a_clusters_replica_takes_over(ordered: bool, open_url: Open) -> None:
    with valkey_cluster(replicas=True, timeout_ms=1_000) as nodes:
        store = open_url(f"redis+cluster://127.0.0.1:{nodes[1].port},127.0.0.1:{nodes[2].port}")
        key = next(key for key in (b"key %d" % number for number in range(100)) if owns(nodes[0], slot_of(key)))
        await store.call("put", key, "SET", key, "before")
        if ordered:
            nodes[3].ask("CLUSTER", "FAILOVER")
        else:
            nodes[0].kill()
        async with asyncio.timeout(HANG_SECONDS):
            while nodes[3].ask("ROLE")[0] != b"master":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        promoted = time.monotonic()
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                with suppress(StoreAway):
                    await store.call("put", key, "SET", key, "after")
                    break
                await asyncio.sleep(0.05)
        assert time.monotonic() - promoted < 3 * AWAY_SECONDS
        assert await store.call("get", key, "GET", key) == b"after"
        assert await store.trouble() is None


async def test_a_server_that_became_a_replica_is_connected_anew(open_url: Open, tmp_path: Path) -> None:
    own = Valkey(tmp_path)
    own.start()
    try:
        async with Proxy(own.port) as wire:
            store = open_url(wire.url)
            await store.call("put", b"k", "SET", "k", "v")
            own.ask("REPLICAOF", "127.0.0.1", 1)
            with pytest.raises(StoreAway, match="READONLY"):
                await store.call("put", b"k", "SET", "k", "v")
            own.ask("REPLICAOF", "NO", "ONE")
            await store.call("put", b"k", "SET", "k", "v")
            assert wire.connections == 2
    finally:
        own.kill()
