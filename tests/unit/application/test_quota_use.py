"""What a request takes of its client's quota, and what it gives back, however it ends."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.chat_model import Script, Wait
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.answer_lengths import FIRST_ANSWERS
from llm_gateway.domain.chat import ChatCall, FinishReason, Grain, Usage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRefused, ProviderTimeout, QuotaExceeded
from llm_gateway.domain.estimate import estimate_prompt, likely_prompt_tokens
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Quota, ReservationId, Reserve
from llm_gateway.domain.routing import EndpointState

from .witnesses import FarLimiter
from .world import CLOUD, HELLO, World, call_of, client_of

CALL = call_of(max_tokens=100, grain=Grain.STREAM, model="gemini", hint=None)
PROMPT = likely_prompt_tokens(CALL.request)
MOST = estimate_prompt(CALL.request)
COUNTED = 5
"""What the scripted model says that `HELLO` took."""
RICH = client_of(tokens=10_000, concurrency=10)
CAREFUL = replace(RICH, reserve=Reserve.UPPER_BOUND)


async def test_an_estimate_is_held_and_the_counted_amount_settled() -> None:
    world = World()
    await world.ask(CALL, RICH)
    assert await world.at_rest()
    assert (world.limiter.reserved, world.limiter.settled) == ([PROMPT + 100], [COUNTED])


@pytest.mark.parametrize(
    ("max_tokens", "limit", "likely", "held"),
    [
        (None, None, 1024, PROMPT + 1024),
        (None, 200, 1024, PROMPT + 200),
        (None, 50_000, 1024, PROMPT + 1024),
        (100, 200, 1024, PROMPT + 100),
        (300, 200, 1024, PROMPT + 200),
        (5_000, 50_000, 1024, PROMPT + 1024),
        (5_000, None, 1, PROMPT + 1),
        (None, None, 50_000, 10_000),
    ],
)
async def test_the_smallest_bound_of_the_answer_is_held_and_at_most_the_capacity(
    max_tokens: int | None, limit: int | None, likely: int, held: int
) -> None:
    world = World(output_limit=limit, reservation_output=likely)
    await world.ask(call_of(max_tokens=max_tokens), RICH)
    assert world.limiter.reserved == [held]


@pytest.mark.parametrize(
    ("max_tokens", "limit", "held"),
    [(None, None, 10_000), (None, 2_000, MOST + 2_000), (3_000, 50_000, MOST + 3_000), (3_000, None, MOST + 3_000)],
)
async def test_a_client_that_wants_the_upper_bound_has_all_reserved_that_the_answer_may_use(
    max_tokens: int | None, limit: int | None, held: int
) -> None:
    world = World(output_limit=limit, reservation_output=1)
    await world.ask(call_of(max_tokens=max_tokens), CAREFUL)
    assert world.limiter.reserved == [held]


def scripted(tokens: int) -> Script:
    """An answer of so many tokens."""
    usage = Usage(prompt_tokens=5, completion_tokens=tokens)
    return [TextDelta(text="word " * tokens), Finished(reason=FinishReason.STOP, usage=usage, model="any")]


def question(number: int, model: str = "gemini", max_tokens: int | None = None) -> ChatCall:
    """One that no other's stored answer answers, and all of one size."""
    return call_of(f"Question {number:02}", model=model, grain=Grain.STREAM, max_tokens=max_tokens)


ASKED = likely_prompt_tokens(question(0).request)


async def test_what_is_held_for_an_answer_is_learned_from_the_last_ones_of_its_endpoint() -> None:
    world = World(gemini=[scripted(300)])
    rich = client_of(tokens=10**6)
    careful = replace(rich, reserve=Reserve.UPPER_BOUND)
    for number in range(FIRST_ANSWERS):
        await world.ask(question(number), rich)
        assert await world.at_rest()
    assert world.limiter.reserved == [ASKED + 1_024] * FIRST_ANSWERS
    del world.limiter.reserved[:]

    await world.ask(question(50), rich)
    await world.ask(question(51, max_tokens=200), rich)
    await world.ask(question(52, max_tokens=700), careful)
    await world.ask(question(53, model="ollama"), rich)
    most = estimate_prompt(question(52).request)
    assert world.limiter.reserved == [ASKED + 300, ASKED + 200, most + 700, ASKED + 1_024]


async def test_nothing_is_learned_from_what_broke_off() -> None:
    broken: Script = [TextDelta(text="four"), ProviderBroken("gemini", "no")]
    world = World(gemini=[*[scripted(300)] * (FIRST_ANSWERS - 1), broken, scripted(300)])
    for number in range(FIRST_ANSWERS + 2):
        with suppress(ProviderBroken):
            await world.ask(question(number), client_of(tokens=10**6))
        assert await world.at_rest()
    assert world.limiter.settled[FIRST_ANSWERS - 1] == ASKED + 1
    assert world.limiter.reserved == [ASKED + 1_024] * (FIRST_ANSWERS + 1) + [ASKED + 300]


