"""Servers for tests, on the event loop that serves in production."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from .console.browser import Browse, Visit, chromium, visit
from .served import MODELS, Serve, Served, serve, stopped_clock


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if sys.platform == "win32":
        return {"asyncio": asyncio.new_event_loop}
    import uvloop

    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def start() -> AsyncGenerator[Serve, None]:
    """Starts servers, which end with the test. Models stand for `ollama`, then for `gemini`."""
    async with AsyncExitStack() as stack:

        async def start(*models: ScriptedChatModel, **options: Any) -> Served:
            named = dict(zip(reversed(MODELS), models, strict=False))
            return await stack.enter_async_context(serve(named, **options))

        yield start


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(stopped_clock())


@pytest_asyncio.fixture
async def served(start: Serve, model: ScriptedChatModel) -> Served:
    """One model, and a quota that no test exhausts."""
    return await start(model)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator[Browser, None]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browse(browser: Browser) -> AsyncGenerator[Browse, None]:
    """Opens the console of a server of its own; what a visit must never see is looked for at its end."""
    async with AsyncExitStack() as stack:

        async def browse(*models: ScriptedChatModel, **options: Any) -> Visit:
            return await stack.enter_async_context(visit(browser, models, **options))

        yield browse
