"""What ticks does so while its block lasts, and one at a time."""

import asyncio

from llm_gateway.adapters.inbound.http.common.ticks import Ticks


async def test_ticks_come_one_by_one_until_the_block_ends() -> None:
    ticks = 0
    enough = asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            enough.set()

    with Ticks(tick, 0):
        await enough.wait()

    told = ticks
    for _ in range(50):
        await asyncio.sleep(0)
    assert ticks == told


async def test_a_tick_that_lasts_is_the_only_one_and_ends_with_the_block() -> None:
    begun, ended = 0, asyncio.Event()

    async def tick() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with Ticks(tick, 0):
        for _ in range(50):
            await asyncio.sleep(0)

    await ended.wait()
    assert begun == 1
