"""A gateway as its host opens it embeds with both providers, counts what it did, and keeps `secure` at home."""

import asyncio
from collections.abc import AsyncGenerator
from math import hypot

import pytest

from llm_gateway import (
    Client,
    ClientId,
    EmbedCall,
    EmbedRequest,
    Gateway,
    Hint,
    InvalidRequest,
    Quota,
    Secret,
    Settings,
    Task,
    open_gateway,
)
from llm_gateway.domain.errors import Draining, NoRoute, UnknownModel

from ..gemini.calls import KEY
from ..gemini.payloads import embedded
from ..gemini.server import GeminiServer
from ..ollama.server import Model, OllamaServer, ollama_server, vector
from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Asked, Hold, whole
from ..waiting import HANG_SECONDS

ME = Client(id=ClientId("me"), namespace="me", quota=Quota())
LISTED = whole({"models": [{"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]}]})


def gemini_says(asked: Asked) -> Answer:
    return embedded(asked) if "Embed" in asked.path else LISTED


@pytest.fixture
async def gemini() -> AsyncGenerator[GeminiServer, None]:
    async with GeminiServer(gemini_says).running() as server:
        yield server


@pytest.fixture
async def ollama() -> AsyncGenerator[OllamaServer, None]:
    async with ollama_server() as server:
        server.models.append(Model(name="nomic:latest", capabilities=("embedding",)))
        yield server


@pytest.fixture
async def gateway(gemini: GeminiServer, ollama: OllamaServer) -> AsyncGenerator[Gateway, None]:
    settings = Settings(
        gemini_api_key=Secret(KEY), gemini_base_url=gemini.url, ollama_base_url=ollama.url, provider_max_retries=0
    )
    async with open_gateway(settings, first_look_seconds=HANG_SECONDS) as opened:
        yield opened


def call(model: str, *, hint: Hint | None = None) -> EmbedCall:
    return EmbedCall(request=EmbedRequest(inputs=("one", "three"), dimensions=2), model=model, hint=hint)


def of_unit_length(*values: int) -> tuple[float, ...]:
    return tuple(value / hypot(*values) for value in values)


MADE = {
    "gemini": (of_unit_length(3, ord("o")), of_unit_length(5, ord("t"))),
    "ollama": (vector("one", 2), vector("three", 2)),
}


async def test_both_providers_embed_and_the_second_time_nobody_is_asked(
    gateway: Gateway, gemini: GeminiServer, ollama: OllamaServer
) -> None:
    for model, provider in (("gemini-embedding-001", "gemini"), ("ollama/nomic", "ollama")):
        told = [await gateway.embed_texts(call(model), ME) for _ in range(2)]
        assert [one.cached for one in told] == [False, True]
        assert told[0].reply == told[1].reply
        assert told[0].reply.endpoint.provider == provider
        assert told[0].reply.vectors == MADE[provider]
    assert len([asked for asked in gemini.asked if "Embed" in asked.path]) == len(ollama.embeds()) == 1
    assert len(ollama.embed_loads()) == 1


async def test_what_was_done_is_measured(gateway: Gateway) -> None:
    await gateway.embed_texts(call("ollama/nomic"), ME)
    await gateway.embed_texts(call("ollama/nomic"), ME)
    assert gateway.render_metrics is not None
    metrics = (await gateway.render_metrics()).decode().splitlines()
    for line in (
        "cache_hits_total 1.0",
        "cache_misses_total 1.0",
        'provider_calls_total{provider="ollama"} 1.0',
        "rate_limit_allowed_total 2.0",
        'gateway_requests_total{outcome="answered"} 2.0',
    ):
        assert line in metrics


async def test_secure_embeds_at_home_or_not_at_all(
    gateway: Gateway, gemini: GeminiServer, ollama: OllamaServer
) -> None:
    await gateway.embed_texts(call("nomic", hint=Hint.SECURE), ME)
    with pytest.raises(InvalidRequest, match="in the cloud"):
        await gateway.embed_texts(call("gemini-embedding-001", hint=Hint.SECURE), ME)
    assert not any("Embed" in asked.path for asked in gemini.asked)


async def test_a_name_that_does_not_embed_says_why(gateway: Gateway) -> None:
    with pytest.raises(InvalidRequest, match="gemini-flash-latest does not embed"):
        await gateway.embed_texts(call("gemini"), ME)
    with pytest.raises(InvalidRequest, match=r"llama3\.1 does not embed"):
        await gateway.embed_texts(call("ollama"), ME)
    with pytest.raises(UnknownModel):
        await gateway.embed_texts(call("nomic-embed-text"), ME)


async def test_a_providers_own_model_that_embeds_is_meant_by_its_name_and_says_how_to_get_it(
    ollama: OllamaServer,
) -> None:
    settings = Settings(ollama_base_url=ollama.url, ollama_model="nomic")
    async with open_gateway(settings, first_look_seconds=HANG_SECONDS) as gateway:
        assert (await gateway.embed_texts(call("ollama"), ME)).reply.model == "nomic"
        assert {state.tasks for state in gateway.endpoints.snapshot() if not state.pin_only} >= {
            frozenset({Task.EMBED})
        }
    settings = Settings(ollama_base_url=ollama.url, ollama_model="bge")
    async with open_gateway(settings, first_look_seconds=HANG_SECONDS) as gateway:
        with pytest.raises(NoRoute, match="run `ollama pull bge`"):
            await gateway.embed_texts(call("ollama"), ME)


async def test_closing_the_gateway_ends_what_waits_for_a_model(gemini: GeminiServer, ollama: OllamaServer) -> None:
    gemini.scripts = [lambda asked: BEFORE_THE_HEAD if "Embed" in asked.path else LISTED]
    ollama.embedding = lambda _: [Hold()]
    settings = Settings(gemini_api_key=Secret(KEY), gemini_base_url=gemini.url, ollama_base_url=ollama.url)
    async with open_gateway(settings, first_look_seconds=HANG_SECONDS) as gateway:
        names = ("gemini-embedding-001", "nomic")
        asking = [asyncio.create_task(gateway.embed_texts(call(name), ME)) for name in names]
        await gemini.parked.wait()
        await ollama.parked.wait()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in ended] == [Draining, Draining]
    assert (await gemini.quiet(), await ollama.quiet()) == (0, 0)
