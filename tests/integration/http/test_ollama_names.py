"""A model of Ollama's by every name that Ollama takes for it, wherever a model is named, and never another model."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from llm_gateway.bootstrap.opening import open_gateway
from llm_gateway.bootstrap.settings import ClientSettings, EndpointSettings, Secret, Settings
from llm_gateway.domain.chat import ChatCall, ChatRequest, Text, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Hint

from ..ollama.server import Model, OllamaServer, answer, end, ollama_server
from ..scripted_vendor import Asked, Script, whole
from .served import KEY, Served, chat, serve

NAMES = ("llama3.1", "Llama3.1:latest", "library/llama3.1", "registry.ollama.ai/library/llama3.1:latest")
OTHERS = ("llama3.1:8b", "someone/llama3.1", "hf.co/library/llama3.1")
COMPLETIONS, EMBEDDINGS, EXPLAIN = "/v1/chat/completions", "/v1/embeddings", "/api/v1/explain"


def hello(asked: Asked) -> Script:
    return answer("Hello") if asked.body["stream"] else whole(end(content="Hello"))


@asynccontextmanager
async def gateway(**settings: Any) -> AsyncGenerator[tuple[Served, OllamaServer], None]:
    async with ollama_server() as ollama:
        ollama.models = [
            Model(name="llama3.1:latest", capabilities=("completion", "embedding")),
            Model(name="llama3.1:8b", capabilities=("completion", "embedding")),
            Model(name="hf.co/user/repo:Q4_K_M"),
        ]
        ollama.loaded = {model.name for model in ollama.models}
        ollama.scripts = [hello]
        async with serve(None, ollama_base_url=ollama.url, **settings) as served:
            yield served, ollama


async def status_of(served: Served, path: str, model: str) -> int:
    body = {"model": model, "input": "Hello"} if path == EMBEDDINGS else {"model": model, **chat()}
    return (await served.client.post(path, json=body)).status_code


async def statuses(served: Served, model: str) -> set[int]:
    """What each door says of a name."""
    said = {await status_of(served, path, model) for path in ("/api/v1/chat", COMPLETIONS, EMBEDDINGS, EXPLAIN)}
    return said | {(await served.client.get(f"/v1/models/{model}")).status_code}


@pytest.mark.parametrize("configured", NAMES)
async def test_any_name_reaches_the_model_however_it_is_configured(configured: str) -> None:
    async with gateway(ollama_model=configured) as (served, ollama):
        for name in NAMES:
            for model in (name, f"ollama/{name}"):
                assert await statuses(served, model) == {200}
        assert {asked.body["model"] for asked in (*ollama.chats(), *ollama.embeds())} == {configured}
        listed = [model["id"] for model in (await served.client.get("/v1/models")).json()["data"]]
    assert listed.count(f"ollama/{configured}") == 1
    assert len([id for id in listed if "llama3.1" in id.lower()]) == 2


async def test_the_answer_tells_the_name_that_it_told_before() -> None:
    async with gateway() as (served, _):
        for model in ("llama3.1:latest", "ollama/llama3.1:latest"):
            answered = await served.client.post("/api/v1/chat", json={"model": model, **chat()})
            assert answered.headers["x-gateway-model"] == "llama3.1"
    assert answered.headers["x-gateway-cache"] == "hit"  # the same question, by whichever name


async def test_another_tag_namespace_or_host_is_another_model() -> None:
    async with gateway() as (served, ollama):
        ollama.forget()
        for name in OTHERS[1:]:
            assert await statuses(served, name) == {404}
        assert await statuses(served, "ollama/LLAMA3.1:8B") == {200}
        assert await status_of(served, COMPLETIONS, "HF.co/user/repo:q4_k_m") == 200
        assert {asked.body["model"] for asked in ollama.chats()} == {"llama3.1:8b", "hf.co/user/repo:Q4_K_M"}


@pytest.mark.parametrize("right", [*NAMES, *(f"ollama/{name}" for name in NAMES)])
async def test_a_right_in_any_spelling_is_the_right_to_that_model_alone(right: str) -> None:
    client = ClientSettings(name="a", keys=(Secret(KEY),), models=(right,))
    async with gateway(api_keys=(), clients=(client,)) as (served, _):
        for name in NAMES:
            assert await statuses(served, name) == {200}
        assert await statuses(served, "llama3.1:8b") == {403}
        assert await statuses(served, "hf.co/user/repo:Q4_K_M") == {403}


@pytest.mark.parametrize("right", OTHERS)
async def test_a_right_to_another_model_is_no_right(right: str) -> None:
    client = ClientSettings(name="a", keys=(Secret(KEY),), models=(right,))
    async with gateway(api_keys=(), clients=(client,)) as (served, _):
        for name in NAMES:
            assert await statuses(served, name) == {403}


@pytest.mark.parametrize("name", NAMES)
async def test_a_route_names_a_model_in_any_spelling(name: str) -> None:
    routes = {Hint.LOCAL: (f"ollama/{name}",)}
    async with gateway(ollama_model="hf.co/user/repo:Q4_K_M", routes=routes) as (served, _):
        plan = (await served.client.post(EXPLAIN, json=chat(model_hint="local"))).json()
    assert [endpoint["model"] for endpoint in plan["endpoints"]] == ["llama3.1"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_further_endpoint_s_model_is_named_in_any_spelling(name: str) -> None:
    call = ChatCall(request=ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),)))
    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    async with ollama_server() as ollama:
        near = EndpointSettings(name="near", kind="ollama", model=name, base_url=ollama.url)
        async with open_gateway(Settings(endpoints=(near,)), first_look_seconds=10) as opened:
            for model in NAMES:
                (state,) = opened.explain_chat(replace(call, model=f"near/{model}"), me).plan.endpoints
                assert state.endpoint.name == f"near/{name}"
