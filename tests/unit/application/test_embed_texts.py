"""An embedding's whole trip: asked once, throttled, cached, tried again, recorded; and never of another model."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.chat_model import Wait
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.answer_slots import AnswerSlots
from llm_gateway.application.embed_texts import MAX_EMBEDDINGS, Embedded
from llm_gateway.application.records import AttemptRecord, CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.errors import (
    Draining,
    GatewayError,
    InvalidRequest,
    Overloaded,
    ProviderBroken,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    UnknownModel,
)
from llm_gateway.domain.estimate import LIKELY_TOKENS_PER_INPUT, TOKENS_PER_MESSAGE
from llm_gateway.domain.quota import Reserve
from llm_gateway.domain.resilience import BREAKER_FAILURES, BreakerState
from llm_gateway.domain.routing import Hint, Task

from .embedding_world import CLOUD, LOCAL, EmbeddingWorld, call_of
from .witnesses import FarCache, FarLimiter
from .world import client_of

THROTTLED = ProviderThrottled("ollama", "slower")


async def outcome(world: EmbeddingWorld, seconds: float = 100.0) -> Embedded | BaseException:
    asking = asyncio.create_task(world.ask())
    await world.clock.advance(seconds)
    assert asking.done()
    return (await asyncio.gather(asking, return_exceptions=True))[0]


ATTEMPT = AttemptRecord(
    endpoint=LOCAL.id, task=Task.EMBED, usage=Usage(prompt_tokens=6, completion_tokens=0), seconds=2
)


async def test_a_hit_tells_what_the_answer_had_taken_its_provider() -> None:
    world = EmbeddingWorld(Wait(2))
    asking = asyncio.create_task(world.ask(call_of("one")))
    await world.clock.advance(2)
    await asking
    assert (await world.ask(call_of("one"))).cached
    assert world.record.saved_seconds == 2


async def test_an_answer_is_recorded_in_full() -> None:
    world = EmbeddingWorld(Wait(2))
    asking = asyncio.create_task(world.ask(call_of("one", "two")))
    await world.clock.advance(2)
    told = await asking
    assert len(told.reply.vectors) == 2
    assert (told.reply.endpoint, told.cache, told.cached) == (LOCAL.id, CacheStatus.MISS, False)
    record = world.record
    assert (record.task, record.endpoint, record.cache, record.admitted) == (
        Task.EMBED,
        LOCAL.id,
        CacheStatus.MISS,
        True,
    )
    assert (record.planned, record.attempts) == ((LOCAL.id,), (ATTEMPT,))
    assert await world.log.find(client_of().id, record.id) == record
    assert (record.finish_reason, record.usage) == (None, Usage(prompt_tokens=6, completion_tokens=0))
    assert (record.error, record.left, record.seconds) == (None, False, 2)
    assert world.model.calls[0].headers == {"traceparent": "a trace"}
    assert await world.at_rest()


async def test_a_provider_that_does_not_count_has_no_usage_in_the_record() -> None:
    world = EmbeddingWorld(tokens_per_input=0)
    assert (await world.ask()).reply.prompt_tokens == 0
    assert world.record.usage is None


@pytest.mark.parametrize(
    ("model", "kind"), [("nobody", UnknownModel), ("fast", UnknownModel), ("vectors", InvalidRequest)]
)
async def test_what_can_not_be_planned_is_neither_charged_nor_asked(model: str, kind: type[GatewayError]) -> None:
    world = EmbeddingWorld()
    with pytest.raises(kind):
        await world.ask(call_of(model=model, hint=Hint.SECURE))
    assert (world.limiter.requests, world.model.calls) == (0, [])
    assert (world.record.error, world.record.admitted, world.record.left) == (kind.__name__, None, False)


async def test_a_failing_model_is_never_replaced_by_another() -> None:
    world = EmbeddingWorld(ProviderRefused("ollama", "no connection"))
    with pytest.raises(ProviderRefused):
        await world.ask()
    assert [call.to for call in world.model.calls] == [LOCAL]
    assert await world.at_rest()


# The cache


async def test_the_same_question_is_answered_from_the_cache() -> None:
    world = EmbeddingWorld()
    first, again = await world.ask(), await world.ask()
    assert (again.reply, again.cached) == (first.reply, True)
    assert len(world.model.calls) == 1
    assert (world.record.cache, world.record.attempts, world.record.endpoint) == (CacheStatus.HIT, (), LOCAL.id)
    assert world.limiter.requests == 2


async def test_whatever_changes_the_answer_is_another_question() -> None:
    world = EmbeddingWorld()
    calls = [
        call_of("one", "two"),
        call_of("two", "one"),
        call_of("onetwo"),
        call_of("one", "two", dimensions=2),
        call_of("one", "two", model="vectors"),
    ]
    for call in calls:
        assert not (await world.ask(call)).cached
    assert not (await world.ask(calls[0], client_of(namespace="other"))).cached
    assert all([(await world.ask(call)).cached for call in calls])


async def test_an_answer_expires_and_one_for_no_time_is_not_kept() -> None:
    world = EmbeddingWorld()
    await world.ask()
    await world.clock.advance(61)
    assert not (await world.ask(call_of(cache=CacheDirective(ttl=timedelta())))).cached
    assert not (await world.ask()).cached


async def test_refresh_asks_anew_and_stores_and_bypass_does_neither() -> None:
    world = EmbeddingWorld()
    for mode, cache in [
        (CacheMode.BYPASS, CacheStatus.BYPASS),
        (CacheMode.REFRESH, CacheStatus.MISS),
        (CacheMode.USE, CacheStatus.HIT),
        (CacheMode.REFRESH, CacheStatus.MISS),
        (CacheMode.BYPASS, CacheStatus.BYPASS),
    ]:
        assert (await world.ask(call_of(cache=CacheDirective(mode=mode)))).cache is cache


async def test_a_ttl_of_zero_turns_the_cache_off() -> None:
    world = EmbeddingWorld(ttl=0)
    assert [(await world.ask()).cache for _ in range(2)] == [CacheStatus.BYPASS] * 2
    assert len(world.process) == 0


async def test_quota_and_shared_cache_are_asked_at_the_same_time() -> None:
    clock = ScriptedClock()
    far = FarLimiter(MemoryRateLimiter(clock), clock, seconds=1)
    world = EmbeddingWorld(clock=clock, limiter=far, shared=FarCache(clock, seconds=1))
    asking = asyncio.create_task(world.ask())
    await clock.advance(0.9)
    assert not world.model.calls
    await clock.advance(0.2)
    assert len(world.model.calls) == 1, "both have answered"
    await clock.advance(2)
    assert (await asking).cache is CacheStatus.MISS
    assert await world.at_rest()


async def test_a_secure_answer_never_reaches_a_shared_cache() -> None:
    world = EmbeddingWorld()
    shared = FarCache(world.clock)
    world = EmbeddingWorld(shared=shared)
    assert [(await world.ask(call_of(hint=Hint.SECURE))).cached for _ in range(2)] == [False, True]
    assert shared.calls == []
    assert [(await world.ask()).cached for _ in range(2)] == [False, True]
    assert len(shared.entries) == 1


async def test_the_limiter_and_a_shared_cache_are_asked_together() -> None:
    clock = ScriptedClock()
    limiter, shared = FarLimiter(MemoryRateLimiter(clock), clock), FarCache(clock, 0.1)
    world = EmbeddingWorld(limiter=limiter, shared=shared, clock=clock)
    asking = asyncio.create_task(world.ask())
    await clock.advance(0.11)
    assert len(world.model.calls) == 1
    await clock.advance(1)
    await asking


async def test_a_failure_is_not_stored() -> None:
    world = EmbeddingWorld(ProviderRejected("ollama", "no"), None)
    with pytest.raises(ProviderRejected):
        await world.ask()
    assert not (await world.ask()).cached


# The quota


async def test_what_is_likely_is_reserved_and_what_was_counted_is_settled() -> None:
    world = EmbeddingWorld()
    await world.ask(call_of("ключ", "key"), client_of(tokens=1_000, concurrency=1))
    assert world.limiter.reserved == [3 + 1 + 2 * LIKELY_TOKENS_PER_INPUT]
    assert world.limiter.settled == [6]
    assert await world.at_rest()


async def test_bytes_are_reserved_of_a_client_that_wants_the_upper_bound() -> None:
    world = EmbeddingWorld()
    careful = replace(client_of(tokens=1_000), reserve=Reserve.UPPER_BOUND)
    await world.ask(call_of("ключ", "key"), careful)
    assert world.limiter.reserved == [len("ключ".encode()) + len("key") + 2 * TOKENS_PER_MESSAGE]


async def test_the_estimate_is_settled_where_the_provider_does_not_count() -> None:
    world = EmbeddingWorld(tokens_per_input=0)
    await world.ask(call_of("key"), client_of(tokens=1_000))
    assert world.limiter.settled == world.limiter.reserved == [1 + LIKELY_TOKENS_PER_INPUT]


async def test_nothing_is_spent_on_a_hit_or_a_failure_but_a_request() -> None:
    world = EmbeddingWorld(None, ProviderRejected("ollama", "no"))
    client = client_of(requests=9, tokens=1_000)
    await world.ask(client=client)
    await world.ask(client=client)
    with pytest.raises(ProviderRejected):
        await world.ask(call_of("other"), client)
    assert (world.limiter.requests, world.limiter.settled) == (3, [3, 0])
    assert await world.at_rest()


async def test_an_exhausted_quota_refuses_before_the_model_is_asked() -> None:
    world = EmbeddingWorld()
    client = client_of(requests=1)
    await world.ask(client=client)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("other"), client)
    assert (world.record.admitted, world.record.error) == (False, "QuotaExceeded")
    assert len(world.model.calls) == 1


async def test_a_second_answer_beyond_the_concurrency_is_refused() -> None:
    world = EmbeddingWorld(Wait(5))
    client = client_of(concurrency=1)
    first = asyncio.create_task(world.ask(client=client))
    await world.clock.advance(1)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("other"), client)
    await world.clock.advance(5)
    await first
    assert await world.at_rest()


# Patience


@pytest.mark.parametrize("kind", [ProviderThrottled, ProviderUnavailable, ProviderBroken])
async def test_what_waiting_mends_is_tried_again(kind: type[ProviderThrottled]) -> None:
    world = EmbeddingWorld(kind("ollama", "no"), kind("ollama", "no"), None)
    assert isinstance(await outcome(world), Embedded)
    assert [attempt.error for attempt in world.record.attempts] == [kind.__name__, kind.__name__, None]
    assert await world.at_rest()


@pytest.mark.parametrize("kind", [ProviderRefused, ProviderTimeout, ProviderRejected])
async def test_what_waiting_does_not_mend_is_not(kind: type[ProviderRefused]) -> None:
    world = EmbeddingWorld(kind("ollama", "no"), None)
    assert isinstance(await outcome(world), kind)
    assert len(world.model.calls) == 1


async def test_retries_are_bounded() -> None:
    world = EmbeddingWorld(THROTTLED, max_retries=2)
    assert isinstance(await outcome(world), ProviderThrottled)
    assert len(world.model.calls) == 3
    assert await world.at_rest()


async def test_a_model_that_keeps_failing_is_asked_no_more_and_nothing_is_reserved_for_it() -> None:
    world = EmbeddingWorld(ProviderRefused("ollama", "no connection"))
    for _ in range(BREAKER_FAILURES):
        with pytest.raises(ProviderRefused):
            await world.ask()
    assert world.breakers.state(LOCAL.id) is BreakerState.OPEN
    reserved = list(world.limiter.reserved)
    with pytest.raises(ProviderUnavailable, match="not asked"):
        await world.ask(client=client_of(tokens=1_000))
    assert world.limiter.reserved == reserved
    assert len(world.model.calls) == BREAKER_FAILURES
    assert world.record.attempts == ()


async def test_a_silent_model_is_left_at_the_gateways_own_limit() -> None:
    world = EmbeddingWorld(Wait(1e9))
    assert isinstance(await outcome(world, 1_000), ProviderTimeout)
    assert world.record.seconds == pytest.approx(600)
    assert await world.at_rest()


async def test_a_calls_own_timeout_is_shorter_and_covers_retries() -> None:
    world = EmbeddingWorld(THROTTLED, Wait(1e9))
    asking = asyncio.create_task(world.ask(call_of(timeout=7)))
    await world.clock.advance(7)
    with pytest.raises(ProviderTimeout, match="own timeout"):
        await asking
    assert world.record.seconds == pytest.approx(7)
    assert (world.record.error, world.record.left) == ("ProviderTimeout", False)
    assert await world.at_rest()


async def test_who_leaves_ends_the_call_and_the_record_says_so() -> None:
    world = EmbeddingWorld(Wait(1e9))
    asking = asyncio.create_task(world.ask(client=client_of(tokens=1_000)))
    await world.clock.advance(1)
    assert world.model.open_calls == 1
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    assert (world.record.left, world.record.error, world.record.cache) == (True, None, None)
    assert world.limiter.settled == [0]
    assert await world.at_rest()


async def test_closing_ends_who_waits_and_takes_nothing_new() -> None:
    world = EmbeddingWorld(Wait(1e9))
    asking = asyncio.create_task(world.ask(client=client_of(tokens=1_000)))
    await world.clock.advance(1)
    await world.embed_texts.aclose()
    with pytest.raises(Draining):
        await asking
    assert (world.record.error, world.record.left) == ("Draining", False)
    assert world.limiter.settled == [0]
    with pytest.raises(Draining):
        await world.ask()
    assert len(world.model.calls) == len(world.limiter.settled) == 1
    assert await world.at_rest()


async def test_more_than_the_process_takes_is_refused_and_room_is_given_back() -> None:
    world = EmbeddingWorld(Wait(5))
    asking = [
        asyncio.create_task(world.ask(call_of(str(number)), client_of(f"client {number % 2}")))
        for number in range(MAX_EMBEDDINGS)
    ]
    await world.clock.advance(1)
    with pytest.raises(Overloaded):
        await world.ask()
    await world.clock.advance(5)
    await asyncio.gather(*asking)
    asked = asyncio.create_task(world.ask())
    await world.clock.advance(5)
    assert (await asked).reply.endpoint == LOCAL.id
    assert await world.at_rest()


async def test_one_client_has_half_of_what_the_process_takes() -> None:
    world = EmbeddingWorld(Wait(5))
    asking = [asyncio.create_task(world.ask(call_of(str(number)))) for number in range(MAX_EMBEDDINGS // 2)]
    await world.clock.advance(1)
    with pytest.raises(Overloaded, match="This client has half"):
        await world.ask()
    another = asyncio.create_task(world.ask(client=client_of("another")))
    await world.clock.advance(10)
    await asyncio.gather(*asking, another)
    assert await world.at_rest()


async def test_embeddings_and_chats_have_their_answers_of_one_number() -> None:
    slots = AnswerSlots(4)
    world = EmbeddingWorld(slots=slots)
    assert slots.take(ClientId("one")) is slots.take(ClientId("one")) is None  # chats
    with pytest.raises(Overloaded, match="This client has half"):
        await world.ask()
    slots.give_back(ClientId("one"), 1)
    await world.ask()
    slots.give_back(ClientId("one"), 1)
    assert slots.taken == 0


async def test_the_cloud_answers_who_names_it() -> None:
    world = EmbeddingWorld()
    assert (await world.ask(call_of(model="gemini/vectors"))).reply.endpoint == CLOUD.id
