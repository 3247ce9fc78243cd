"""What the limiter leaves on the server: for how long, under which names, and what it does not say twice."""

import asyncio
import random
from itertools import pairwise
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.redis import rate_limiter
from llm_gateway.adapters.outbound.redis.client.store import LuaScript, open_store
from llm_gateway.adapters.outbound.redis.rate_limiter import TAKE_RATES, RedisRateLimiter
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.application.lease_keeper import LeaseKeeper
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import DEBT_FLOOR, LEASE_MS, Bucket, Charge, Quota
from llm_gateway.domain.quota_account import QuotaAccount
from llm_gateway.testing.contracts.rate_limiter import LEASE, ONE, client, left, new_id

from ..waiting import eventually
from .conftest import PATIENCE, Open, be_patient
from .proxy import Proxy
from .set_time import TimedRateLimiter
from .valkey import Valkey


def names_of(server: Valkey, someone: Client) -> list[bytes]:
    names: list[bytes] = server.ask("KEYS", f"*{{client={someone.id}}}*")
    return sorted(names)


async def test_the_servers_own_clock_refills_a_bucket(open_url: Open, server: Valkey) -> None:
    limiter = RedisRateLimiter(open_url(server.url))
    id = client().id
    someone = Client(id=id, namespace=id, quota=Quota(requests=Bucket.of(1, 20.0)))
    refused = await limiter.take(someone, ONE, new_id())
    while refused.allowed:  # twice within a twentieth of a second
        refused = await limiter.take(someone, ONE, new_id())
    assert 0 < refused.retry_after_ms <= 50
    await asyncio.sleep(refused.retry_after_ms / 1000 + 0.002)
    assert (await limiter.take(someone, ONE, new_id())).allowed


async def test_nothing_is_kept_for_less_than_the_refill_and_the_leases_or_for_ever(
    open_url: Open, server: Valkey
) -> None:
    limiter = RedisRateLimiter(open_url(server.url))
    slow, quick = client(requests=5, tokens=100, concurrency=3), ClientId(client().id)
    fast = Client(id=quick, namespace="x", quota=Quota(requests=Bucket.of(5, 1000.0)))
    for someone in (slow, fast):
        await limiter.take(someone, Charge(requests=1, tokens=50, lease=True), new_id())

    slow_account, slow_held, slow_leases = (server.ask("PTTL", name) for name in names_of(server, slow))
    fast_account, fast_held = (server.ask("PTTL", name) for name in names_of(server, fast))
    assert 49_990_000 < slow_account <= 50_000_000  # 50 tokens at a thousandth a second
    for kept in (slow_held, slow_leases, fast_held, fast_account):
        assert LEASE_MS - 5_000 < kept <= LEASE_MS


async def test_renewing_and_settling_keep_the_account_and_settling_drops_the_reservation(
    open_url: Open, server: Valkey
) -> None:
    limiter, someone, id = RedisRateLimiter(open_url(server.url)), client(tokens=100, concurrency=1), new_id()
    await limiter.take(someone, Charge(tokens=80, lease=True), id)
    for name in names_of(server, someone):
        server.ask("PEXPIRE", name, LEASE_MS - 2_000)

    await limiter.renew(someone, id)
    assert all(server.ask("PTTL", name) > LEASE_MS - 2_000 for name in names_of(server, someone))
    await limiter.settle(someone, id, 500)
    (account,) = names_of(server, someone)
    assert server.ask("PTTL", account) > 479_000_000  # a debt of 380 and the capacity of 100, less what came back


async def test_a_changed_quota_begins_anew_and_an_earlier_one_goes_on_beside_it(open_url: Open, server: Valkey) -> None:
    limiter, old = RedisRateLimiter(open_url(server.url)), client(requests=2)
    new = Client(id=old.id, namespace=old.namespace, quota=Quota(requests=Bucket.of(5, 0.001)))
    await limiter.take(old, ONE, new_id())

    assert left((await limiter.take(new, ONE, new_id())).requests) == 4
    assert left((await limiter.take(old, ONE, new_id())).requests) == 0


