"""Every test of the use cases fails where it leaves a task behind, or an exception that nobody saw."""

import asyncio
import gc
from collections.abc import AsyncGenerator

import pytest

from llm_gateway.adapters.outbound.scripted.clock import settle


@pytest.fixture(autouse=True)
async def _nothing_left_behind() -> AsyncGenerator[None, None]:
    unseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    yield
    await settle()
    gc.collect(1)
    await settle(2)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
    assert not unseen, f"exceptions that nobody saw: {unseen}"
