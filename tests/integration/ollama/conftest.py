"""The server that each test has for itself, and the adapter of its chats, which sends nothing that is not read."""

from collections.abc import AsyncGenerator

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.system import SystemClock

from .server import OllamaServer, ollama_server
from .transports import each_transport

__all__ = ["each_transport"]


@pytest.fixture
async def server() -> AsyncGenerator[OllamaServer, None]:
    async with ollama_server() as scripted:
        yield scripted


@pytest.fixture
async def model(server: OllamaServer) -> AsyncGenerator[OllamaChatModel, None]:
    made = OllamaChatModel(base_url=server.url, clock=SystemClock())
    yield made
    await made.aclose()
    assert not server.dropped
    assert not server.cut
