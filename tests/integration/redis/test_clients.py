"""Clients in Redis as gateways see them: at once, in time, or not at all; and the command that manages them."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.directories import JoinedClients, MemoryClientDirectory
from llm_gateway.adapters.outbound.redis.client.store import open_store
from llm_gateway.adapters.outbound.redis.client_registry import CLIENTS, REGISTRATIONS, RedisClients
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.domain.clients import Client, ClientId, RegisteredKey, Registration, digest_of
from llm_gateway.domain.errors import DirectoryUnavailable
from llm_gateway.domain.quota import Bucket, Quota, Reserve
from llm_gateway.testing import ScriptedClock

from ..ports import free_port
from ..waiting import HANG_SECONDS
from .conftest import PATIENCE, Open, be_patient
from .proxy import Proxy
from .valkey import Valkey, valkey

ANNA = Client(id=ClientId("registered:anna"), namespace="anna", quota=Quota(requests=Bucket.of(5, 1.0)))
SETTLED = Client(id=ClientId("settled"), namespace="settled", quota=Quota())
COMMAND = Path(sys.executable).with_name("llm-gateway")
UNREADABLE = b'{"digest":"","client":{"id":"\xff"},"keys":[]}'
KEY = re.compile(r"^key     (sk-gateway-\S+)$", re.MULTILINE)


@pytest.fixture
async def clients(server: Valkey, open_url: Open) -> AsyncIterator[tuple[RedisClients, ScriptedClock]]:
    server.ask("DEL", CLIENTS, REGISTRATIONS)
    clock = ScriptedClock()
    yield RedisClients(open_url(server.url), clock), clock
    server.ask("DEL", CLIENTS, REGISTRATIONS)


def registered(key: str) -> Registration:
    return Registration(client=ANNA, keys=(RegisteredKey(digest=digest_of(key), created=0),))


async def test_another_gateway_sees_a_revocation_within_two_seconds(
    clients: tuple[RedisClients, ScriptedClock], server: Valkey, open_url: Open
) -> None:
    registry, _ = clients
    elsewhere, clock = RedisClients(open_url(server.url), seen := ScriptedClock()), seen
    await registry.replace(ANNA.id, None, registered("key-1"))
    assert await elsewhere.find(digest_of("key-1")) == ANNA

    await registry.replace(ANNA.id, registered("key-1"), None)

    await clock.advance(0.5)
    assert await elsewhere.find(digest_of("key-1")) == ANNA  # not asked again so soon
    await clock.advance(1.4)
    assert await elsewhere.find(digest_of("key-1")) is None


async def test_a_late_answer_shuts_out_nobody_who_was_known_within_two_seconds(server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        clock = ScriptedClock()
        store = open_store("redis", wire.url, clock, SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)
        clients = RedisClients(store, clock)
        await clients.replace(ANNA.id, None, registered("key-1"))
        assert await clients.find(digest_of("key-1")) == ANNA
        assert await clients.find(digest_of("nobody")) is None
        wire.muted = True
        be_patient(store, 0.2)
        await clock.advance(1.5)
        assert await clients.find(digest_of("key-1")) == ANNA
        with pytest.raises(DirectoryUnavailable):
            await clients.find(digest_of("nobody"))
        await clock.advance(0.5)
        with pytest.raises(DirectoryUnavailable):
            await clients.find(digest_of("key-1"))
        await store.aclose()
    server.ask("DEL", CLIENTS, REGISTRATIONS)


async def test_a_busy_key_is_looked_up_once_a_second_known_or_not(
    clients: tuple[RedisClients, ScriptedClock], server: Valkey
) -> None:
    registry, clock = clients
    await registry.replace(ANNA.id, None, registered("key-1"))
    before = calls(server)
    for _ in range(10):
        for _ in range(100):
            await registry.find(digest_of("key-1"))
            await registry.find(digest_of("nobody"))
        await clock.advance(1.0)

    assert calls(server) - before == 20


def calls(server: Valkey) -> int:
    found = re.search(rb"cmdstat_hget:calls=([0-9]+)", server.ask("INFO", "commandstats"))
    return int(found[1]) if found else 0


async def test_what_is_remembered_is_bounded(clients: tuple[RedisClients, ScriptedClock]) -> None:
    registry, _ = clients
    for number in range(0, 5_000, 100):
        await asyncio.gather(*(registry.find(digest_of(f"nobody-{number + one}")) for one in range(100)))

    assert len(registry._remembered) == 4_096


@pytest.mark.parametrize("entry", [b"", b"{", b'{"digest": ""}', b"null", UNREADABLE, b'{"x":' + b"[" * 100_000])
async def test_an_entry_that_cannot_be_read_is_no_answer(
    clients: tuple[RedisClients, ScriptedClock], server: Valkey, entry: bytes
) -> None:
    server.ask("HSET", CLIENTS, digest_of("key-1").hex(), entry)
    server.ask("HSET", REGISTRATIONS, ANNA.id, entry)
    registry, _ = clients

    for asking in (registry.find(digest_of("key-1")), registry.get(ANNA.id), registry.all()):
        with pytest.raises(DirectoryUnavailable):
            await asking


async def test_an_entry_of_another_key_lets_nobody_in(
    clients: tuple[RedisClients, ScriptedClock], server: Valkey
) -> None:
    registry, _ = clients
    await registry.replace(ANNA.id, None, registered("key-1"))
    server.ask("HSET", CLIENTS, digest_of("key-2").hex(), server.ask("HGET", CLIENTS, digest_of("key-1").hex()))

    assert await registry.find(digest_of("key-2")) is None


async def test_while_redis_is_away_the_settings_keys_go_on_and_others_are_not_called_unknown(open_url: Open) -> None:
    away = RedisClients(open_url(f"redis://127.0.0.1:{free_port()}"), SystemClock())
    directory = JoinedClients([MemoryClientDirectory({digest_of("settled"): SETTLED}), away])

    assert await directory.find(digest_of("settled")) == SETTLED
    with pytest.raises(DirectoryUnavailable):
        await directory.find(digest_of("registered"))
    with pytest.raises(DirectoryUnavailable):
        await away.replace(ANNA.id, None, registered("key-1"))


def test_the_command_makes_lists_rotates_and_revokes(tmp_path: Path) -> None:
    with valkey() as own:
        first = keys(tmp_path, own, "create", "anna", "--requests", "60/1.5", "--hints", "fast", "secure")
        again = keys(tmp_path, own, "create", "anna", code=1)
        second = keys(tmp_path, own, "rotate", "anna")
        listed = keys(tmp_path, own, "list")
        one = keys(tmp_path, own, "revoke", "anna", "--key", digest(first)[:12])
        rest = keys(tmp_path, own, "revoke", "anna")
        held = own.ask("KEYS", "*")

    assert again == "name: there is a client of this name; `keys rotate` gives it a new key\n"
    rows = listed.splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [["anna", digest(second)[:12]], ["anna", digest(first)[:12]]]
    assert all("60/1.5" in row and "fast,secure" in row for row in rows)
    assert digest(first)[:12] in one
    assert digest(second)[:12] in rest
    assert held == []


@pytest.mark.parametrize(
    ("arguments", "hints", "models"),
    [
        (("--hints", "local", "anna"), "local", "any"),
        (("--hints", "local", "fast", "anna"), "fast,local", "any"),
        (("--hints=local,fast", "anna"), "fast,local", "any"),
        (("--hints", "local", "--strict", "anna"), "local", "any"),
        (("--models", "gemini", "anna"), "any", "gemini"),
        (("--models", "gemini", "--models", "ollama/a", "anna"), "any", "gemini,ollama/a"),
        (("--hints", "local", "--models", "gemini,ollama", "anna"), "local", "gemini,ollama"),
        (("anna", "--hints", "local", "fast", "--models", "gemini", "ollama"), "fast,local", "gemini,ollama"),
    ],
)
def test_a_name_after_a_list_is_the_name(
    tmp_path: Path, server: Valkey, arguments: tuple[str, ...], hints: str, models: str
) -> None:
    keys(tmp_path, server, "create", *arguments)
    header, row = keys(tmp_path, server, "list").splitlines()
    keys(tmp_path, server, "revoke", "anna")

    told = dict(zip(header.split(), row.replace(" UTC", "").split(), strict=False))
    assert told["client"] == "anna"
    assert f" {hints} " in row
    assert f" {models} " in row


async def test_a_registered_client_keeps_the_upper_bound_and_others_are_stored_as_before(
    clients: tuple[RedisClients, ScriptedClock], server: Valkey
) -> None:
    registry, _ = clients
    careful = replace(ANNA, reserve=Reserve.UPPER_BOUND)
    await registry.replace(ANNA.id, None, replace(registered("key-1"), client=careful))
    assert await registry.find(digest_of("key-1")) == careful
    await registry.replace(ANNA.id, await registry.get(ANNA.id), registered("key-1"))
    assert b"reserve" not in server.ask("HGET", REGISTRATIONS, ANNA.id)


async def test_a_registered_client_has_aliases_of_its_own_and_others_are_stored_as_before(
    tmp_path: Path, server: Valkey, clients: tuple[RedisClients, ScriptedClock]
) -> None:
    made = keys(tmp_path, server, "create", "--alias", "gpt-4o=local", "--alias", "gpt-4o-mini=ollama/a", "anna")
    registry, _ = clients
    registration = await registry.get(ANNA.id)
    assert registration is not None
    assert registration.client.aliases == {"gpt-4o": "local", "gpt-4o-mini": "ollama/a"}
    assert "gpt-4o=local,gpt-4o-mini=ollama/a" in keys(tmp_path, server, "list")
    assert digest(made) == registration.keys[0].digest.hex()
    keys(tmp_path, server, "revoke", "anna")

    keys(tmp_path, server, "create", "anna")
    assert b"alias" not in server.ask("HGET", REGISTRATIONS, ANNA.id)
    keys(tmp_path, server, "revoke", "anna")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "-anna", "--requests", "1/1"), "the following arguments are required: name"),
        (("create", "an na"), "name: up to 64 letters"),
        (("create", "anna", "--tokens", "many"), "--tokens: is CAPACITY/RATE"),
        (("create", "anna", "--requests", "0/1"), "--requests: capacity must be between"),
        (("create", "anna", "--concurrency", "0"), "argument --concurrency: invalid"),
        (("create", "anna", "--hints", "cloud"), "argument --hints: invalid choice"),
        (("create", "--hints", "cloud", "anna"), "argument --hints: invalid choice"),
        (("create", "--hints", "local"), "the following arguments are required: name"),
        (("create", "--models", "gemini"), "the following arguments are required: name"),
        (("create", "anna", "--alias", "gpt-4o"), "--alias: is NAME=MODEL"),
        (("create", "anna", "--alias", "secure=gemini"), "--alias: is NAME=MODEL"),
        (("create", "anna", "--alias", "a=b", "--alias", "b=local"), "--alias: is NAME=MODEL"),
        (("revoke", "anna"), "name: there is no client of this name"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    tmp_path: Path, server: Valkey, arguments: tuple[str, ...], told: str
) -> None:
    done = run(tmp_path, *arguments, REDIS_URL=server.url)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_without_redis_the_command_says_what_is_missing(tmp_path: Path) -> None:
    assert run(tmp_path, "list").stderr.startswith("REDIS_URL: registered clients are kept in Redis")
    away = run(tmp_path, "list", REDIS_URL=f"redis://:canary@127.0.0.1:{free_port()}")
    assert (away.returncode, away.stdout) == (1, "")
    assert "The keys can't be looked up at the moment." in away.stderr
    assert "canary" not in away.stderr


def keys(folder: Path, server: Valkey, *arguments: str, code: int = 0) -> str:
    done = run(folder, *arguments, REDIS_URL=server.url)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def run(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **variables}
    return subprocess.run(
        [COMMAND, "keys", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS
    )


def digest(told: str) -> str:
    found = KEY.search(told)
    assert found is not None
    return digest_of(found[1]).hex()
