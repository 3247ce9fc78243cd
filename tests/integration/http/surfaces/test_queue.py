"""What every surface says of a request that waits for its turn at a pool: its place, that it lives, or that it is full.

An Ollama on loopback is the pool, one request at once.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.bootstrap.settings import PoolSettings, ProviderSettings

from ...ollama.server import OllamaServer
from ...ops.prompted_providers import ollama as prompted
from ...scripted_vendor import Wait, whole
from ...waiting import HANG_SECONDS
from ..served import Served, eventually, serve
from .asking import ask, begin, refused, text_in
from .doors import Door, each_door, each_grain


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaServer]:
    async with OllamaServer().running() as server:
        yield server


def pooled(server: OllamaServer, queue: int = 8) -> dict[str, Any]:
    row = ProviderSettings(name="only", kind="ollama", model="llama3.1", base_url=server.url)
    return {
        "providers": (row,),
        "pools": (PoolSettings(name="pool", pool=("only",), queue=queue),),
        "ollama_door": True,
        "cache_ttl_seconds": 0,
        "pace": Pace(keep_alive=0.02),
    }


async def waits(served: Served) -> None:
    """Until one request waits for its turn."""
    async with asyncio.timeout(HANG_SECONDS):
        while 'gateway_queue_depth{provider="pool"} 1.0' not in (await served.client.get("/metrics")).text:
            pass


def chats(ollama: OllamaServer) -> int:
    return sum(bool(asked.path == "/api/chat" and asked.body["messages"]) for asked in ollama.asked)


@each_door
@each_grain
async def test_its_place_is_told_and_a_stream_is_kept_alive_while_it_waits(
    ollama: OllamaServer, door: Door, stream: bool
) -> None:
    go = asyncio.Event()
    ollama.scripts = [lambda asked: (Wait(go), *prompted(asked)), prompted]
    async with serve(None, **pooled(ollama)) as served:
        first = asyncio.create_task(ask(served, door, "first", "pool"))
        await eventually(lambda: chats(ollama) == 1)
        second = asyncio.create_task(ask(served, door, "second", "pool", stream=stream))
        await waits(served)
        if stream:
            wire = await begin(served, door, "third", "pool", stream=True)
            began = await wire.until(door.keep_alive) + await wire.until(door.keep_alive)
            assert b"x-gateway-queue: 2\r\n" in began
            wire.reset()
            await waits(served)
        go.set()
        response = await second
        assert text_in(door, response) == "Hello there"
        assert response.headers["x-gateway-queue"] == "1"
        assert "x-gateway-queue" not in (await first).headers
        assert chats(ollama) == 2, "of one that left the queue nothing is asked"


@each_door
@each_grain
async def test_its_place_is_told_of_one_that_failed_after_it_had_waited(
    ollama: OllamaServer, door: Door, stream: bool
) -> None:
    go = asyncio.Event()
    refusal = whole({"error": "no such thing"}, status=400)
    ollama.scripts = [lambda asked: (Wait(go), *prompted(asked)), lambda asked: refusal]
    async with serve(None, **pooled(ollama) | {"pace": Pace()}) as served:
        first = asyncio.create_task(ask(served, door, "first", "pool"))
        await eventually(lambda: chats(ollama) == 1)
        second = asyncio.create_task(ask(served, door, "second", "pool", stream=stream))
        await waits(served)
        go.set()
        await first
        response = await second
        assert response.status_code >= 400
        assert response.headers["x-gateway-queue"] == "1"


@each_door
async def test_a_full_queue_refuses_the_newcomer_at_once(ollama: OllamaServer, door: Door) -> None:
    go = asyncio.Event()
    ollama.scripts = [lambda asked: (Wait(go), *prompted(asked))]
    async with serve(None, **pooled(ollama, queue=0)) as served:
        first = asyncio.create_task(ask(served, door, "first", "pool"))
        await eventually(lambda: chats(ollama) == 1)
        response = await ask(served, door, "second", "pool", stream=True)
        assert "its queue is full" in door.message_of(refused(door, response, 503))
        assert int(response.headers["retry-after"]) >= 1
        go.set()
        assert text_in(door, await first) == "Hello there"
