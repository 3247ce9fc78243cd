"""Watches a client while it is answered: work for one that left is ended."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from litestar.types import Receive

from .requests import ClientLeft


@asynccontextmanager
async def cancel_on_disconnect(
    receive: Receive, *, tick: Callable[[], Awaitable[None]] | None = None, tick_seconds: float | None = None
) -> AsyncGenerator[None, None]:
    """Raises `ClientLeft` out of its block once the client is gone; `tick` is called regularly until then.

    uvicorn cancels nothing when a client leaves, and says so only to who receives.
    """
    task = asyncio.current_task()
    assert task is not None
    left = False

    async def watch() -> None:
        nonlocal left
        while not await _gone(receive, tick_seconds):
            if tick is not None:
                await tick()
        left = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if left:
            task.uncancel()
            raise ClientLeft from None
        raise
    finally:
        watcher.cancel()


async def _gone(receive: Receive, seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    except TimeoutError:
        return False
