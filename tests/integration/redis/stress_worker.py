"""A process of the stress run: callers that take from one client's quota until the time is up and each was refused.

    python -m tests.integration.redis.stress_worker URL CLIENT CAPACITY RATE CALLERS

Says that it is ready, is told until when by a line, on the monotonic clock that all processes of a machine share, and
prints a line of JSON: when each admission was asked for and when it was heard of, and how many were refused.
"""

import asyncio
import json
import sys
import time

from llm_gateway.adapters.outbound.redis.client.store import open_store
from llm_gateway.adapters.outbound.redis.rate_limiter import RedisRateLimiter
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.testing.contracts.rate_limiter import ONE, new_id

from ..waiting import HANG_SECONDS


async def work(url: str, client: Client, callers: int, until: float) -> None:
    store = open_store("redis", url, SystemClock(), SilentStoreMeter(), patience=HANG_SECONDS, look_up=HANG_SECONDS)
    limiter = RedisRateLimiter(store)
    admitted: list[tuple[float, float]] = []
    refused = 0

    async def caller() -> None:
        nonlocal refused
        own = 0
        while (asked := time.monotonic()) < until or not own:
            if (await limiter.take(client, ONE, new_id())).allowed:
                admitted.append((asked, time.monotonic()))
            else:
                own += 1
        refused += own

    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(caller())
    await store.aclose()
    print(json.dumps({"admitted": admitted, "refused": refused}))


if __name__ == "__main__":
    url, name, capacity, rate, callers = sys.argv[1:]
    print("ready", flush=True)
    until = float(sys.stdin.readline())
    quota = Quota(requests=Bucket.of(int(capacity), float(rate)))
    asyncio.run(work(url, Client(id=ClientId(name), namespace=name, quota=quota), int(callers), until))
