"""`GET /v1/models`: what a key may name, and that it may."""

from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.routing import Hint

from ..served import KEY, Serve, Served, chat, endpoint, stopped_clock

URL = "/v1/models"
IDS = ["online", "fast", "local", "secure", "ollama/llama3.1", "gemini/gemini-flash-latest"]


async def serve_for(start: Serve, **client: Any) -> Served:
    """Both providers, and one client that may use what is said."""
    clients = (ClientSettings(name="a", keys=(Secret(KEY),), **client),)
    models = (ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock()))
    return await start(*models, clients=clients, api_keys=())


async def ids(served: Served) -> list[str]:
    return [model["id"] for model in (await served.client.get(URL)).json()["data"]]


async def test_hints_and_models_are_listed_as_openai_lists_them(start: Serve) -> None:
    served = await serve_for(start)

    body = (await served.client.get(URL)).json()

    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == IDS
    assert all(
        model.keys() == {*("id", "object", "created", "owned_by", "locality", "context_length", "tasks")}
        for model in body["data"]
    )
    by_id = {model["id"]: model for model in body["data"]}
    assert by_id["ollama/llama3.1"]["owned_by"] == "ollama"
    assert by_id["online"]["owned_by"] == "llm-gateway"
    assert [by_id[id]["locality"] for id in ("online", "secure", "gemini/gemini-flash-latest")] == [
        *("cloud", "on_premises", "cloud")
    ]


async def test_a_model_s_context_is_its_own_and_a_hint_s_the_shortest_on_its_route(start: Serve) -> None:
    long, short = (
        replace(endpoint(provider), context_length=length) for provider, length in (("gemini", 9_000), ("ollama", 70))
    )
    models = (ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock()))
    served = await start(*models, endpoints=[long, short])

    listed = (await served.client.get(URL)).json()["data"]

    assert [model["context_length"] for model in listed] == [70, 70, 70, 70, 9_000, 70]


async def test_each_id_can_be_used_and_be_asked_for(start: Serve) -> None:
    served = await serve_for(start)

    for model in (await served.client.get(URL)).json()["data"]:
        used = await served.client.post("/v1/chat/completions", json={"model": model["id"], **chat()})
        assert used.status_code == 200
        assert (await served.client.get(f"{URL}/{model['id']}")).json() == model
        assert (await served.client.get(f"{URL}/{quote(model['id'], safe='')}")).json() == model


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ({"hints": (Hint.SECURE,)}, ["secure", "ollama/llama3.1"]),
        ({"models": ("gemini",)}, ["online", "fast", "gemini/gemini-flash-latest"]),
        ({"models": ("nothing",)}, []),
    ],
)
async def test_a_key_sees_what_it_may_use(start: Serve, client: dict[str, Any], expected: list[str]) -> None:
    served = await serve_for(start, **client)

    assert await ids(served) == expected


async def test_what_can_t_answer_now_is_not_listed(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()),
        ScriptedChatModel(stopped_clock()),
        endpoints=[endpoint("gemini", unusable="its key is refused"), endpoint("ollama")],
    )

    assert await ids(served) == ["online", "fast", "local", "secure", "ollama/llama3.1"]
    response = await served.client.get(f"{URL}/gemini/gemini-flash-latest")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "no_route")


async def test_other_names_of_a_model_can_be_asked_for(served: Served) -> None:
    for name in ("ollama", "llama3.1"):
        assert (await served.client.get(f"{URL}/{name}")).json()["owned_by"] == "ollama"


@pytest.mark.parametrize("id", ["gpt-9", "ollama/gpt-9", "a/b/c", "%20", "..%2f"])
async def test_an_unknown_one_is_404_in_openai_s_words(served: Served, id: str) -> None:
    response = await served.client.get(f"{URL}/{id}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_one_that_the_key_may_not_use_is_403(start: Serve) -> None:
    served = await serve_for(start, models=("ollama",))

    response = await served.client.get(f"{URL}/gemini")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


async def test_listing_costs_nothing_and_leaves_no_record(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), rate_limiter_capacity=1)

    for _ in range(3):
        assert (await served.client.get(URL)).status_code == 200

    assert served.observer.requests == []
    assert [answer[:2] for answer in served.observer.answers] == [("GET", "/v1/models")] * 3
