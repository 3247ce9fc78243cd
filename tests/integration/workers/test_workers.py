"""Several workers are one server: one address, one table, the same totals whoever is asked, one end."""

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from ..ollama.server import HEAD as STREAM_HEAD
from ..ollama.server import OllamaServer, answer, chunk, end, line, ollama_server
from ..redis.valkey import valkey
from ..scripted_vendor import Asked, Hold, Script, Wait, whole
from ..waiting import eventually as until
from .processes import Workers, client, eventually, scrape, workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="one worker only")
EACH = 6
CHAT = {"model_hint": "local", "max_tokens": 20}


def hello(asked: Asked) -> Script:
    return answer("Hello", " there") if asked.body["stream"] else whole(end(content="Hello there"))


POOR, NARROW = "poor-key-0123456789", "narrow-key-0123456789"
TOML = f"""
[[clients]]
name = "poor"
keys = ["{POOR}"]
requests = {{ capacity = 1, refill_rate = 0.0001 }}

[[clients]]
name = "narrow"
keys = ["{NARROW}"]
models = ["gemini"]
"""


@asynccontextmanager
async def two(folder: Path, ollama: OllamaServer, toml: str = "", **more: str) -> AsyncGenerator[Workers, None]:
    """Two workers over a Redis of their own. `toml` is added to what their file says."""
    ollama.scripts = [hello]
    variables = {
        "WORKERS": "2",
        "OLLAMA_BASE_URL": ollama.url,
        "PROVIDER_MAX_RETRIES": "0",
        "RATE_LIMITER_CAPACITY": "100000",
    }
    with valkey() as server:
        async with workers(folder, TOML + toml, REDIS_URL=server.url, **(variables | more)) as running:
            yield running


async def both_listen(running: Workers, asking: httpx.AsyncClient) -> None:
    async def both() -> bool:
        return (await scrape(asking)).get("gateway_workers") == 2

    await eventually(both)


async def draining(asking: httpx.AsyncClient) -> bool:
    return (await asking.get("/health/ready")).status_code == 503


def said(text: str, **more: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **CHAT, **more}


async def leave(url: str, text: str) -> None:
    """Ask for a stream, and go away once it has begun."""
    async with client(url) as asking, asking.stream("POST", "/api/v1/chat", json=said(text, stream=True)) as response:
        async for part in response.aiter_text():
            if "delta" in part:
                return


@pytest.mark.timeout(120)
async def test_the_totals_are_exactly_what_was_asked_whoever_of_the_workers_tells_them(tmp_path: Path) -> None:
    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)

        async def chat(body: object, **headers: str) -> int:
            response = await asking.post("/api/v1/chat", json=body, headers=headers)
            return response.status_code

        statuses: Counter[int] = Counter()
        expected = Counter[str]()
        for number in range(EACH):
            statuses[await chat(said(f"whole {number}"))] += 1
            statuses[await chat(said(f"streamed {number}", stream=True))] += 1
            statuses[await chat(said(f"kept out {number}", cache={"mode": "bypass"}))] += 1
            expected["answered"] += 3
            statuses[await chat(said("x"), **{"x-api-key": "nobodys-key-012"})] += 1
            expected["Unauthenticated"] += 1
            statuses[await chat(said("x"), **{"x-api-key": NARROW})] += 1
            expected["Forbidden"] += 1
            statuses[await chat(said("x", temperature="hot"))] += 1
            expected["InvalidRequest"] += 1
            statuses[await chat(said("x", model="invented"))] += 1
            expected["UnknownModel"] += 1
            statuses[(await asking.get(f"/invented/{number}")).status_code] += 1
        for _ in range(EACH):
            statuses[await chat(said("kept out", cache={"mode": "bypass"}), **{"x-api-key": POOR})] += 1
        expected["answered"] += 1
        expected["QuotaExceeded"] += EACH - 1
        for _ in range(2 * EACH):
            statuses[await chat(said("whole 0"))] += 1
        expected["answered"] += 2 * EACH
        ollama.scripts = [whole({"error": "no"}, 500)]
        for number in range(4):  # a fifth would open a breaker
            statuses[await chat(said(f"failing {number}"))] += 1
            expected["ProviderUnavailable"] += 1
        ollama.scripts = [[STREAM_HEAD + chunk(line("Hel")), Hold()]]
        for number in range(EACH):
            await leave(running.url, f"leaving {number}")
            expected["left"] += 1

        assert statuses == {200: 5 * EACH + 1, 401: EACH, 403: EACH, 400: EACH, 404: 2 * EACH, 429: EACH - 1, 503: 4}
        outcomes = {f'gateway_requests_total{{outcome="{name}"}}': float(count) for name, count in expected.items()}

        async def all_counted() -> bool:
            return {key: value for key, value in (await scrape(asking)).items() if key in outcomes} == outcomes

        await eventually(all_counted)  # who left is counted a moment later
        told = [await scrape(asking) for _ in range(10)]
        calls = 3 * EACH + 1 + 4 + EACH  # the whole, the streamed, the kept out; the failing; the left
        for seen in told:
            assert {key: value for key, value in seen.items() if key.startswith("gateway_requests_total")} == outcomes
            assert seen["rate_limit_allowed_total"] == calls + 2 * EACH
            assert seen["rate_limit_blocked_total"] == EACH - 1
            assert seen['provider_calls_total{provider="ollama"}'] == calls
            assert seen['provider_failures_total{provider="ollama"}'] == 4
            assert seen["cache_misses_total"] == 3 * EACH + 4, (
                "the bypassed looked nothing up, the failed found nothing"
            )
            assert seen["cache_hits_total"] == 2 * EACH
            assert seen["gateway_cache_saved_tokens_total"] == 2 * EACH * (26 + 8)
            _counted_by_the_conventions(seen)
            assert seen["gateway_workers"] == 2
            assert seen['gateway_limiter_mode{mode="shared"}'] == 1
            asked = seen['gateway_redis_duration_seconds_count{operation="take"}']
            unknown = seen['gateway_redis_failures_total{operation="take"}']  # the script was not there yet
            assert asked - unknown == calls + 2 * EACH + EACH - 1
            looked_up = 2 * EACH + 4 + EACH + 2 * EACH  # the whole and streamed, the failing, the left, the hits
            assert seen['gateway_redis_duration_seconds_count{operation="get"}'] == looked_up
            assert seen['gateway_redis_duration_seconds_count{operation="put"}'] == 2 * EACH
            durations = {
                key.split('error_type="')[1].split('"')[0]: value
                for key, value in seen.items()
                if key.startswith("gen_ai_client_operation_duration_seconds_count")
            }
            assert durations == {"": 3 * EACH + 1, "ProviderUnavailable": 4, "left": EACH}
            _counted_by_the_server(seen, statuses)
        assert all(_chats(running, slot) for slot in (0, 1)), "both have had a share"


