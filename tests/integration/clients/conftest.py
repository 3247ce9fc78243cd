"""One gateway, and its vendors, for the tests of a module."""

from collections.abc import AsyncGenerator, Iterator

import pytest
import pytest_asyncio

from .gateway import Vendors, gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Vendors, None]:
    async with gateway(tmp_path_factory.mktemp("gateway")) as vendors:
        yield vendors


@pytest.fixture
def vendors(shared: Vendors) -> Iterator[Vendors]:
    """Holds the vendors to what must be so after each test."""
    shared.forget()
    yield shared
    shared.check()
