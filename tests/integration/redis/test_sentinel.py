"""A master that Sentinels name: found, lost, and found elsewhere."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.redis.client.failures import StoreAway
from llm_gateway.adapters.outbound.redis.client.store import Store

from ..ports import free_port
from ..waiting import HANG_SECONDS
from .conftest import Open
from .sentinel import SERVICE, Watched, Watcher, watched
from .valkey import Valkey

RECOVERY_SECONDS = 2.5
"""After the promotion."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Valkey, Watcher]]:
    """A server and a Sentinel, each with a password of its own."""
    server = Valkey(tmp_path_factory.mktemp("master"), requirepass="of-the-server")
    watcher = Watcher(
        tmp_path_factory.mktemp("sentinel"),
        server,
        1,
        f"sentinel auth-pass {SERVICE} of-the-server",
        "requirepass of-the-sentinel",
    )
    server.start()
    watcher.start()
    yield server, watcher
    watcher.kill()
    server.kill()


async def test_the_master_is_found_though_the_first_sentinel_is_dead_and_each_has_its_own_password(
    guarded: tuple[Valkey, Watcher], open_url: Open
) -> None:
    _, watcher = guarded
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{watcher.port}"
    store = open_url(f"redis+sentinel://:of-the-server@{hosts}/{SERVICE}/1?sentinel_password=of-the-sentinel")

    await store.call("put", b"k", "SET", "k", "v")
    assert b"db=1" in await store.call("info", b"", "CLIENT", "INFO")
    assert await store.trouble() is None


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("other", "of-the-sentinel", "no Sentinel names a master"),
        (SERVICE, "canary", "no Sentinel names a master"),
        (SERVICE, "of-the-sentinel", "the server answered WRONGPASS"),
    ],
)
async def test_readiness_says_when_there_is_no_master_to_use(
    name: str, password: str, why: str, guarded: tuple[Valkey, Watcher], open_url: Open
) -> None:
    url = f"redis+sentinel://:canary@127.0.0.1:{guarded[1].port}/{name}?sentinel_password={password}"
    assert await open_url(url).trouble() == f"no connection: {why}"


async def test_what_is_no_sentinel_names_no_master(server: Valkey, open_url: Open) -> None:
    trouble = await open_url(f"redis+sentinel://127.0.0.1:{server.port}/{SERVICE}").trouble()
    assert trouble == "no connection: no Sentinel names a master: the server answered ERR"


async def test_a_sentinels_port_and_a_replica_are_told_as_what_they_are(tmp_path: Path, open_url: Open) -> None:
    (home := tmp_path / "sentinel").mkdir()
    replica = Valkey(tmp_path, replicaof=f"127.0.0.1 {free_port()}")
    watcher = Watcher(home, replica, 1)
    try:
        replica.start()
        watcher.start()
        assert await open_url(replica.url).trouble() == "no connection: the server is a replica"
        assert (
            await open_url(watcher.url).trouble() == "no connection: the server is a Sentinel: write redis+sentinel://"
        )
        named = open_url(f"redis+sentinel://127.0.0.1:{watcher.port}/{SERVICE}")
        assert (await named.trouble() or "").startswith("no connection: ")
    finally:
        watcher.kill()
        replica.kill()


@pytest.fixture
def set_of_servers() -> Iterator[Watched]:
    with watched() as all_of_them:
        yield all_of_them


async def written(store: Store, value: str) -> float:
    """Until it is: how long that took."""
    began = time.monotonic()
    while True:
        try:
            await store.call("put", b"k", "SET", "k", value)
        except StoreAway:
            assert time.monotonic() - began < HANG_SECONDS
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - began


async def promoted(servers: Watched, old: Valkey) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            new = await asyncio.to_thread(servers.master)
            if new is not old and (await asyncio.to_thread(new.ask, "ROLE"))[0] == b"master":
                return
            await asyncio.sleep(0.05)


@pytest.mark.nightly
async def test_a_master_that_is_killed_is_left_and_not_gone_back_to_when_it_returns(
    set_of_servers: Watched, open_url: Open
) -> None:
    old, _ = set_of_servers.servers
    store = open_url(set_of_servers.url)
    await written(store, "first")
    old.kill()
    await promoted(set_of_servers, old)
    assert await written(store, "promoted") < RECOVERY_SECONDS

    old.start()  # as a master, until the Sentinels tell it
    async with asyncio.timeout(HANG_SECONDS):
        number = 0
        while (await asyncio.to_thread(old.ask, "ROLE"))[0] != b"slave" or number < 20:
            await written(store, f"stale {number}")
            assert set_of_servers.master().ask("GET", "k") == b"stale %d" % number
            number += 1
            await asyncio.sleep(0.05)
    assert await store.trouble() is None


@pytest.mark.nightly
async def test_a_failover_that_was_ordered_is_followed(set_of_servers: Watched, open_url: Open) -> None:
    old, _ = set_of_servers.servers
    store = open_url(set_of_servers.url)
    await written(store, "first")
    set_of_servers.watchers[0].ask("SENTINEL", "FAILOVER", SERVICE)
    await promoted(set_of_servers, old)
    assert await written(store, "promoted") < RECOVERY_SECONDS
    assert await store.trouble() is None
