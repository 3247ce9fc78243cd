"""Who waits as long as a refusal told, with nothing else under way, is admitted; and nobody is refused without need."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.application.ports.system import Alarm
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.chat import ChatRequest, FinishReason, Text, Usage, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import QuotaExceeded
from llm_gateway.domain.estimate import likely_prompt_tokens
from llm_gateway.domain.events import Collector, Finished, Started
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.routing import EndpointState

from ..domain.test_limits_machine import SetClock
from .world import CLOUD

OUTPUT = 40


class NoAlarm(Alarm):
    @override
    def cancel(self) -> None:
        """It never rings."""


class StoppedClock(SetClock):
    """Nothing that is held has to be renewed."""

    @override
    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        return NoAlarm()


class Asked(Struct, frozen=True):
    """One request, and how many tokens its answer used."""

    text: str
    max_tokens: int | None
    limit: int | None
    used: int

    @property
    def request(self) -> ChatRequest:
        return ChatRequest(messages=(UserMessage(content=(Text(text=self.text),)),), max_tokens=self.max_tokens)

    @property
    def reserved(self) -> int:
        likely = [OUTPUT, *(bound for bound in (self.max_tokens, self.limit) if bound is not None)]
        return likely_prompt_tokens(self.request) + min(likely)


class Burst(Struct, frozen=True):
    """Requests at once, some milliseconds after the others' end, and one after their end."""

    after_ms: int
    at_once: Sequence[Asked]
    then: Asked


BOUNDS = st.none() | st.integers(1, 100)
REQUESTS = st.builds(
    Asked, st.text("ab", max_size=30), BOUNDS, BOUNDS, st.integers(0, 200) | st.sampled_from((3_000, 10**6))
)
BURSTS = st.lists(st.builds(Burst, st.integers(0, 5_000), st.lists(REQUESTS, max_size=4), REQUESTS), max_size=4)
QUOTAS = st.builds(
    Quota,
    requests=st.builds(Bucket.of, st.integers(1, 3), st.sampled_from((0.4, 1.0, 3.7))),
    tokens=st.builds(Bucket.of, st.integers(1, 200) | st.just(10**6 + 1), st.sampled_from((250.0, 16.667, 0.7))),
    concurrency=st.none() | st.integers(1, 2),
)


class Asking:
    """A client that asks in bursts, over any limiter that goes by the clock."""

    def __init__(self, limiter: RateLimiter, clock: SetClock, client: Client) -> None:
        self._throttle = ThrottleClient(limiter, clock, SeededEntropy(), reserved_output=OUTPUT)
        self._clock = clock
        self._client = client

    async def run(self, bursts: Sequence[Burst]) -> None:
        for burst in bursts:
            self._clock.ms += burst.after_ms
            async with AsyncExitStack() as under_way:
                for asked in burst.at_once:
                    await self._ask(asked, under_way)
            wait = await self._ask_alone(burst.then)
            if wait:
                self._clock.ms += wait
                assert not await self._ask_alone(burst.then), "it waited as long as it was told"

    async def _ask_alone(self, asked: Asked) -> int:
        async with AsyncExitStack() as under_way:
            return await self._ask(asked, under_way)

    async def _ask(self, asked: Asked, under_way: AsyncExitStack) -> int:
        """Milliseconds to wait, 0 where it is under way."""
        try:
            await self._throttle.admit(self._client, asked.request)
        except QuotaExceeded as error:
            requests = error.decision.requests
            assert requests is not None
            assert not requests.remaining
            return error.decision.retry_after_ms
        state = EndpointState(endpoint=CLOUD, features=frozenset(), output_limit=asked.limit)
        try:
            held = await under_way.enter_async_context(self._throttle.reserve(self._client, asked.request, state))
        except QuotaExceeded as error:
            tokens, leases = error.decision.tokens, error.decision.concurrency
            assert tokens is not None
            assert tokens.remaining < min(tokens.limit, asked.reserved) or (leases and not leases.remaining)
            return error.decision.retry_after_ms
        usage = Usage(prompt_tokens=asked.used, completion_tokens=0)
        answer = Collector()
        answer.add(Started(endpoint=CLOUD.id))
        answer.add(Finished(reason=FinishReason.STOP, usage=usage, model="any"))
        held.follow(answer)
        return 0


@settings(max_examples=300, deadline=None)
@given(QUOTAS, BURSTS)
def test_a_wait_that_is_told_is_long_enough_and_nothing_is_refused_that_the_bucket_covers(
    quota: Quota, bursts: list[Burst]
) -> None:
    clock = StoppedClock()
    client = Client(id=ClientId("one"), namespace="team", quota=quota)
    asyncio.run(Asking(MemoryRateLimiter(clock), clock, client).run(bursts))
