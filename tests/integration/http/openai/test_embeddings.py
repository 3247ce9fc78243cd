"""`POST /v1/embeddings`, as OpenAI's clients send and read it."""

from base64 import b64decode
from collections.abc import Mapping
from struct import unpack
from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Task

from ..served import Serve, Served, endpoint, eventually, stopped_clock

URL = "/v1/embeddings"
NOMIC = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES),
    features=frozenset(),
    tasks=frozenset({Task.EMBED}),
    pin_only=True,
)


async def serve_embeddings(start: Serve, model: ScriptedEmbeddingModel, **options: Any) -> Served:
    overrides: Mapping[str, Any] = {"embedding_models": {"ollama": model}, **options.pop("overrides", {})}
    return await start(
        ScriptedChatModel(stopped_clock()), endpoints=[endpoint("ollama"), NOMIC], overrides=overrides, **options
    )


@pytest.fixture
def embedder() -> ScriptedEmbeddingModel:
    return ScriptedEmbeddingModel(stopped_clock())


@pytest.fixture
async def served(start: Serve, embedder: ScriptedEmbeddingModel) -> Served:
    return await serve_embeddings(start, embedder)


async def embed(served: Served, input: object = "Hello", **fields: object) -> Any:
    return await served.client.post(URL, json={"model": "ollama/nomic", "input": input, **fields})


async def test_a_text_has_one_vector_and_the_answer_openai_s_fields(served: Served) -> None:
    response = await embed(served)

    body = response.json()
    assert response.status_code == 200
    [row] = body.pop("data")
    assert (row.keys(), row["object"], row["index"]) == ({"object", "index", "embedding"}, "embedding", 0)
    assert len(row["embedding"]) == 4
    assert body == {"object": "list", "model": "scripted-1", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    assert response.headers["x-gateway-provider"] == "ollama"
    assert response.headers["x-gateway-model"] == "nomic"
    assert response.headers["x-ratelimit-reset-requests"] == "1s"
    assert served.observer.records[0].task is Task.EMBED


async def test_a_batch_keeps_its_order(served: Served) -> None:
    rows = (await embed(served, ["one", "two", "one"])).json()["data"]

    assert [row["index"] for row in rows] == [0, 1, 2]
    assert rows[0]["embedding"] == rows[2]["embedding"] != rows[1]["embedding"]


async def test_base64_is_of_little_endian_32_bit_floats(served: Served) -> None:
    numbers = (await embed(served)).json()["data"][0]["embedding"]
    packed = (await embed(served, encoding_format="base64")).json()["data"][0]["embedding"]

    assert list(unpack("<4f", b64decode(packed))) == pytest.approx(numbers)


async def test_dimensions_are_asked_of_the_model(served: Served, embedder: ScriptedEmbeddingModel) -> None:
    assert len((await embed(served, dimensions=2)).json()["data"][0]["embedding"]) == 2
    assert embedder.calls[0].request.dimensions == 2


async def test_the_same_again_comes_from_the_cache(served: Served, embedder: ScriptedEmbeddingModel) -> None:
    first, second = await embed(served), await embed(served, encoding_format="base64", user="u")
    third = await embed(served, cache={"mode": "bypass"})

    seen = [response.headers["x-gateway-cache"] for response in (first, second, third)]
    assert seen == [CacheStatus.MISS, CacheStatus.HIT, CacheStatus.BYPASS]
    assert len(embedder.calls) == 2


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": [1, 2, 3]}, 400, "input[0]"),
        ({"input": [[1, 2], [3]]}, 400, "input[0]"),
        ({"input": 7}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": ["a", ""]}, 400, "input[1]"),
        ({"input": ["a"] * 2049}, 400, "input"),
        ({"dimensions": 0}, 400, "dimensions"),
        ({"encoding_format": "int8"}, 400, "encoding_format"),
        ({"input_type": "query"}, 400, "input_type"),
        ({"model": "ollama/llama3.1"}, 400, "model"),
        ({"model": "local"}, 404, "model"),
        ({"model": "text-embedding-3-small"}, 404, "model"),
    ],
)
async def test_what_is_refused_is_named(served: Served, fields: dict[str, object], status: int, param: str) -> None:
    response = await embed(served, **fields)

    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert served.observer.records[0].task is Task.EMBED


async def test_a_model_that_embeds_does_not_chat(served: Served) -> None:
    body = {"model": "ollama/nomic", "messages": [{"role": "user", "content": "Hi"}]}

    response = await served.client.post("/v1/chat/completions", json=body)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "model")


async def test_models_are_listed_with_what_they_can_be_asked_for(served: Served) -> None:
    models = (await served.client.get("/v1/models")).json()["data"]

    assert {model["id"]: model["tasks"] for model in models} == {
        **{id: ["chat"] for id in ("online", "fast", "local", "secure", "ollama/llama3.1")},
        "ollama/nomic": ["embed"],
    }


async def test_the_quota_is_the_chats_own(start: Serve, embedder: ScriptedEmbeddingModel) -> None:
    served = await serve_embeddings(start, embedder, rate_limiter_capacity=1, overrides={"clock": ScriptedClock()})
    await embed(served)

    response = await embed(served, "Bye")

    assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert response.headers["retry-after-ms"] == "1000"


async def test_a_failure_is_told_and_nobody_else_is_asked(start: Serve) -> None:
    model = ScriptedEmbeddingModel(stopped_clock(), ProviderUnavailable("ollama", "500"))
    served = await serve_embeddings(start, model, provider_max_retries=0)

    response = await embed(served)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "provider_unavailable")


async def test_who_leaves_ends_the_call(start: Serve) -> None:
    model = ScriptedEmbeddingModel(stopped_clock(), Wait(1))
    served = await serve_embeddings(start, model)
    wire = await served.connect()
    await wire.send(served.request(path=URL, body=b'{"model":"ollama/nomic","input":"Hello"}'))
    await eventually(lambda: model.open_calls == 1)

    wire.reset()
    await eventually(lambda: served.observer.records)

    assert [record.left for record in served.observer.records] == [True]
    assert model.open_calls == 0
