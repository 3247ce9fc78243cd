"""Each fault of Gemini's that llmock can play is its class of error, told once and asked for once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain import errors
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.events import ChatEvent, Finished, Started, collect

from ..gemini.calls import KEY, PROMPT, ask, model_at
from ..waiting import eventually
from .processes import Foreign
from .relay import Relay

pytestmark = pytest.mark.external("llmock")

GRAINS = pytest.mark.parametrize("grain", list(Grain))
REPLY: dict[str, Any] = {"type": "reply", "text": "Once upon a time"}
LONG_SECONDS = 60.0
"""Longer than anybody here waits."""
Play: TypeAlias = Callable[..., None]


@pytest.fixture
def play(llmock: Foreign) -> Play:
    def queue(*behaviors: dict[str, Any]) -> None:
        llmock.tell("POST", "/_llmock/reset")
        llmock.tell("POST", "/_llmock/scenario", {"behaviors": [REPLY, *behaviors]})

    return queue


def fault(kind: str, after: int = 1, **more: object) -> dict[str, Any]:
    return {"type": "stream_fault", "kind": kind, "after_chunks": after} | more


async def failing(
    relay: Relay, grain: Grain = Grain.STREAM, *, first_token_seconds: float = 30.0, idle_seconds: float = 15.0
) -> tuple[errors.ProviderError, list[ChatEvent]]:
    seen: list[ChatEvent] = []
    url, patience = f"{relay.url}/gemini", {"first_token_seconds": first_token_seconds, "idle_seconds": idle_seconds}
    async with model_at(url, None, **patience) as model:

        async def read() -> None:
            async for event in ask(model, grain=grain):
                seen.append(event)

        with pytest.raises(errors.ProviderError) as caught:
            await read()
    assert await relay.quiet() == 0
    assert caught.value.provider == "gemini"
    assert KEY not in repr(caught.value)
    assert PROMPT not in repr(caught.value)
    return caught.value, seen


STATUSES: dict[int, type[errors.ProviderError]] = {
    400: errors.ProviderRejected,
    401: errors.ProviderMisconfigured,
    403: errors.ProviderMisconfigured,
    404: errors.ProviderMisconfigured,
    408: errors.ProviderTimeout,
    429: errors.ProviderThrottled,
    500: errors.ProviderUnavailable,
    502: errors.ProviderUnavailable,
    503: errors.ProviderUnavailable,
    504: errors.ProviderTimeout,
}


@GRAINS
@pytest.mark.parametrize("status", STATUSES)
async def test_a_status_is_its_class_of_error_and_is_asked_for_once(
    llmock: Foreign, before_llmock: Relay, play: Play, status: int, grain: Grain
) -> None:
    play({"type": "fail", "status": status, "times": None})
    error, seen = await failing(before_llmock, grain)
    assert type(error) is STATUSES[status]
    assert seen == []
    asked = llmock.tell("GET", "/_llmock/requests")["requests"]
    assert [(one["status"], one["fault"]) for one in asked] == [(status, f"scenario:{status}")]


@GRAINS
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("seconds", [0, 2, 90_000])
async def test_the_wait_that_is_asked_for_is_told(
    llmock: Foreign, before_llmock: Relay, play: Play, status: int, seconds: int, grain: Grain
) -> None:
    play({"type": "fail", "status": status, "retry_after": seconds})
    error, _ = await failing(before_llmock, grain)
    assert error.retry_after == timedelta(seconds=min(seconds, 86_400))


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_broken_stream_is_broken(
    llmock: Foreign, before_llmock: Relay, play: Play, kind: str, after: int
) -> None:
    play(fault(kind, after))
    error, seen = await failing(before_llmock)
    assert type(error) is errors.ProviderBroken
    assert not any(isinstance(event, Finished) for event in seen)
    assert any(isinstance(event, Started) for event in seen) is (after > 0)
    asked = llmock.tell("GET", "/_llmock/requests")["requests"]
    assert [one["fault"] for one in asked] == [f"stream:{kind}@{after}"]


async def test_a_first_token_that_is_too_slow_is_a_timeout(before_llmock: Relay, play: Play) -> None:
    play({"type": "slow_first_token", "seconds": LONG_SECONDS})
    error, seen = await failing(before_llmock, first_token_seconds=0.1)
    assert type(error) is errors.ProviderTimeout
    assert seen == []


async def test_a_first_token_that_is_slow_is_waited_for(before_llmock: Relay, play: Play) -> None:
    play({"type": "slow_first_token", "seconds": 0.2})
    clock = ScriptedClock()
    async with model_at(f"{before_llmock.url}/gemini", clock, first_token_seconds=20, idle_seconds=5) as model:
        asking = asyncio.create_task(collect(ask(model, clock=clock)))
        await eventually(lambda: before_llmock.open_calls)
        await clock.advance(10)
        reply = await asking
    assert reply.content == REPLY["text"]
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.completion_tokens > 0


async def test_a_stall_is_a_timeout_after_what_came(before_llmock: Relay, play: Play) -> None:
    play(fault("stall", stall_seconds=LONG_SECONDS))
    error, seen = await failing(before_llmock, idle_seconds=0.1)
    assert type(error) is errors.ProviderTimeout
    assert isinstance(seen[0], Started)
    assert not any(isinstance(event, Finished) for event in seen)