def _counted_by_the_conventions(seen: dict[str, float]) -> None:
    whole_answers = 3 * EACH + 1
    for kind, each in (("prompt", 26), ("completion", 8), ("reasoning", 0), ("cached", 0)):
        assert seen[f'gateway_tokens_total{{provider="ollama",type="{kind}"}}'] == whole_answers * each
    for kind, each in (("input", 26), ("output", 8)):
        assert _sum(seen, "gen_ai_client_token_usage_count", f'"{kind}"') == whole_answers
        assert _sum(seen, "gen_ai_client_token_usage_sum", f'"{kind}"') == whole_answers * each
    assert _sum(seen, "gen_ai_server_time_to_first_token_seconds_count") == 2 * EACH, "also of who left"
    assert _sum(seen, "gen_ai_server_time_per_output_token_seconds_count") == EACH


def _counted_by_the_server(seen: dict[str, float], statuses: Counter[int]) -> None:
    chats = {**statuses, 404: statuses[404] - EACH, 499: EACH}  # the invented paths; who left in mid-stream
    for status, count in chats.items():
        assert _http(seen, "/api/v1/chat", status) == count
    assert _http(seen, "unmatched", 404) == EACH
    assert seen["http_server_active_requests"] == 1, "this scrape"
    assert seen["gateway_answers_under_way"] == seen["gateway_log_lines_dropped_total"] == 0
    assert _sum(seen, "gateway_build_info") == 1
    assert _sum(seen, "gateway_breaker_state") == 0
    assert seen["gateway_cache_saved_seconds_total"] > 0


def _chats(running: Workers, slot: int) -> float:
    return sum(
        value
        for family in running.counts(slot)
        for (name, _), value in family.samples.items()
        if name == "gateway_requests_total"
    )


def _http(seen: dict[str, float], route: str, status: int) -> float:
    labels = (f'http_route="{route}"', f'http_response_status_code="{status}"')
    return _sum(seen, "http_server_request_duration_seconds_count", *labels)


def _sum(seen: dict[str, float], name: str, *labels: str) -> float:
    """Of all series of a metric that have these labels."""
    return sum(
        value for key, value in seen.items() if key.partition("{")[0] == name and all(label in key for label in labels)
    )


@pytest.mark.timeout(120)
async def test_a_killed_worker_is_replaced_and_what_it_had_counted_stays(tmp_path: Path) -> None:
    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)
        for number in range(20):
            await asking.post("/api/v1/chat", json=said(f"question {number}"))
        before = await scrape(asking)
        assert before['gateway_requests_total{outcome="answered"}'] == 20
        victim, _ = running.children()
        os.kill(victim, signal.SIGKILL)
        after = await scrape(asking)
        assert after['gateway_requests_total{outcome="answered"}'] == 20
        await both_listen(running, asking)
        assert victim not in running.children()
        assert (await scrape(asking))['gateway_requests_total{outcome="answered"}'] == 20
        await asking.post("/api/v1/chat", json=said("one more"))
        assert (await scrape(asking))['gateway_requests_total{outcome="answered"}'] == 21
        assert '"worker' in running.log
        assert "ended with -9" in running.log


