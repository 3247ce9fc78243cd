"""What became of a request, told to the key that asked, and to no other."""

import httpx
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.errors import ProviderRefused

from ..served import Serve, Served, chat, eventually, stopped_clock

OTHER = "other-key-1"
CANARY = "canary-7f3a"


async def decision(served: Served, id: str, **headers: str) -> httpx.Response:
    return await served.client.get(f"/api/v1/requests/{id}", headers=headers)


async def test_an_answer_is_told_with_its_plan_its_attempts_and_its_tokens(start: Serve) -> None:
    failing = ScriptedChatModel(stopped_clock(), [ProviderRefused("gemini", "no connection")])
    served = await start(ScriptedChatModel(stopped_clock(), answer("Hello")), failing)
    await served.client.post("/api/v1/chat", json=chat(CANARY, model_hint="fast"), headers={"x-request-id": "mine-1"})

    response = await decision(served, "mine-1")

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    told = response.json()
    assert (told["id"], told["outcome"], told["hint"], told["cache"]) == ("mine-1", "answered", "fast", "miss")
    assert told["plan"] == ["gemini/gemini-flash-latest", "ollama/llama3.1"]
    assert told["passed_over"] == [{"name": "gemini/gemini-flash-latest", "reason": "gemini: no connection"}]
    assert [(attempt["provider"], attempt["outcome"], attempt["reason"]) for attempt in told["attempts"]] == [
        ("gemini", "ProviderRefused", "gemini: no connection"),
        ("ollama", "answered", None),
    ]
    assert told["attempts"][1]["usage"]["total_tokens"] == told["usage"]["total_tokens"] == 4
    assert (told["provider"], told["model"], told["finish_reason"]) == ("ollama", "llama3.1", "stop")
    assert told["seconds"] >= told["first_event_seconds"] >= 0
    assert CANARY not in response.text


async def test_a_hit_tells_that_it_saved_a_call(served: Served) -> None:
    await served.chat("the same")
    response = await served.chat("the same")
    told = (await decision(served, response.headers["x-request-id"])).json()
    assert (told["cache"], told["attempts"]) == ("hit", [])
    assert 0 <= told["saved_seconds"] < 5


async def test_a_refusal_is_told_too(served: Served) -> None:
    response = await served.chat("x", model="invented-model")
    told = (await decision(served, response.headers["x-request-id"])).json()
    assert (response.status_code, told["outcome"], told["plan"], told["admitted"]) == (404, "UnknownModel", [], None)
    assert "invented-model" not in str(told)


async def test_a_stream_that_its_client_left_is_told_as_such(start: Serve) -> None:
    clock = stopped_clock()
    served = await start(ScriptedChatModel(clock, [*answer("Hel")[:1], Wait(60)]))
    wire = await served.connect()
    await wire.send(
        served.request(body=b'{"messages":[{"role":"user","content":"x"}],"stream":true}', x_request_id="l")
    )
    await wire.until(b"delta")
    wire.reset()
    await eventually(lambda: served.observer.records)
    told = (await decision(served, "l")).json()
    assert (told["outcome"], told["stream"], told["attempts"][0]["outcome"]) == ("left", True, "left")


@pytest.mark.parametrize("key", [OTHER, "nobodys-key-1", ""])
async def test_nobody_else_is_told(start: Serve, key: str) -> None:
    other = ClientSettings(name="other", keys=(Secret(OTHER),))
    served = await start(ScriptedChatModel(stopped_clock()), clients=(other,))
    await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "mine"})
    unknown = await decision(served, "never-asked")

    response = await decision(served, "mine", **{"x-api-key": key})

    assert response.status_code == (404 if key == OTHER else 401)
    if key == OTHER:
        hidden = {"request_id"}
        assert {k: v for k, v in response.json().items() if k not in hidden} == {
            k: v for k, v in unknown.json().items() if k not in hidden
        }


async def test_each_clients_own_request_is_found_though_another_used_the_same_id(start: Serve) -> None:
    other = ClientSettings(name="other", keys=(Secret(OTHER),))
    served = await start(ScriptedChatModel(stopped_clock()), clients=(other,))
    await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "same"})
    headers = {"x-request-id": "same", "x-api-key": OTHER}
    await served.client.post("/api/v1/chat", json=chat(model="none"), headers=headers)

    assert (await decision(served, "same")).json()["outcome"] == "answered"
    assert (await decision(served, "same", **{"x-api-key": OTHER})).json()["outcome"] == "UnknownModel"


@pytest.mark.parametrize("id", ["%00", "a%2Fb", "x" * 5000, "%FF%FE"])
async def test_an_id_that_no_request_can_have_is_not_found(served: Served, id: str) -> None:
    assert (await decision(served, id)).status_code == 404


async def listed(served: Served, query: str = "", **headers: str) -> httpx.Response:
    return await served.client.get(f"/api/v1/requests{query}", headers=headers)


async def test_a_key_s_latest_requests_are_told_the_newest_first(served: Served) -> None:
    for id, path in (("first", "/api/v1/chat"), ("second", "/v1/chat/completions"), ("third", "/v1/messages")):
        body = chat(CANARY, model="local") | {"max_tokens": 9}
        await served.client.post(path, json=body, headers={"x-request-id": id})
    refused = (await served.chat("x", model="invented-model")).headers["x-request-id"]

    response = await listed(served)

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    told = response.json()["requests"]
    assert [one["id"] for one in told] == [refused, "third", "second", "first"]
    assert told[1:] == [(await decision(served, id)).json() for id in ("third", "second", "first")]
    assert CANARY not in response.text


async def test_a_key_without_requests_is_told_of_none(served: Served) -> None:
    response = await listed(served)
    assert (response.status_code, response.json()) == (200, {"requests": []})
    assert (await served.client.head("/api/v1/requests")).status_code == 200


async def test_a_list_has_no_request_of_another_client(start: Serve) -> None:
    other = ClientSettings(name="other", keys=(Secret(OTHER),))
    served = await start(ScriptedChatModel(stopped_clock()), clients=(other,))
    for key in ({}, {"x-api-key": OTHER}):
        await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": f"of-{len(key)}"} | key)

    mine, theirs = await listed(served), await listed(served, **{"x-api-key": OTHER})

    assert [one["id"] for one in mine.json()["requests"]] == ["of-0"]
    assert [one["id"] for one in theirs.json()["requests"]] == ["of-1"]
    for stranger in ("nobodys-key-1", ""):
        assert (await listed(served, **{"x-api-key": stranger})).status_code == 401


async def test_a_list_is_as_long_as_is_asked(served: Served) -> None:
    for number in range(51):
        await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": f"r{number}"})

    for query, count in {"": 20, "?limit=1": 1, "?limit=50": 50, "?other=3": 20}.items():
        told = (await listed(served, query)).json()["requests"]
        assert [one["id"] for one in told] == [f"r{50 - number}" for number in range(count)]


@pytest.mark.parametrize("limit", ["", "0", "51", "-1", "1.5", "ten", "1e1", "%00", "99999999999999999999", "%D9%A1"])
async def test_a_limit_that_is_none_is_refused(served: Served, limit: str) -> None:
    response = await listed(served, f"?limit={limit}")
    assert response.status_code == 400
    assert response.json()["errors"] == [{"path": "limit", "message": "must be from 1 to 50"}]
