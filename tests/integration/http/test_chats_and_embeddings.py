"""One table over chats and embeddings: the same refusals, failures, bounds, headers, records and end of draining."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec import Struct

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.application.records import RequestRecord
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret, TokenSettings
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)

from .openai.test_embeddings import NOMIC
from .served import KEY, Serve, Served, endpoint, eventually

Step = Wait | Exception | None
CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "ollama/llama3.1", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9},
    EMBED: {"model": "ollama/nomic", "input": "Hello"},
}
OF_THE_ANSWER = ("content-length", "date", "x-request-id", "x-gateway-model")


class Side(Struct):
    """A server, the path that is asked, and the model behind it."""

    path: str
    served: Served
    clock: ScriptedClock
    model: ScriptedChatModel | ScriptedEmbeddingModel

    @property
    def body(self) -> dict[str, Any]:
        return dict(BODIES[self.path])

    async def ask(self, headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
        return await self.served.client.post(self.path, json=self.body | fields, headers=headers)

    @property
    def record(self) -> RequestRecord:
        return self.served.observer.records[-1]


class Seen(Struct):
    """All of an exchange that is no answer's own: the status, what the body and the headers say, and the record."""

    status: int
    error: object
    headers: dict[str, str]
    recorded: tuple[object, ...]


def seen_of(side: Side, response: httpx.Response) -> Seen:
    body = response.json()
    return Seen(
        status=response.status_code,
        error=(body["error"]["type"], body["error"]["code"]) if "error" in body else None,
        headers={name: value for name, value in response.headers.items() if name not in OF_THE_ANSWER},
        recorded=recorded(side.record),
    )


def recorded(record: RequestRecord) -> tuple[object, ...]:
    return (
        *(record.error, record.left, record.admitted, record.looked_up, record.cache, record.hint, record.ignored),
        *(record.client, len(record.planned), len(record.skipped)),
        *(skip.reason for skip in record.passed_over),
        *((one.error, one.status, one.reason_class, one.left, one.streamed) for one in record.attempts),
    )


async def side_of(start: Serve, path: str, *steps: Step, said: str = "Hello", **options: Any) -> Side:
    clock = ScriptedClock(monotonic=0)
    steps = steps or (None,)
    scripts = [[step] if isinstance(step, Exception) else [*([step] if step else []), *answer(said)] for step in steps]
    chats, embeds = ScriptedChatModel(clock, *scripts), ScriptedEmbeddingModel(clock, *steps)
    overrides = {"embedding_models": {"ollama": embeds}} | options.pop("overrides", {})
    served = await start(chats, endpoints=[endpoint("ollama"), NOMIC], overrides=overrides, **options)
    return Side(path, served, clock, chats if path == CHAT else embeds)


Scenario = Callable[[Side], Awaitable[httpx.Response]]


async def plain(side: Side) -> httpx.Response:
    return await side.ask()


def stating(headers: dict[str, str] | None = None, **fields: object) -> Scenario:
    return lambda side: side.ask(headers, **fields)


def sending(content: bytes, **headers: str) -> Scenario:
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda side: side.served.client.post(side.path, content=content, headers=named)


async def again(side: Side) -> httpx.Response:
    await side.ask()
    return await side.ask()


async def drained(side: Side) -> httpx.Response:
    side.served.drain.set()
    return await side.ask()


def client(**stated: Any) -> dict[str, Any]:
    return {"api_keys": (), "clients": (ClientSettings(name="one", keys=(Secret(KEY),), **stated),)}