BROKEN = {
    "English": ([TextDelta(text="word " * 40), TextDelta(text="word " * 40)], 100),
    "Chinese": ([TextDelta(text="\u4f60\u597d" * 30)], 60),
    "thoughts": ([ReasoningDelta(text="hm, " * 50)], 50),
    "a tool call": ([ToolCallDelta(index=0, id="1", name="look", arguments='{"a": [1, 2, 3]}')], 6),
}


@pytest.mark.parametrize(("events", "tokens"), BROKEN.values(), ids=BROKEN.keys())
async def test_what_broke_off_is_settled_by_the_kind_of_what_came(events: Script, tokens: int) -> None:
    world = World(gemini=[[*events, ProviderBroken("gemini", "no")]])
    with pytest.raises(ProviderBroken):
        await world.ask(CALL, RICH)
    assert world.limiter.settled == [PROMPT + tokens]


async def test_of_what_broke_off_it_is_settled_the_most_that_it_may_have_used() -> None:
    world = World(gemini=[[TextDelta(text="four"), ProviderBroken("gemini", "no")]])
    with pytest.raises(ProviderBroken):
        await world.ask(CALL, CAREFUL)
    assert world.limiter.settled == [MOST + 4]


async def test_as_many_are_admitted_at_once_as_the_bucket_covers_and_what_they_used_is_settled() -> None:
    world = World(gemini=[[Wait(5), *HELLO]])
    client = client_of(tokens=100_000)
    asking = [asyncio.create_task(world.ask(call_of(f"Question {number}"), client)) for number in range(20)]
    await world.clock.advance(5)
    await asyncio.gather(*asking)
    assert await world.at_rest()
    assert world.limiter.settled == [COUNTED] * 20
    assert await left(world, client) == 100_000 - 20 * COUNTED + 5  # seconds of refill


async def test_what_was_used_above_a_reservation_is_debt_that_the_next_request_waits_out() -> None:
    long = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=5, completion_tokens=5_000), model="long")
    world = World(gemini=[[TextDelta(text="long " * 1_000), long], HELLO])
    client = client_of(tokens=2_000)
    await world.ask(call_of(), client)
    assert await world.at_rest()

    with pytest.raises(QuotaExceeded) as caught:
        await world.ask(call_of("Another one."), client)
    owed = 5_005 - 2_000 + likely_prompt_tokens(call_of("Another one.").request) + 1024
    assert caught.value.retry_after == timedelta(seconds=owed)
    await world.clock.advance(owed)
    assert (await world.ask(call_of("Another one."), client)).reply.content == "Hello there"


@pytest.mark.parametrize(
    ("requests", "tokens", "taken", "wait"),
    [
        (Bucket.of(1, 0.25), Bucket.of(200, 100.0), Charge(tokens=200), 4),
        (Bucket.of(1, 1.0), Bucket.of(1_000, 1.0), Charge(requests=1, tokens=1_000), PROMPT + 100),
    ],
    ids=["tokens are there before a request", "a request is there before tokens"],
)
async def test_a_refusal_tells_when_everything_is_there_for_asking_again(
    requests: Bucket, tokens: Bucket, taken: Charge, wait: int
) -> None:
    world = World()
    client = Client(id=ClientId("one"), namespace="shared", quota=Quota(requests=requests, tokens=tokens))
    await world.limiter.take(client, taken, ReservationId("earlier"))

    with pytest.raises(QuotaExceeded) as caught:
        await world.ask(CALL, client)
    told = caught.value.retry_after
    assert told is not None
    assert timedelta(0) <= told - timedelta(seconds=wait) <= timedelta(milliseconds=2)
    await world.clock.advance(told.total_seconds())
    assert (await world.ask(CALL, client)).reply.content == "Hello there"


async def left(world: World, client: Client) -> int:
    tokens = (await world.limiter.take(client, Charge(), ReservationId("asked"))).tokens
    assert tokens is not None
    return tokens.remaining


async def test_a_hit_costs_a_request_and_no_tokens() -> None:
    world = World()
    client = client_of(requests=2, tokens=1000)
    await world.ask(CALL, client)
    assert (await world.ask(CALL, client)).cache is CacheStatus.HIT
    assert (world.limiter.requests, len(world.limiter.reserved)) == (2, 1)
    with pytest.raises(QuotaExceeded):
        await world.ask(CALL, client)


async def test_a_client_without_such_a_quota_reserves_nothing() -> None:
    world = World()
    await world.ask(CALL, client_of(requests=5))
    assert (world.limiter.requests, world.limiter.reserved, world.limiter.settled) == (1, [], [])


FAILING: dict[str, tuple[Script, type[ProviderError], int]] = {
    "before the first event": ([ProviderRefused("gemini", "no")], ProviderRefused, 0),
    "after the first event": ([TextDelta(text="four"), ProviderBroken("gemini", "no")], ProviderBroken, PROMPT + 1),
    "by a timeout": ([TextDelta(text="four"), Wait(3601), *HELLO], ProviderTimeout, PROMPT + 1),
}


@pytest.mark.parametrize(("script", "error", "used"), FAILING.values(), ids=FAILING.keys())
async def test_a_failure_settles_what_was_seen(script: Script, error: type[ProviderError], used: int) -> None:
    world = World(gemini=[script])
    asking = asyncio.create_task(world.ask(CALL, RICH))
    await world.clock.advance(3600)
    with pytest.raises(error):
        await asking
    assert world.limiter.settled == [used]
    assert await world.at_rest()


