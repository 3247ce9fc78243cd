"""Beside a suite of a port's contract: the adapter's calls arrive at a server on loopback, which counts them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from .loopback import Loopback
from .waiting import eventually


class ServedContract:
    """`server` is where the calls arrive, and `closing` ends with the test what the test has opened."""

    server: Loopback

    @pytest.fixture(autouse=True)
    async def _closing(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as self.closing:
            yield

    async def until_asked(self) -> None:
        await eventually(lambda: self.server.open_calls)

    async def open_calls(self) -> int:
        return await self.server.quiet()