REQUESTS: dict[str, tuple[Scenario, int]] = {
    "answered": (plain, 200),
    "from the cache": (again, 200),
    "past the cache": (stating(cache={"mode": "bypass"}), 200),
    "asked anew": (stating(cache={"mode": "refresh"}), 200),
    "not to be stored": (stating({"cache-control": "no-store"}), 200),
    "a label": (stating(user="somebody"), 200),
    "an id of its own": (stating({"x-request-id": "mine-1"}), 200),
    "a time of its own": (stating({"x-gateway-timeout": "30"}), 200),
    "a hint that fits": (stating(model_hint="secure"), 200),
    "no key": (stating({"x-api-key": ""}), 401),
    "a wrong key": (stating({"x-api-key": "wrong"}), 401),
    "a field that is not known": (stating(colour="red"), 400),
    "a wrong time": (stating({"x-gateway-timeout": "soon"}), 400),
    "a wrong hint": (stating({"x-gateway-hint": "sideways"}), 400),
    "a hint that leads elsewhere": (stating(model_hint="local", model="gemini/other"), 404),
    "no such model": (stating(model="nobody"), 404),
    "no such way to use the cache": (stating(cache={"mode": "sometimes"}), 400),
    "a time in the cache that is too long": (stating(cache={"ttl_seconds": 10**9}), 400),
    "no JSON": (sending(b"{"), 400),
    "no UTF-8": (sending(b'{"model": "\xff"}'), 400),
    "nested without end": (sending(b"[" * 4_000), 400),
    "nothing": (sending(b""), 400),
    "no object": (sending(b"[]"), 400),
    "another type": (sending(b"{}", content_type="text/plain"), 415),
    "a model twice": (sending(b'{"model": "a", "model": "b"}'), 400),
    "a body that is too large": (sending(b" " * 5_000), 413),
    "draining": (drained, 503),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_requests_fare_alike(start: Serve, name: str) -> None:
    scenario, status = REQUESTS[name]
    chat, embedding = [
        seen_of(side, await scenario(side))
        for side in [
            await side_of(start, path, max_body_bytes=4_096, overrides={"clock": ScriptedClock()})
            for path in (CHAT, EMBED)
        ]
    ]
    assert chat.status == status
    assert embedding == chat


FAILURES: dict[str, tuple[Exception, int]] = {
    "throttled": (ProviderThrottled("ollama", "slower", retry_after=timedelta(seconds=7)), 503),
    "overloaded": (ProviderOverloaded("ollama", "full"), 503),
    "unavailable": (ProviderUnavailable("ollama", "500"), 503),
    "refused": (ProviderRefused("ollama", "no connection"), 503),
    "broken": (ProviderBroken("ollama", "reset"), 502),
    "misconfigured": (ProviderMisconfigured("ollama", "its key is wrong"), 502),
    "rejected": (ProviderRejected("ollama", "no"), 400),
    "too long": (ContextLengthExceeded("ollama", "too long"), 400),
    "timeout": (ProviderTimeout("ollama", "no answer"), 504),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_failures_are_told_alike(start: Serve, name: str) -> None:
    error, status = FAILURES[name]
    chat, embedding = [
        seen_of(side, await side.ask())
        for side in [await side_of(start, path, error, provider_max_retries=0) for path in (CHAT, EMBED)]
    ]
    assert chat.status == status
    assert "x-ratelimit-remaining-requests" in chat.headers
    assert embedding == chat


CLIENTS: dict[str, tuple[dict[str, Any], int]] = {
    "a hint that it may not use": ({"hints": ()}, 403),
    "a model that it may not use": ({"models": ("gemini",)}, 403),
    "requests that are spent": ({"requests": BucketSettings(capacity=1, refill_rate=0.001)}, 429),
    "tokens that are counted": ({"tokens": TokenSettings(capacity=10_000, refill_rate=0.001)}, 200),
    "strictness": ({"strict": True}, 200),
}


@pytest.mark.parametrize("name", CLIENTS)
async def test_clients_rights_and_quotas_hold_alike(start: Serve, name: str) -> None:
    stated, status = CLIENTS[name]
    chat, embedding = [
        seen_of(side, await again(side))
        for side in [
            await side_of(start, path, overrides={"clock": ScriptedClock()}, **client(**stated))
            for path in (CHAT, EMBED)
        ]
    ]
    assert chat.status == status
    for seen in (chat, embedding):  # their answers take different numbers of tokens
        for header in ("ratelimit", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"):
            seen.headers.pop(header, None) if "tokens" in name else None
    assert embedding == chat


BOTH = pytest.mark.parametrize("path", [CHAT, EMBED])


@BOTH
async def test_its_own_time_ends_an_answer(start: Serve, path: str) -> None:
    side = await side_of(start, path, Wait(1))
    response = await side.ask({"x-gateway-timeout": "0.05"})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "provider_timeout")
    assert (side.record.error, side.record.left, side.record.admitted) == ("ProviderTimeout", False, True)
    assert side.model.open_calls == 0


@BOTH
async def test_who_leaves_ends_the_call(start: Serve, path: str) -> None:
    side = await side_of(start, path, Wait(1))
    wire = await side.served.connect()
    await wire.send(side.served.request(path=path, body=json.dumps(side.body).encode()))
    await eventually(lambda: side.model.open_calls == 1)
    wire.reset()
    await eventually(lambda: side.served.observer.records)
    assert [(one.left, one.error, one.looked_up) for one in side.served.observer.records] == [(True, None, True)]
    assert [one.left for one in side.record.attempts] == [True]
    assert side.model.open_calls == 0


@BOTH
async def test_what_outlasts_the_drain_is_ended_and_told_so(start: Serve, path: str) -> None:
    side = await side_of(start, path, Wait(1), drain_seconds=0.05)
    asking = asyncio.create_task(side.ask())
    await eventually(lambda: side.model.open_calls == 1)
    side.served.server.handle_exit(signal.SIGTERM, None)
    response = await asking
    assert (response.status_code, response.json()["error"]["code"]) == (503, "draining")
    assert (side.record.error, side.record.left) == ("Draining", False)
    assert side.model.open_calls == 0


async def test_an_answer_that_is_too_large_is_refused_alike_and_paid_for_once(start: Serve) -> None:
    """The chat's in bytes, the embedding's in numbers: 256 texts of 4, and one more."""
    seen = {}
    for path, fits, more in ((CHAT, "x" * 500, "x" * 1_000), (EMBED, ["text"] * 256, ["text"] * 257)):
        for said in (fits, more):
            options: dict[str, Any] = {"max_answer_bytes": 1_024, "overrides": {"clock": ScriptedClock()}}
            side = await side_of(start, path, said=str(said), **options)
            asked = side.ask(input=said) if path == EMBED else side.ask()
            seen[path, said is more] = seen_of(side, await asked)
            assert len(side.model.calls) == 1
    assert [one.status for one in seen.values()] == [200, 502, 200, 502]
    assert seen[CHAT, True] == seen[EMBED, True]


@BOTH
async def test_what_ends_within_the_drain_is_answered(start: Serve, path: str) -> None:
    side = await side_of(start, path, Wait(1), drain_seconds=30)
    asking = asyncio.create_task(side.ask())
    await eventually(lambda: side.model.open_calls == 1)
    side.served.server.handle_exit(signal.SIGTERM, None)
    await eventually(side.served.drain.is_set)
    await side.clock.advance(1)
    assert (await asking).status_code == 200
    assert (side.record.error, side.record.left) == (None, False)


@BOTH
async def test_each_request_leaves_one_record_and_a_span_of_its_task(start: Serve, path: str) -> None:
    side = await side_of(start, path, ProviderThrottled("ollama", "slower"), None, provider_max_retries=1)
    traced = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    asking = asyncio.create_task(side.ask(traced))
    assert (await asking).status_code == 200
    [request] = side.served.observer.requests
    assert len(request.records) == 1
    assert request.headers["traceparent"] == traced["traceparent"]
    assert [len(attempt.ends) for attempt in request.attempts] == [1, 1]
    assert {side.record.task} == {one.task for one in side.record.attempts}