SPINS = """
import signal, sys
if "llm_gateway.bootstrap.worker" in sys.orig_argv:
    def spin(*_):
        while True:
            pass
    signal.signal(signal.SIGUSR1, spin)
"""


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGUSR1], ids=["stopped", "looping"])
@pytest.mark.timeout(120)
async def test_a_worker_that_hangs_is_ended_replaced_and_counted(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPINS)
    more = {"HUNG_WORKER_SECONDS": "3", "PYTHONPATH": str(tmp_path)}
    async with ollama_server() as ollama, two(tmp_path, ollama, **more) as running, client(running.url) as asking:
        await both_listen(running, asking)
        assert (await scrape(asking))["gateway_workers_hung_total"] == 0
        victim, other = running.children()
        os.kill(victim, number)

        async def replaced() -> bool:
            return victim not in running.children() and len(running.children()) == 2

        await eventually(replaced)
        await both_listen(running, asking)
        assert other in running.children()
        assert (await scrape(asking))["gateway_workers_hung_total"] == 1
        assert '"critical"' in running.log.lower()
        assert "it hangs" in running.log
        running.process.send_signal(signal.SIGTERM)
        assert await running.process.wait() == 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGHUP, signal.SIGHUP]])
async def test_a_signal_lets_what_runs_finish_and_ends_every_worker(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)
        gate = asyncio.Event()
        ollama.scripts = [[Wait(gate), *whole(end(content="late"))]]
        late = asyncio.create_task(asking.post("/api/v1/chat", json=said("wait for it")))
        await until(lambda: bool(ollama.chats()))
        place = running.place
        for number in signals:
            running.process.send_signal(number)
            await eventually(partial(draining, asking))
        gate.set()
        assert (await late).json()["content"] == "late"
        assert await running.process.wait() == 0
        assert not place.exists()
        assert "Traceback" not in running.log


@pytest.mark.timeout(120)
async def test_a_second_signal_ends_them_at_once(tmp_path: Path) -> None:
    async with (
        ollama_server() as ollama,
        two(tmp_path, ollama, DRAIN_SECONDS="600") as running,
        client(running.url) as asking,
    ):
        await both_listen(running, asking)
        ollama.scripts = [[Hold()]]
        held = asyncio.create_task(asking.post("/api/v1/chat", json=said("for ever")))
        async with asyncio.timeout(10):
            await ollama.parked.wait()
        running.process.send_signal(signal.SIGTERM)
        await eventually(partial(draining, asking))
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await running.process.wait() == 0
        await asyncio.gather(held, return_exceptions=True)


@pytest.mark.timeout(120)
async def test_workers_do_not_outlive_their_parent_and_leave_nothing(tmp_path: Path) -> None:
    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)
        children, place = running.children(), running.place
        running.process.kill()
        async with asyncio.timeout(20):
            await until(lambda: not any(_alive(child) for child in children))
        assert not place.exists()


@pytest.mark.timeout(120)
async def test_a_killed_parents_address_is_free_though_an_answer_is_still_being_given(tmp_path: Path) -> None:
    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)
        gate = asyncio.Event()
        ollama.scripts = [[Wait(gate), *whole(end(content="late"))]]
        late = asyncio.create_task(asking.post("/api/v1/chat", json=said("wait for it")))
        await until(lambda: bool(ollama.chats()))
        running.process.kill()
        port = httpx.URL(running.url).port or 0

        async def free() -> bool:
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                return False
            return True

        await eventually(free)
        gate.set()
        assert (await late).json()["content"] == "late"


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
@pytest.mark.timeout(120)
async def test_a_worker_that_cannot_be_started_again_yet_leaves_the_others_alone(tmp_path: Path) -> None:
    import resource

    async with ollama_server() as ollama, two(tmp_path, ollama) as running, client(running.url) as asking:
        await both_listen(running, asking)
        limits = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        victim, other = running.children()
        os.kill(victim, signal.SIGKILL)

        async def told() -> bool:
            return "could not be started" in running.log

        await eventually(told)
        assert running.children() == [other]
        assert (await asking.post("/api/v1/chat", json=said("one is enough"))).status_code == 200
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, limits)
        await both_listen(running, asking)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.timeout(60)
async def test_a_taken_port_is_told_before_any_worker_starts(tmp_path: Path) -> None:
    from llm_gateway.adapters.inbound.http.server.server import CannotListen, bind

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotListen, match="Address already in use"):
        bind("127.0.0.1", taken.getsockname()[1])


@pytest.mark.timeout(60)
async def test_workers_that_cannot_begin_end_the_server(tmp_path: Path) -> None:
    long = tmp_path / ("too-long-for-a-socket-" * 5)
    long.mkdir()
    with pytest.raises(AssertionError, match="before it listened"):
        async with workers(long, WORKERS="2", REDIS_URL="redis://127.0.0.1:1"):
            pass
