"""Limits as a client meets them."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret, TokenSettings

from ..served import KEY, Serve, chat, eventually, stopped_clock

DETAIL = "Too many requests. Please wait before trying again."


async def test_six_at_once_with_the_default_quota_are_five_and_a_429(start: Serve) -> None:
    clock = ScriptedClock()
    served = await start(ScriptedChatModel(stopped_clock()), rate_limiter_capacity=5, overrides={"clock": clock})

    responses = await asyncio.gather(*(served.chat(f"Question {number}") for number in range(6)))

    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 200, 429]
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"] == '"requests";r=0;t=5'
    assert refused.headers["ratelimit-policy"] == '"requests";q=5;w=5'
    assert refused.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": f"{DETAIL} The limit of requests is spent (RATE_LIMITER_CAPACITY); there is room in 1 seconds.",
        "code": "rate_limited",
        "request_id": refused.headers["x-request-id"],
        "quota": {"limit": "requests", "setting": "RATE_LIMITER_CAPACITY"},
    }


async def test_of_ten_at_once_each_that_is_refused_is_told_a_moment_of_its_own(start: Serve) -> None:
    clock = ScriptedClock()
    served = await start(ScriptedChatModel(stopped_clock()), rate_limiter_capacity=5, overrides={"clock": clock})

    responses = await asyncio.gather(*(served.chat(f"Question {number}") for number in range(10)))
    waits = sorted(int(one.headers["retry-after"]) for one in responses if one.status_code == 429)
    again = []
    for number in range(5):
        await clock.advance(1)
        again.append((await served.chat(f"Again {number}")).status_code)

    assert waits == [1, 2, 3, 4, 5]
    assert again == [200] * 5


@pytest.mark.parametrize(
    ("row", "limit", "setting"),
    [
        ({}, "requests", "RATE_LIMITER_CAPACITY"),
        ({"requests": BucketSettings(capacity=1, refill_rate=1)}, "requests", "clients[0].requests"),
        ({"tokens": TokenSettings(capacity=600, refill_rate=1)}, "tokens", "clients[0].tokens"),
        ({"concurrency": 1}, "concurrency", "clients[0].concurrency"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
async def test_a_refusal_names_the_limit_and_its_setting(
    start: Serve, path: str, row: dict[str, Any], limit: str, setting: str
) -> None:
    clock = ScriptedClock()
    client = ClientSettings(name="one", keys=(Secret("one-key-1"),), **row)
    model = ScriptedChatModel(clock, [Wait(1), *answer("Yes.")], answer("Yes."))
    capacity = 1 if limit == "requests" else 100
    served = await start(
        model, api_keys=(), clients=(client,), rate_limiter_capacity=capacity, overrides={"clock": clock}
    )

    async def ask(text: str) -> httpx.Response:
        body = {"model": "ollama", "max_tokens": 510, **chat(text)}
        return await served.client.post(path, json=body, headers={"x-api-key": "one-key-1"})

    first = asyncio.create_task(ask("A"))
    await eventually(lambda: model.open_calls == 1)
    refused = await ask("B" * 80)
    await clock.advance(1)

    assert (await first).status_code == 200
    assert refused.status_code == 429
    told = refused.json()
    error = told if path.startswith("/api") else told["error"]
    assert error["quota"] == {"limit": limit, "setting": setting}
    assert (error.get("detail") or error["message"]).startswith(f"{DETAIL} The limit of {limit} is spent ({setting})")


async def test_after_the_stated_wait_and_not_before_it_goes_on(start: Serve) -> None:
    clock = ScriptedClock()
    served = await start(
        ScriptedChatModel(stopped_clock()),
        rate_limiter_capacity=1,
        rate_limiter_refill_rate=0.4,
        overrides={"clock": clock},
    )
    await served.chat()
    await clock.advance(0.9)
    assert (await served.chat()).headers["retry-after"] == "2"  # 1.6 s, rounded up

    await clock.advance(1.5)
    assert (await served.chat()).status_code == 429
    await clock.advance(0.1)
    assert (await served.chat()).status_code == 200


async def test_a_request_that_is_refused_before_the_quota_costs_nothing(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()), rate_limiter_capacity=1, overrides={"clock": ScriptedClock()}
    )

    assert (await served.client.post("/api/v1/chat", json={})).status_code == 400
    assert (await served.chat(model="gpt-9")).status_code == 404
    assert (await served.chat()).status_code == 200


async def test_an_exhausted_token_quota_is_a_429_with_each_header_once(start: Serve) -> None:
    tight = ClientSettings(
        name="tight",
        keys=(Secret("tight-key-1"),),
        requests=BucketSettings(capacity=100, refill_rate=1),
        tokens=TokenSettings(capacity=600, refill_rate=1),
    )
    served = await start(
        ScriptedChatModel(stopped_clock()), api_keys=(), clients=(tight,), overrides={"clock": ScriptedClock()}
    )
    headers = {"x-api-key": "tight-key-1"}
    first = await served.client.post("/api/v1/chat", json=chat("A"), headers=headers)
    second = await served.client.post("/api/v1/chat", json=chat("B" * 80, max_tokens=590), headers=headers)

    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit-tokens"] == "600"
    assert second.status_code == 429
    assert second.json()["detail"].startswith(DETAIL)
    assert [len(second.headers.get_list(name)) for name in ("ratelimit", "ratelimit-policy", "retry-after")] == [1] * 3
    assert second.headers["ratelimit"].split(";r=")[0] == '"requests"'
    assert int(second.headers["retry-after"]) >= 1


async def test_a_quota_of_tokens_admits_many_at_once_that_state_no_max_tokens(start: Serve) -> None:
    clock = ScriptedClock()
    ample = ClientSettings(
        name="ample",
        keys=(Secret("ample-key-1"),),
        requests=BucketSettings(capacity=100, refill_rate=1),
        tokens=TokenSettings(capacity=100_000, refill_rate=1),
    )
    model = ScriptedChatModel(clock, *[[Wait(1), *answer("Yes.")]] * 5, answer("Yes."))
    served = await start(model, api_keys=(), clients=(ample,), overrides={"clock": clock})

    def ask(number: int) -> Awaitable[httpx.Response]:
        body = {"model": "ollama", **chat(f"Question {number}")}
        return served.client.post("/v1/chat/completions", json=body, headers={"x-api-key": "ample-key-1"})

    asking = asyncio.gather(*(ask(number) for number in range(5)))
    await eventually(lambda: model.open_calls == 5)
    await clock.advance(1)

    assert [response.status_code for response in await asking] == [200] * 5
    used = 5 * 4  # as the model counts
    assert (await ask(6)).headers["x-ratelimit-remaining-tokens"] == str(100_000 - used + 1)  # a second's refill


async def test_a_hit_costs_a_request(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()), rate_limiter_capacity=2, overrides={"clock": ScriptedClock()}
    )

    answers = [await served.chat() for _ in range(3)]

    assert [response.status_code for response in answers] == [200, 200, 429]
    assert answers[1].json()["cached"] is True


async def test_two_keys_have_two_quotas_and_two_caches(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()),
        api_keys=(Secret(KEY), Secret("another-key")),
        rate_limiter_capacity=1,
        overrides={"clock": ScriptedClock()},
    )

    first = await served.chat()
    other = await served.client.post("/api/v1/chat", json=chat(), headers={"x-api-key": "another-key"})

    assert (first.status_code, other.status_code) == (200, 200)
    assert other.json()["cached"] is False