@pytest.mark.parametrize(
    ("script", "used"),
    [([Wait(5), *HELLO], 0), ([TextDelta(text="four"), Wait(5), *HELLO], PROMPT + 1)],
    ids=["before", "after"],
)
async def test_a_departure_settles_what_was_seen(script: Script, used: int) -> None:
    world = World(gemini=[script])
    asking = asyncio.create_task(world.ask(CALL, RICH))
    await world.clock.advance(1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert world.limiter.settled == [used]
    assert world.gemini.open_calls == 0
    assert await world.at_rest()


async def test_a_departure_after_the_whole_answer_settles_the_counted_amount() -> None:
    world = World()
    async with world.open(CALL, RICH) as answer:
        async for _ in answer:
            pass
    assert await world.at_rest()
    assert world.limiter.settled == [COUNTED]


async def test_each_endpoint_of_a_plan_has_a_reservation_of_its_own() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]])
    await world.ask(call_of(max_tokens=100), RICH)
    assert await world.at_rest()
    assert (world.limiter.reserved, world.limiter.settled) == ([PROMPT + 100] * 2, [0, COUNTED])


async def test_all_attempts_of_an_endpoint_share_one() -> None:
    world = World(gemini=[[ProviderBroken("gemini", "no")], HELLO])
    asking = asyncio.create_task(world.ask(CALL, RICH))
    await world.clock.advance(1)
    await asking
    assert (world.limiter.reserved, world.limiter.settled) == ([PROMPT + 100], [COUNTED])


async def test_a_refused_reservation_is_not_settled_and_nobody_is_called() -> None:
    world = World()
    client = client_of(tokens=PROMPT + 100)
    await world.ask(CALL, client)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("Another question", max_tokens=100), client)
    assert (world.calls, world.limiter.refused, len(world.limiter.settled)) == ((1, 0), 1, 1)
    record = world.observer.records[-1]
    assert (record.admitted, record.error, record.cache) == (False, "QuotaExceeded", None)
    assert await world.at_rest()


async def test_a_lease_is_free_again_after_each_answer() -> None:
    world = World(gemini=[HELLO, [ProviderRefused("gemini", "no")], HELLO])
    client = client_of(concurrency=1)
    for text in ("one", "two", "three"):
        await asyncio.gather(world.ask(call_of(text), client), return_exceptions=True)
        assert await world.at_rest()
    assert world.limiter.refused == 0


async def test_a_long_answer_keeps_its_lease() -> None:
    world = World(gemini=[[Wait(59), *HELLO]])
    client = client_of(concurrency=1, tokens=1000)
    asking = asyncio.create_task(world.ask(CALL, client))
    await world.clock.advance(LEASE_MS / 1000 + 10)
    with pytest.raises(QuotaExceeded):
        await world.ask(call_of("Another question"), client)
    await world.clock.advance(40)
    await asking
    assert world.limiter.renewed == 19, "every third second"
    assert world.limiter.settled == [COUNTED]
    renewed = world.limiter.renewed
    await world.clock.advance(100)
    assert world.limiter.renewed == renewed, "and not after its end"


async def test_a_departure_while_the_limiter_is_asked_gives_back_what_it_may_have_taken() -> None:
    clock = ScriptedClock()
    world = World(clock=clock, limiter=FarLimiter(MemoryRateLimiter(clock), clock))
    asking = asyncio.create_task(world.ask(CALL, RICH))
    await clock.advance(0.15)
    assert world.limiter.held
    asking.cancel()
    await clock.advance(0.2)
    assert asking.cancelled()
    assert world.limiter.settled == [0]
    assert await world.at_rest()


async def test_being_cancelled_again_meanwhile_gives_back_no_less() -> None:
    clock = ScriptedClock()
    world = World(clock=clock, limiter=FarLimiter(MemoryRateLimiter(clock), clock))
    state = EndpointState(endpoint=CLOUD, features=frozenset())

    async def hold() -> None:
        async with world.throttle.reserve(RICH, CALL.request, state):
            raise AssertionError("it was cancelled before")

    holding = asyncio.create_task(hold())
    for seconds in (0.05, 0.05):
        await clock.advance(seconds)
        holding.cancel()
    await clock.advance(0.2)
    assert holding.cancelled()
    assert await world.at_rest()


async def test_an_end_of_the_process_waits_for_what_is_being_settled() -> None:
    clock = ScriptedClock()
    world = World(clock=clock, limiter=FarLimiter(MemoryRateLimiter(clock), clock))
    asking = asyncio.create_task(world.ask(CALL, RICH))
    await clock.advance(0.25)
    assert (await asking).reply.content == "Hello there"
    assert world.limiter.held, "the answer does not wait for its settling"
    closing = asyncio.create_task(world.flights.aclose())
    await clock.advance(0.05)
    assert not closing.done()
    await clock.advance(0.1)
    await closing
    assert world.limiter.settled == [COUNTED]
    assert await world.at_rest()
