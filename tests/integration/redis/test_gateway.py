"""Whole gateways over a shared store, as their clients and operators see them."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..ports import free_port
from ..waiting import HANG_SECONDS, eventually
from .conftest import PATIENCE
from .gateways import Gateways, Writes
from .proxy import Proxy
from .valkey import Valkey


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", ["server", "cluster"])
async def test_two_gateways_are_one_limit_and_one_cache(
    gateways: Gateways, kind: str, request: pytest.FixtureRequest
) -> None:
    found: Valkey | list[Valkey] = request.getfixturevalue(kind)
    url = f"redis+cluster://127.0.0.1:{found[0].port}" if isinstance(found, list) else found.url
    one, other = [await gateways.open(capacity=3, redis_url=url) for _ in range(2)]
    asked = [await served.chat(gateways.name) for served in (one, other, one, other)]
    assert [response.status_code for response in asked] == [200, 200, 200, 429]
    assert [response.headers.get("x-gateway-cache") for response in asked] == ["miss", "hit", "hit", None]
    assert gateways.calls == 1
    assert all("x-gateway-limiter" not in response.headers for response in asked)


@pytest.mark.usefixtures("patient")
async def test_a_hit_takes_one_write_for_quota_and_cache(gateways: Gateways, server: Valkey, writes: Writes) -> None:
    served = await gateways.open(redis_url=server.url)
    await served.chat()
    writes.clear()
    assert (await served.chat()).headers["x-gateway-cache"] == "hit"
    records = (b"llm-gateway:record:", b"llm-gateway:requests:")  # which come when all is said
    (sent,) = [sent for sent in writes if not any(name in sent for name in records)]
    assert b"EVALSHA" in sent
    assert b"GET" in sent


@pytest.mark.usefixtures("patient")
async def test_quota_and_cache_on_two_servers_are_asked_side_by_side(
    gateways: Gateways, server: Valkey, tmp_path: Path
) -> None:
    own = Valkey(tmp_path)
    own.start()
    try:
        async with Proxy(server.port) as limits, Proxy(own.port) as cache:
            served = await gateways.open(redis_url=limits.url, cache_redis_url=cache.url)
            await served.chat()
            for held, other, question in ((limits, cache, b"\r\nGET\r\n"), (cache, limits, b"\r\nEVALSHA\r\n")):
                other.requests.clear()
                held.cut()
                asking = asyncio.create_task(served.chat())
                await eventually(partial(_has, other, question), within=PATIENCE / 2)
                assert not asking.done()
                held.go_on()
                assert (await asking).headers["x-gateway-cache"] == "hit"
    finally:
        own.kill()


def _has(wire: Proxy, question: bytes) -> bool:
    return any(question in sent for sent in wire.requests)


@pytest.mark.usefixtures("patient")
async def test_a_cache_of_its_own_holds_the_replies_and_no_quota(
    gateways: Gateways, server: Valkey, tmp_path: Path
) -> None:
    own = Valkey(tmp_path)
    own.start()
    try:
        served = await gateways.open(redis_url=server.url, cache_redis_url=own.url)
        await served.chat()
        assert (await served.chat()).headers["x-gateway-cache"] == "hit"
        assert {name.split(b":")[1] for name in own.ask("KEYS", "*")} <= {b"reply", b"record"}
        health = (await served.client.get("/health/ready")).json()
        assert [store["name"] for store in health["stores"]] == ["redis", "cache_redis"]
    finally:
        own.kill()


@pytest.mark.usefixtures("patient")
async def test_a_secure_answer_leaves_no_trace_in_redis(gateways: Gateways, server: Valkey) -> None:
    served = await gateways.open(redis_url=server.url)
    for status in ("miss", "hit"):
        response = await served.chat(gateways.name, model_hint="secure")
        assert response.headers["x-gateway-cache"] == status
    names = server.ask("KEYS", "llm-gateway:reply:*")
    await served.chat(gateways.name + " openly", model_hint="local")
    assert len(server.ask("KEYS", "llm-gateway:reply:*")) == len(names) + 1


async def test_without_redis_a_client_is_served_below_its_limit_and_told_how(
    gateways: Gateways, server: Valkey
) -> None:
    async with Proxy(server.port) as wire:
        served = await gateways.open(capacity=8, expected_replicas=2, redis_url=wire.url)
        wire.cut()
        responses = [await served.chat(f"question {number}") for number in range(5)]
        assert [response.status_code for response in responses] == [200] * 4 + [429]
        assert {response.headers["x-gateway-limiter"] for response in responses} == {"local"}
        assert responses[0].headers["ratelimit-policy"] == '"requests";q=4;w=8000'

        health = await served.client.get("/health/ready")
        assert health.status_code == 200
        (store,) = health.json()["stores"]
        assert (store["name"], store["usable"]) == ("redis", False)
        assert str(wire.port) not in str(store)
        assert (await served.client.get("/health")).json() == {"status": "ok"}


async def test_closed_refuses_and_says_when_to_come_back(gateways: Gateways) -> None:
    port = free_port()
    served = await gateways.open(redis_url=f"redis://127.0.0.1:{port}", redis_absent_limiter="closed")
    response = await served.chat()
    assert response.status_code == 503
    assert response.json()["code"] == "limiter_unavailable"
    assert response.headers["retry-after"] == "1"
    assert str(port) not in response.text


async def test_open_lets_everyone_through(gateways: Gateways) -> None:
    served = await gateways.open(capacity=1, redis_url=f"redis://127.0.0.1:{free_port()}", redis_absent_limiter="open")
    responses = [await served.chat(stream=stream) for stream in (False, True, False)]
    assert [response.status_code for response in responses] == [200] * 3
    assert {response.headers["x-gateway-limiter"] for response in responses} == {"open"}
    assert all("ratelimit" not in response.headers for response in responses)


@pytest.mark.usefixtures("patient")
async def test_a_gateway_that_started_without_redis_shares_once_it_is_there(gateways: Gateways, tmp_path: Path) -> None:
    later = Valkey(tmp_path)
    one, other = [await gateways.open(redis_url=later.url) for _ in range(2)]
    assert (await one.chat("first")).headers["x-gateway-limiter"] == "local"
    later.start()
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while "x-gateway-limiter" in (await one.chat("until it shares")).headers:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # it tells nobody
        await one.chat("shared")
        assert (await other.chat("shared")).headers["x-gateway-cache"] == "hit"
        assert (await one.client.get("/health/ready")).json()["stores"][0]["usable"]
    finally:
        later.kill()


@pytest.mark.usefixtures("patient")
async def test_what_became_of_a_request_is_told_by_every_gateway(gateways: Gateways, server: Valkey) -> None:
    one, other = [await gateways.open(redis_url=server.url) for _ in range(2)]
    id = (await one.chat(gateways.name)).headers["x-request-id"]
    async with asyncio.timeout(HANG_SECONDS):
        while (told := await other.client.get(f"/api/v1/requests/{id}")).status_code == 404:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # it is kept a moment after the answer
    assert (told.json()["outcome"], told.json()["cache"]) == ("answered", "miss")
    assert gateways.name not in told.text, "nothing of what was said"


async def test_a_store_without_its_extra_is_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_gateway.bootstrap import settings_rules
    from llm_gateway.bootstrap.settings import Settings

    monkeypatch.setattr(settings_rules, "find_spec", lambda name: None)
    (fault,) = settings_rules.rule_faults(Settings(redis_url=Secret("redis://canary")))
    assert fault == "REDIS_URL: needs the extra `redis`, which is not installed"
