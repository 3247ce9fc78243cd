"""Aliases over the wire: asked, listed, explained and recorded, on both surfaces."""

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.routing import Endpoint, EndpointId, Task

from .served import KEY, MODELS, Serve, Served, chat, endpoint, stopped_clock

OWN, KEPT = "own-key-1", "kept-key-1"
CLIENTS = (
    ClientSettings(name="own", keys=(Secret(OWN),), aliases={"gpt-4o": "ollama", "mine": "gemini"}),
    ClientSettings(name="kept", keys=(Secret(KEPT),), models=("ollama",)),
)
ALIASES = {"gpt-4o-mini": "local", "gpt-4o": "gemini", "text-embedding-3-small": "ollama/vectors"}
VECTORS = replace(
    endpoint("ollama"),
    endpoint=Endpoint(id=EndpointId(provider="ollama", model="vectors"), locality=endpoint("ollama").endpoint.locality),
    tasks=frozenset({Task.EMBED}),
    pin_only=True,
)


@pytest.fixture
async def aliased(start: Serve) -> Served:
    models = ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock())
    return await start(
        *models,
        aliases=ALIASES,
        clients=CLIENTS,
        endpoints=[endpoint("gemini"), endpoint("ollama"), VECTORS],
        overrides={"embedding_models": {"ollama": ScriptedEmbeddingModel(stopped_clock())}},
    )


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
@pytest.mark.parametrize(
    ("key", "name", "provider"),
    [
        (KEY, "gpt-4o-mini", "ollama"),
        (KEY, "gpt-4o", "gemini"),
        (OWN, "gpt-4o", "ollama"),
        (OWN, "mine", "gemini"),
        (KEPT, "gpt-4o-mini", "ollama"),
    ],
)
async def test_an_alias_is_answered_by_what_it_stands_for_to_this_client(
    aliased: Served, path: str, key: str, name: str, provider: str
) -> None:
    response = await aliased.client.post(path, json=chat(model=name), headers={"x-api-key": key})

    assert response.status_code == 200
    assert response.headers["x-gateway-provider"] == provider
    assert (response.headers["x-gateway-model"], response.json()["model"]) == (MODELS[provider], "scripted-1")
    (record,) = aliased.observer.records
    assert record.alias is not None
    assert (record.alias.name, record.endpoint and record.endpoint.provider) == (name, provider)


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
async def test_a_client_gets_the_refusal_of_the_target(aliased: Served, path: str) -> None:
    headers = {"x-api-key": KEPT}
    by_alias, real = [
        await aliased.client.post(path, json=chat(model=name), headers=headers) for name in ("gpt-4o", "gemini")
    ]
    others = await aliased.client.post(path, json=chat(model="mine"))

    assert (by_alias.status_code, real.status_code, others.status_code) == (403, 403, 404)
    told = [{**one.json(), "request_id": None} for one in (by_alias, real)]
    assert told[0] == told[1]


async def test_an_answer_is_kept_for_the_target_and_found_by_any_of_its_names(aliased: Served) -> None:
    names = ["gpt-4o-mini", "local", "gpt-4o-mini"]
    answers = [await aliased.client.post("/api/v1/chat", json=chat(model=name)) for name in names]

    assert [answer.headers["x-gateway-cache"] for answer in answers] == ["miss", "hit", "hit"]


async def test_embeddings_take_aliases_too(aliased: Served) -> None:
    body = {"model": "text-embedding-3-small", "input": "Hello"}

    response = await aliased.client.post("/v1/embeddings", json=body)

    assert (response.status_code, response.headers["x-gateway-model"]) == (200, "vectors")
    (record,) = aliased.observer.records
    assert record.alias is not None
    assert record.alias.name == "text-embedding-3-small"


@pytest.mark.parametrize(
    ("key", "listed"),
    [
        (KEY, ALIASES),
        (OWN, {**ALIASES, "gpt-4o": "ollama", "mine": "gemini"}),
        (KEPT, {name: target for name, target in ALIASES.items() if target != "gemini"}),
    ],
)
async def test_the_models_list_the_aliases_that_this_client_may_use(
    aliased: Served, key: str, listed: dict[str, str]
) -> None:
    models = (await aliased.client.get("/v1/models", headers={"x-api-key": key})).json()["data"]

    assert {model["id"]: model["alias_of"] for model in models if "alias_of" in model} == listed
    for name in ALIASES:
        found = await aliased.client.get(f"/v1/models/{name}", headers={"x-api-key": key})
        assert found.status_code == (200 if name in listed else 403)


async def test_explain_and_the_decision_record_name_both(aliased: Served) -> None:
    alias = {"name": "gpt-4o-mini", "target": "local"}
    explained = (await aliased.client.post("/api/v1/explain", json=chat(model="gpt-4o-mini"))).json()
    plain = (await aliased.client.post("/api/v1/explain", json=chat(model="local"))).json()
    await aliased.client.post("/api/v1/chat", json=chat(model="gpt-4o-mini"), headers={"x-request-id": "mine"})
    decision = (await aliased.client.get("/api/v1/requests/mine")).json()

    assert explained == {"alias": alias, **plain}
    assert (decision["alias"], decision["hint"], decision["model"]) == (alias, "local", MODELS["ollama"])
