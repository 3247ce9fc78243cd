"""The totals of several workers, over the endings that take more than asking: together, elsewhere, late, no more."""

import asyncio
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import pytest

from ..ollama.server import end, ollama_server
from ..ports import free_port
from ..redis.valkey import valkey
from ..scripted_vendor import Hold, Wait, whole
from ..waiting import eventually as until
from .processes import client, eventually, scrape, workers
from .test_workers import both_listen, draining, hello, said, two

FEW = 4
"""As many failures as leave a breaker closed, whichever worker has them."""
MANY = 8
KEYLESS = """
[[endpoints]]
name = "keyless"
kind = "gemini"
model = "any"

[routes]
fast = ["keyless"]
"""
LATE = {"x-gateway-timeout": "0.2"}


def outcomes(seen: dict[str, float]) -> dict[str, float]:
    return {key.split('"')[1]: value for key, value in seen.items() if key.startswith("gateway_requests_total")}


async def under_way(asking: httpx.AsyncClient, count: int) -> bool:
    return (await scrape(asking)).get("gateway_answers_under_way") == count


@pytest.mark.timeout(120)
async def test_each_ending_is_counted_once_in_the_totals(tmp_path: Path) -> None:
    gemini = {"GEMINI_API_KEY": "none", "GEMINI_BASE_URL": f"http://127.0.0.1:{free_port()}"}
    async with (
        ollama_server() as ollama,
        two(tmp_path, ollama, KEYLESS, **gemini) as running,
        client(running.url) as asking,
    ):
        await both_listen(running, asking)
        expected: Counter[str] = Counter()

        async def chats(body: object, times: int, outcome: str, **headers: str) -> set[int]:
            expected[outcome] += times
            calls = (asking.post("/api/v1/chat", json=body, headers=headers) for _ in range(times))
            return {answer.status_code for answer in await asyncio.gather(*calls)}

        gate = asyncio.Event()
        ollama.scripts = [[Wait(gate), *whole(end(content="for all"))]]
        together = asyncio.create_task(chats(said("the same"), MANY, "answered"))
        await eventually(partial(under_way, asking, MANY))
        gate.set()
        assert await together == {200}
        flights = len(ollama.chats())
        assert 1 <= flights <= 2, "one a worker"

        ollama.scripts = [hello]
        elsewhere = said("elsewhere", model_hint="online", cache={"mode": "bypass"})
        assert await chats(elsewhere, FEW, "answered") == {200}
        ollama.scripts = [[Hold()]]
        assert await chats(said("late", cache={"mode": "bypass"}), FEW, "ProviderTimeout", **LATE) == {504}

        assert await chats(said("nowhere", model_hint="fast"), FEW, "NoRoute") == {503}

        seen = await scrape(asking)
        assert outcomes(seen) == expected
        assert seen["cache_misses_total"] == MANY
        assert seen['provider_calls_total{provider="ollama"}'] == flights + 2 * FEW
        assert seen['provider_calls_total{provider="gemini"}'] == FEW
        assert seen['provider_failures_total{provider="gemini"}'] == FEW

        ollama.scripts = [[Wait(gate := asyncio.Event()), *whole(end(content="the last"))]]
        asked = len(ollama.chats())
        last = asyncio.create_task(chats(said("the last"), 1, "answered"))
        await until(lambda: len(ollama.chats()) > asked)
        running.process.send_signal(signal.SIGTERM)
        for _ in range(3):
            await eventually(partial(draining, asking))  # whichever worker is asked
        assert await chats(said("no more"), FEW, "Draining") == {503}
        assert outcomes(await scrape(asking)) == expected - Counter(answered=1)
        gate.set()
        assert await last == {200}


FAULTS = {
    400: "ProviderRejected",
    401: "ProviderMisconfigured",
    408: "ProviderTimeout",
    429: "ProviderThrottled",
    500: "ProviderUnavailable",
    302: "ProviderBroken",
}


@pytest.mark.timeout(120)
async def test_hits_and_misses_are_all_look_ups_in_the_totals(tmp_path: Path) -> None:
    """Misses whose answers failed, joined and streamed ones among them; and none of those that looked nothing up."""
    async with ollama_server() as ollama, two(tmp_path, ollama, "") as running, client(running.url) as asking:
        await both_listen(running, asking)
        before = await scrape(asking)

        async def chats(number: int, **fields: object) -> None:
            body = said(f"look-up {number}", **fields)
            await asyncio.gather(*(asking.post("/api/v1/chat", json=body) for _ in range(FEW)))

        ollama.scripts = [whole({"error": "no"}, 400)]
        await chats(1)
        await chats(1, stream=True)
        ollama.scripts = [hello]
        for _ in range(3):
            await chats(2)
        for mode in ("bypass", "refresh"):
            await chats(2, cache={"mode": mode})

        seen = await scrape(asking)
        hits, misses = (seen[name] - before.get(name, 0) for name in ("cache_hits_total", "cache_misses_total"))
        assert hits + misses == 5 * FEW
        assert misses >= 2 * FEW + 1
        assert hits >= 2 * FEW


@pytest.mark.timeout(120)
async def test_each_failure_is_counted_once_in_the_totals_and_so_is_a_redis_that_is_away(tmp_path: Path) -> None:
    policy = {"RATE_LIMITER_CAPACITY": "100", "PROVIDER_MAX_RETRIES": "0", "REDIS_ABSENT_LIMITER": "closed"}
    async with ollama_server() as ollama:
        ollama.scripts = [hello]
        with valkey() as redis:
            variables = {"WORKERS": "2", "OLLAMA_BASE_URL": ollama.url, "REDIS_URL": redis.url, **policy}
            async with workers(tmp_path, "", **variables) as running, client(running.url) as asking:
                await both_listen(running, asking)
                expected: Counter[str] = Counter()
                for status, outcome in FAULTS.items():
                    ollama.scripts = [whole({"error": "no"}, status)]
                    answer = await asking.post("/api/v1/chat", json=said("wrong", cache={"mode": "bypass"}))
                    assert answer.status_code >= 400
                    expected[outcome] += 1
                assert outcomes(await scrape(asking)) == expected

                redis.kill()
                unknown = {"x-api-key": "sk-of-a-registered-client"}
                for headers, outcome in (({}, "LimiterUnavailable"), (unknown, "DirectoryUnavailable")):
                    calls = (asking.post("/api/v1/chat", json=said("away"), headers=headers) for _ in range(FEW))
                    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {503}
                    expected[outcome] += FEW
                assert outcomes(await scrape(asking)) == expected
