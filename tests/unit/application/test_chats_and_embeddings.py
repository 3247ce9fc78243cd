"""One table over chats and embeddings: the same patience, retries, quotas and ends, in the same records."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.chat_model import Wait
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    Draining,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.resilience import BREAKER_FAILURES
from llm_gateway.domain.routing import EndpointId, Task

from . import embedding_world, world
from .embedding_world import EmbeddingWorld
from .world import HELLO, World, client_of

Step = Wait | Exception | None
NONE = EndpointId(provider="ollama", model="any")
PLENTY = client_of(requests=1_000, tokens=1_000_000, concurrency=100)


class Side(Struct):
    """One world of the two. `ask` takes the text, the client, and the request's own timeout."""

    world: World | EmbeddingWorld
    ask: Callable[[str, Client, float | None], Awaitable[object]]
    close: Callable[[], Awaitable[None]]

    @property
    def records(self) -> Sequence[RequestRecord]:
        return [_common(record) for record in self.world.observer.records]

    def begin(self, text: str = "Hello", client: Client = PLENTY, timeout: float | None = None) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(self.ask(text, client, timeout))


def _common(record: RequestRecord) -> RequestRecord:
    """Without what only one of the two has, or calls by another name."""
    return replace(
        record,
        id=RequestId("any"),
        task=Task.CHAT,
        endpoint=record.endpoint and NONE,
        planned=(NONE,) * len(record.planned),
        passed_over=tuple(replace(skip, name="any") for skip in record.passed_over),
        usage=None,
        finish_reason=None,
        first_event_seconds=None,
        attempts=tuple(
            replace(one, endpoint=NONE, task=Task.CHAT, usage=None, finish_reason=None, first_event_seconds=None)
            for one in record.attempts
        ),
    )


def chats(*steps: Step) -> Side:
    scripts = [[step] if isinstance(step, Exception) else [*([step] if step else []), *HELLO] for step in steps]
    clock = ScriptedClock()
    made = World(ollama=scripts or [HELLO], clock=clock, limiter=MemoryRateLimiter(clock))

    async def ask(text: str, client: Client, seconds: float | None) -> object:
        return await made.ask(world.call_of(text, model="ollama", hint=None, timeout=seconds), client)

    return Side(made, ask, made.flights.aclose)


def embeddings(*steps: Step) -> Side:
    clock = ScriptedClock()
    made = EmbeddingWorld(*steps, clock=clock, limiter=MemoryRateLimiter(clock))

    async def ask(text: str, client: Client, seconds: float | None) -> object:
        return await made.ask(embedding_world.call_of(text, timeout=seconds), client)

    return Side(made, ask, made.embed_texts.aclose)


SLOW = Wait(5)
SILENT = Wait(1e9)
THROTTLED = ProviderThrottled("ollama", "slower")


def failing(kind: type[ProviderError]) -> ProviderError:
    return kind("ollama", "no")


async def once(side: Side, **asked: Any) -> None:
    asking = side.begin(**asked)
    await side.world.clock.advance(1_000)
    await asyncio.gather(asking, return_exceptions=True)


async def twice(side: Side) -> None:
    await once(side)
    await once(side)


async def until_its_breaker_opens(side: Side) -> None:
    for number in range(BREAKER_FAILURES + 1):
        await once(side, text=f"{number}")


async def with_one_request(side: Side) -> None:
    client = client_of(requests=1)
    for text in ("one", "two"):
        await asyncio.gather(side.ask(text, client, None), return_exceptions=True)


async def with_one_lease(side: Side) -> None:
    client = client_of(concurrency=1)
    first = side.begin("one", client)
    await side.world.clock.advance(1)
    await asyncio.gather(side.ask("two", client, None), return_exceptions=True)
    await side.world.clock.advance(10)
    await first


async def leaving(side: Side) -> None:
    asking = side.begin()
    await side.world.clock.advance(1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def closing(side: Side) -> None:
    asking = side.begin()
    await side.world.clock.advance(1)
    await side.close()
    for end in await asyncio.gather(asking, side.ask("later", PLENTY, None), return_exceptions=True):
        assert isinstance(end, Draining)


KINDS = (
    *(ProviderThrottled, ProviderOverloaded, ProviderUnavailable, ProviderRefused, ProviderBroken),
    *(ProviderMisconfigured, ProviderRejected, ContextLengthExceeded, ProviderTimeout),
)
ASKED_WAIT = ProviderThrottled("ollama", "asks to wait", retry_after=timedelta(seconds=0.9))
SCENARIOS: dict[str, tuple[Callable[[Side], Awaitable[None]], tuple[Step, ...]]] = {
    "an answer": (once, (SLOW,)),
    "an answer, and again": (twice, (SLOW,)),
    **{f"always {kind.__name__}": (once, (failing(kind),)) for kind in KINDS},
    **{f"{kind.__name__}, then an answer": (once, (failing(kind), SLOW)) for kind in KINDS},
    "failures that open the breaker": (until_its_breaker_opens, (failing(ProviderRefused),)),
    "silence": (once, (SILENT,)),
    "silence, with a time of its own": (lambda side: once(side, timeout=7), (SILENT,)),
    "a retry, with a time of its own": (lambda side: once(side, timeout=7), (THROTTLED, SILENT)),
    "no time for a retry": (lambda side: once(side, timeout=0.5), (ASKED_WAIT, None)),
    "spent requests": (with_one_request, (None,)),
    "a spent concurrency": (with_one_lease, (SLOW,)),
    "who leaves": (leaving, (SILENT,)),
    "the end": (closing, (SILENT,)),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_both_fare_alike(name: str) -> None:
    scenario, steps = SCENARIOS[name]
    sides = chats(*steps), embeddings(*steps)
    for side in sides:
        await scenario(side)
        assert await side.world.at_rest()
        assert side.records
    assert sides[1].records == sides[0].records
    assert [bool(settled) for settled in sides[1].world.limiter.settled] == [
        bool(settled) for settled in sides[0].world.limiter.settled
    ]