async def test_gateways_of_two_versions_count_side_by_side_and_each_exactly(
    open_url: Open, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, someone = RedisRateLimiter(open_url(server.url)), client(requests=3)
    taken = [left((await old.take(someone, ONE, new_id())).requests)]
    monkeypatch.setattr(rate_limiter, "VERSION", rate_limiter.VERSION + 1)
    new = RedisRateLimiter(open_url(server.url), LuaScript(f"{TAKE_RATES.body}\n-- of the next version"))
    for _ in range(2):
        for limiter in (new, old):
            taken.append(left((await limiter.take(someone, ONE, new_id())).requests))
    assert taken == [2, 2, 1, 1, 0]
    assert not (await old.take(someone, ONE, new_id())).allowed
    assert (await new.take(someone, ONE, new_id())).allowed


async def test_two_gateways_count_together(open_url: Open, server: Valkey) -> None:
    limiters = [RedisRateLimiter(open_url(server.url)) for _ in range(2)]
    someone = client(requests=5, concurrency=2)
    taken = [await limiters[number % 2].take(someone, ONE, new_id()) for number in range(6)]
    assert [one.allowed for one in taken] == [True] * 5 + [False]
    assert [(await limiter.take(someone, LEASE, new_id())).allowed for limiter in (*limiters, limiters[0])] == [
        True,
        True,
        False,
    ]


async def test_keys_carry_a_version_and_a_client_whatever_it_is_called_in_one_slot(
    open_url: Open, cluster: list[Valkey]
) -> None:
    limiter = RedisRateLimiter(open_url(f"redis+cluster://127.0.0.1:{cluster[0].port}"))
    plain = client().id
    for id in (plain, "", "}{", "a{b}c", "two words", "ünï:code/*?[x]"):
        quota = Quota(requests=Bucket.of(1, random.uniform(0.001, 0.002)), concurrency=1)  # of this test alone
        someone = Client(id=ClientId(id), namespace=id, quota=quota)
        assert (await limiter.take(someone, Charge(requests=1, lease=True), new_id())).allowed
        assert not (await limiter.take(someone, ONE, new_id())).allowed
    names = [name for node in cluster for name in node.ask("KEYS", f"llm-gateway:quota:1:{{client={plain}}}:*")]
    assert len(names) == 3


async def test_a_clients_leases_are_renewed_in_one_command(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        limiter, someone = RedisRateLimiter(open_url(wire.url)), client(concurrency=100)
        ids = [new_id() for _ in range(60)]
        for id in ids:
            await limiter.take(someone, Charge(lease=True), id)
        for name in names_of(server, someone):
            server.ask("PEXPIRE", name, 9_000)
        wire.requests.clear()
        await limiter.renew(someone, *ids)
        assert b"".join(wire.requests).count(b"EVALSHA") == 1
    held = [name for name in names_of(server, someone) if b":held:" in name]
    assert len(held) == 60
    assert all(server.ask("PTTL", name) > 9_000 for name in held)


async def test_a_settlement_gives_up_early_and_may_be_made_again(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        store = open_url(wire.url)
        limiter, someone, id = RedisRateLimiter(store), client(tokens=100, concurrency=1), new_id()
        await limiter.take(someone, Charge(tokens=60, lease=True), id)
        pipe = next(server._pipe for server in store._route.servers())
        assert pipe is not None
        pipe._look_up = 0.05
        wire.cut()
        with pytest.raises(LimiterUnavailable) as caught:
            await limiter.settle(someone, id, 10)
        assert caught.value.doubtful
        pipe._look_up = PATIENCE
        wire.go_on()
        for _ in range(3):
            await limiter.settle(someone, id, 10)
        decision = await limiter.take(someone, Charge(lease=True), new_id())
        assert decision.allowed
        assert left(decision.tokens) == 90


async def test_a_client_is_not_locked_out_by_a_pause_of_the_server(tmp_path: Path) -> None:
    """All of its answers end while the server is silent, for longer than a settlement waits."""
    own = Valkey(tmp_path)
    own.start()
    async with Proxy(own.port) as wire:
        clock = ScriptedClock()
        store = open_store("redis", wire.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
        limiter, someone = RedisRateLimiter(store), client(concurrency=4)
        keeper, ids = LeaseKeeper(limiter, clock), [new_id() for _ in range(4)]
        try:
            for id in ids:
                assert (await limiter.take(someone, Charge(lease=True), id)).allowed
                keeper.hold(someone, id, heard=True)
            be_patient(store, 0.1)
            wire.cut()
            await asyncio.gather(*(keeper.settle(someone, id, 0) for id in ids))
            wire.heal()
            be_patient(store, PATIENCE)
            assert own.ask("ZCARD", next(name for name in names_of(own, someone) if name.endswith(b":leases"))) == 4
            await clock.advance(2)
            await eventually(lambda: not keeper._unsettled)
            for _ in range(4):
                assert (await limiter.take(someone, Charge(lease=True), new_id())).allowed
        finally:
            await keeper.aclose()
            await store.aclose()
            own.kill()


async def test_a_server_that_forgot_the_script_is_told_it_again(open_url: Open, server: Valkey) -> None:
    limiter, someone = RedisRateLimiter(open_url(server.url)), client(requests=2)
    assert (await limiter.take(someone, ONE, new_id())).allowed
    server.ask("SCRIPT", "FLUSH")
    assert left((await limiter.take(someone, ONE, new_id())).requests) == 0


async def test_a_charge_whose_fate_is_unknown_is_not_repeated(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        store = open_url(wire.url)
        limiter, someone = RedisRateLimiter(store), client(requests=5)
        await limiter.take(someone, ONE, new_id())
        wire.muted = True
        be_patient(store, 0.5)
        with pytest.raises(LimiterUnavailable) as caught:
            await limiter.take(someone, ONE, new_id())
        other = RedisRateLimiter(open_url(server.url))
        assert left((await other.take(someone, Charge(), new_id())).requests) == 3
    assert someone.id not in str(caught.value)


async def test_an_account_that_is_no_account_is_unavailable_and_not_a_crash(open_url: Open, server: Valkey) -> None:
    limiter, someone = RedisRateLimiter(open_url(server.url)), client(requests=5)
    await limiter.take(someone, ONE, new_id())
    account = names_of(server, someone)[0]
    server.ask("DEL", account)
    server.ask("SET", account, "someone else's")
    with pytest.raises(LimiterUnavailable):
        await limiter.take(someone, ONE, new_id())


async def test_ids_that_only_begin_alike_are_different_reservations(open_url: Open, server: Valkey) -> None:
    limiter, someone = RedisRateLimiter(open_url(server.url)), client(requests=9)
    first = new_id()
    ids = [first, type(first)(first + "0"), type(first)(first + ":leases")]
    seen = [left((await limiter.take(someone, ONE, id)).requests) for id in ids]
    assert all(before - after == 1 for before, after in pairwise(seen))


async def test_debt_has_the_floor_that_the_account_has(open_url: Open, server: Valkey) -> None:
    clock, id = ScriptedClock(), client().id
    someone = Client(id=id, namespace=id, quota=Quota(tokens=Bucket.of(10, 3.7)))
    limiter = TimedRateLimiter(open_url(server.url), clock)
    account = QuotaAccount(someone.quota, 1_000_000)
    for _ in range(4):
        reservation = new_id()
        await limiter.take(someone, LEASE, reservation)
        await limiter.settle(someone, reservation, 10**10)
        account.take(LEASE, reservation, 1_000_000)
        account.settle(reservation, 10**10, 1_000_000)
        said = await limiter.take(someone, Charge(tokens=1), new_id())
        assert said == account.take(Charge(tokens=1), new_id(), 1_000_000)
    assert said.retry_after_ms == -(-(10**9 - DEBT_FLOOR) // 3_700_000)
