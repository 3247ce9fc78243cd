"""A pool of two Ollamas on loopback: what is loaded there decides who answers, and a model is loaded once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import PoolSettings, ProviderSettings

from ..http.served import Served, eventually, serve
from ..ollama.server import Model, OllamaServer
from ..ops.prompted_providers import ollama as prompted


@pytest.fixture
async def servers() -> AsyncIterator[tuple[OllamaServer, OllamaServer]]:
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(OllamaServer().running()) for _ in range(2)]
        for server in made:
            server.models = [Model(name="llama3.1:latest"), Model(name="qwen3:8b")]
            server.loaded.clear()
            server.scripts = [prompted]
        yield made[0], made[1]


def pooled(*servers: OllamaServer) -> dict[str, Any]:
    rows = [
        ProviderSettings(name=name, kind="ollama", model="llama3.1", base_url=server.url)
        for name, server in zip("ab", servers, strict=True)
    ]
    return {
        "providers": tuple(rows),
        "pools": (PoolSettings(name="pool", pool=("a", "b"), slots=4),),
        "cache_ttl_seconds": 0,
    }


async def members(served: Served, *texts: str, model: str = "pool") -> list[str]:
    """Which of them answered."""
    answers = await asyncio.gather(*(served.chat(text, model=model) for text in texts))
    assert [answer.status_code for answer in answers] == [200] * len(texts)
    assert {answer.headers["x-gateway-provider"] for answer in answers} == {"pool"}
    return [record.attempts[-1].endpoint.provider for record in served.observer.records[-len(texts) :]]


async def test_the_one_that_has_the_model_loaded_answers(servers: tuple[OllamaServer, OllamaServer]) -> None:
    a, b = servers
    b.loaded = {"llama3.1:latest"}
    async with serve(None, **pooled(a, b)) as served:
        assert await members(served, "1", "2", "3") == ["b"] * 3
        assert await members(served, "4", model="pool/qwen3:8b") == ["a"]
    assert ([name for name, _ in a.loadings], b.loadings) == (["qwen3:8b"], [])


async def test_a_load_whose_client_left_is_waited_for_where_it_is(servers: tuple[OllamaServer, OllamaServer]) -> None:
    """The server goes on with it: `Loads` of the adapter."""
    a, b = servers
    a.may_load.clear()
    async with serve(None, **pooled(a, b)) as served:
        left = asyncio.create_task(members(served, "1"))
        await a.loading.wait()
        left.cancel()
        await eventually(lambda: served.gateway.answer_chat.under_way == 0)
        asking = asyncio.create_task(members(served, "2"))
        await eventually(lambda: served.gateway.answer_chat.under_way == 1)
        a.may_load.set()
        assert await asking == ["a"]
    assert (len(a.loadings), b.loadings) == (1, [])


async def test_a_model_is_loaded_once_however_many_wait(servers: tuple[OllamaServer, OllamaServer]) -> None:
    a, b = servers
    a.may_load.clear()
    async with serve(None, **pooled(a, b)) as served:
        asking = asyncio.create_task(members(served, *(str(number) for number in range(7))))
        await a.loading.wait()
        await eventually(lambda: len(served.observer.requests) == 7)
        a.may_load.set()
        assert await asking == ["a"] * 7
        asked = len([one for one in a.asked if one.path == "/api/ps"])
        assert asked >= 2, "at first, and after the load"
    assert (len(a.loadings), b.loadings) == (1, [])
