"""Samples of one's own, and `Cache-Control: no-store`: what each surface does, and says in `X-Gateway-Cache`."""

import asyncio
from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel

from .openai.test_embeddings import serve_embeddings
from .served import Serve, Served, chat, endpoint, eventually, stopped_clock

OPENAI = "/v1/chat/completions"
NATIVE = "/api/v1/chat"
EMBED = "/v1/embeddings"
HEADER = "x-gateway-cache"
BODIES = {
    OPENAI: chat(model="ollama", temperature=0),
    NATIVE: chat(model="ollama"),
    EMBED: {"model": "ollama/nomic", "input": "Hello"},
}


@pytest.fixture
async def served(start: Serve) -> Served:
    model = ScriptedChatModel(stopped_clock(), answer("Hello"))
    return await start(model, endpoints=[endpoint("ollama")])


async def twice(served: Served, path: str, **fields: Any) -> list[str]:
    body = chat(model="ollama", **fields)
    return [(await served.client.post(path, json=body)).headers[HEADER] for _ in range(2)]


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({"temperature": 0.7}, ["bypass; sampled"] * 2),
        ({"temperature": 0.7, "cache": {"ttl_seconds": 60}}, ["bypass; sampled"] * 2),
        ({"temperature": 0.7, "cache": {"mode": "use"}}, ["miss", "hit"]),
        ({"temperature": 0.7, "cache": {"mode": "bypass"}}, ["bypass", "bypass"]),
        ({"temperature": 0.7, "seed": 1}, ["miss", "hit"]),
        ({"temperature": 0}, ["miss", "hit"]),
        ({"temperature": None}, ["miss", "hit"]),
        ({}, ["miss", "hit"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_openai_s_clients_draw_samples_of_their_own(
    served: Served, fields: dict[str, object], seen: list[str], stream: bool
) -> None:
    assert await twice(served, OPENAI, stream=stream, **fields) == seen


@pytest.mark.parametrize(
    ("setting", "native", "openai"),
    [
        ("native", ["miss", "hit"], ["bypass; sampled"] * 2),
        ("never", ["bypass; sampled"] * 2, ["bypass; sampled"] * 2),
        ("always", ["miss", "hit"], ["miss", "hit"]),
    ],
)
async def test_an_operator_says_whose_are_shared(
    start: Serve, setting: str, native: list[str], openai: list[str]
) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Hello"))
    served = await start(model, endpoints=[endpoint("ollama")], cache_sampled=setting)
    assert await twice(served, NATIVE, temperature=0.7) == native
    assert await twice(served, OPENAI, temperature=0.8) == openai


@pytest.mark.parametrize(("path", "calls"), [(OPENAI, 3), (NATIVE, 1)])
async def test_who_states_nothing_joins_nobody_but_natively(start: Serve, path: str, calls: int) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Hello")])
    served = await start(model, endpoints=[endpoint("ollama")])
    asking = [asyncio.create_task(served.client.post(path, json=chat(model="ollama"))) for _ in range(3)]
    await eventually(lambda: served.gateway.answer_chat.under_way == 3 and model.open_calls == calls)
    await clock.advance(1)
    assert [(await one).status_code for one in asking] == [200] * 3
    assert len(model.calls) == calls


async def test_the_decision_says_that_it_was_a_sample(served: Served) -> None:
    drawn = await served.client.post(OPENAI, json=chat(model="ollama", temperature=1))
    decision = (await served.client.get(f"/api/v1/requests/{drawn.headers['x-request-id']}")).json()
    assert decision["cache"] == "bypass; sampled"


@pytest.mark.parametrize(
    "directive",
    [
        "no-store",
        "No-Store",
        "max-age=0, no-store",
        "no-cache ,NO-STORE,",
        'private="a, b", no-store',
        "no-store=1",
    ],
)
@pytest.mark.parametrize("path", BODIES)
async def test_no_store_neither_reads_nor_keeps(start: Serve, path: str, directive: str) -> None:
    served = await serve_embeddings(start, ScriptedEmbeddingModel(stopped_clock()))
    seen = []
    for value in ("", "", directive, "", "no-transform", directive):
        headers = {"cache-control": value} if value else {}
        seen.append((await served.client.post(path, json=BODIES[path], headers=headers)).headers[HEADER])
    assert seen == ["miss", "hit", "bypass", "hit", "hit", "bypass"]


@pytest.mark.parametrize(
    "directive", ["no-cache", "max-age=0", 'private="no-store"', "x-no-store", "no-store-ever", ""]
)
async def test_what_is_not_no_store_changes_nothing(served: Served, directive: str) -> None:
    headers: Any = {"cache-control": directive}
    seen = [
        (await served.client.post(NATIVE, json=chat(model="ollama"), headers=headers)).headers[HEADER] for _ in range(2)
    ]
    assert seen == ["miss", "hit"]


async def test_no_store_stands_in_any_line_and_goes_before_the_body(served: Served) -> None:
    lines: Any = [("cache-control", "max-age=0"), ("cache-control", "no-store")]
    body = chat(model="ollama", cache={"mode": "use"})
    for _ in range(2):
        assert (await served.client.post(NATIVE, json=body, headers=lines)).headers[HEADER] == "bypass"


async def test_explain_says_how_the_cache_would_be_used(served: Served) -> None:
    body = chat(model="ollama", temperature=0.7)
    plain = (await served.client.post("/api/v1/explain", json=body)).json()["cache"]
    past = (await served.client.post("/api/v1/explain", json=body, headers={"cache-control": "no-store"})).json()[
        "cache"
    ]
    assert plain == {"mode": "use", "joins": True, "sampled": False}
    assert past == {"mode": "bypass", "joins": False, "sampled": False}
