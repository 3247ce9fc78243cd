"""A pool from end to end: its members answer as one endpoint, each in its turn, and one that fails costs no request."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.inbound.cli.tables import explanation_table
from llm_gateway.adapters.outbound.prices.price_list import DatedPrices, OwnPrice
from llm_gateway.adapters.outbound.prices.vendor_prices import PublishedPrices
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.application.pools import LOOK_SECONDS
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    NoRoute,
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
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.pool import EJECT_SECONDS
from llm_gateway.domain.prices import Price, Rates
from llm_gateway.domain.resilience import BreakerState
from llm_gateway.domain.routing import Hint, Locality

from .pooled_world import POOL, PooledWorld, state_of
from .world import Told, call_of, client_of

HI, SLOW = answer("Hi"), (Wait(10.0), *answer("Hi"))
GRAINS = pytest.mark.parametrize("grain", list(Grain))


def asking(world: PooledWorld, text: str, client: str = "one", **more: object) -> "asyncio.Task[Told]":
    return asyncio.create_task(world.ask(call_of(text, **more), client_of(client)))  # type: ignore[arg-type]


async def ended(*tasks: "asyncio.Task[Told]") -> Sequence[Told]:
    return await asyncio.gather(*tasks)


@GRAINS
async def test_it_answers_as_one_endpoint_and_the_record_names_the_member(grain: Grain) -> None:
    world = PooledWorld({"a": [HI], "b": [HI]})
    told = await world.ask(call_of("1", grain=grain))
    assert (told.reply.endpoint, told.record.endpoint, told.record.planned) == (POOL.id, POOL.id, (POOL.id,))
    (attempt,) = told.record.attempts
    assert attempt.endpoint.name == "a/llama"
    assert [attempt.endpoint.id.provider for attempt in world.observer.requests[-1].attempts] == ["a"]
    assert (told.record.queue_position, told.record.queue_seconds, world.waits.seconds) == (None, 0.0, [0.0])


async def test_what_is_under_way_is_spread_and_what_is_too_much_waits_for_its_turn() -> None:
    world = PooledWorld({"a": [SLOW], "b": [SLOW]})
    tasks = [asking(world, str(number), client) for number, client in enumerate(["one", "one", "one", "one", "two"])]
    await world.clock.advance(9.0)
    assert world.asked == {"a": 1, "b": 1}
    await world.clock.advance(31.0)
    await ended(*tasks)
    records = world.observer.records
    waited = sorted((record.client or "", record.queue_position or 0, record.queue_seconds) for record in records)
    in_turns = [("one", 0, 0.0), ("one", 0, 0.0), ("one", 1, 10.0), ("one", 2, 20.0), ("two", 2, 10.0)]
    assert waited == in_turns
    assert sorted(world.waits.seconds) == [0.0, 0.0, 10.0, 10.0, 20.0]
    assert [attempt.seconds for record in records for attempt in record.attempts] == [10.0] * 5, "without the wait"


@pytest.mark.parametrize(("slots", "said", "at_once"), [(None, None, 1), (None, 3, 3), (2, 3, 2)])
async def test_slots_are_what_is_stated_then_what_the_server_says_then_one(
    slots: int | None, said: int | None, at_once: int
) -> None:
    world = PooledWorld({"a": [SLOW]}, slots=slots, said=said)
    tasks = [asking(world, str(number)) for number in range(5)]
    await settle()
    assert world.asked == {"a": at_once}
    await world.clock.advance(50.0)
    await ended(*tasks)


FAILURES = [
    ProviderRefused("a", "not reachable"),
    ProviderUnavailable("a", "failed"),
    ProviderTimeout("a", "late"),
    ProviderBroken("a", "broke off"),
    ProviderBroken("a", "broke off", doubtful=True),
    ProviderOverloaded("a", "its queue is full"),
    ProviderThrottled("a", "busy"),
    ProviderMisconfigured("a", "no such model"),
    ContextLengthExceeded("a", "too long"),
]


@GRAINS
@pytest.mark.parametrize("failure", FAILURES, ids=lambda error: type(error).__name__)
async def test_a_member_that_fails_costs_no_request(failure: ProviderError, grain: Grain) -> None:
    world = PooledWorld({"a": [(failure,)], "b": [HI]})
    told = await world.ask(call_of("1", grain=grain))
    assert told.reply.content == "Hi"
    assert [attempt.endpoint.provider for attempt in told.record.attempts] == ["a", "b"]
    assert told.record.passed_over == ()
    assert await world.at_rest()


async def test_what_no_member_would_take_is_asked_once() -> None:
    world = PooledWorld({"a": [(ProviderRejected("a", "no"),)], "b": [HI]})
    with pytest.raises(ProviderRejected):
        await world.ask(call_of("1"))
    assert world.asked == {"a": 1, "b": 0}


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    world = PooledWorld({"a": [(TextDelta(text="Hi"), Cut())], "b": [HI]})
    with pytest.raises(ProviderBroken):
        await world.ask(call_of("1", grain=Grain.STREAM))
    assert world.asked == {"a": 1, "b": 0}


async def test_once_all_members_failed_the_pool_has_failed_and_the_next_endpoint_is_asked() -> None:
    down = (ProviderRefused("x", "not reachable"),)
    world = PooledWorld({"a": [down], "b": [down]}, route=("pool", "gemini"))
    told = await world.ask(call_of("1"))
    assert told.reply.endpoint.provider == "gemini"
    assert [attempt.endpoint.provider for attempt in told.record.attempts] == ["a", "b", "gemini"]
    assert [skip.name for skip in told.record.passed_over] == ["pool/llama"]


async def test_a_pool_that_fails_whole_is_retried_and_then_its_breaker_opens() -> None:
    down = (ProviderUnavailable("x", "failed"),)
    world = PooledWorld({"a": [down], "b": [down]}, max_retries=1)
    for _ in range(2):
        task = asking(world, "1")
        await world.clock.advance(5.0)
        with pytest.raises(ProviderUnavailable):
            await task
    assert world.asked == {"a": 4, "b": 4}
    assert world.breakers.state(POOL.id) is BreakerState.CLOSED
    task = asking(world, "2")
    await world.clock.advance(5.0)
    with suppress(ProviderUnavailable):
        await task
    assert world.breakers.state(POOL.id) is BreakerState.OPEN


async def test_a_failed_member_is_left_alone_and_tried_again_once() -> None:
    world = PooledWorld({"a": [(ProviderUnavailable("a", "failed"),), HI], "b": [HI]})
    for number in range(4):
        await world.ask(call_of(str(number)))
    assert world.asked == {"a": 1, "b": 4}
    (a, _) = world.pool.members(POOL)
    assert a.aside
    await world.clock.advance(EJECT_SECONDS)
    await world.ask(call_of("5"))
    assert world.asked == {"a": 2, "b": 4}
    assert not world.pool.members(POOL)[0].aside


async def test_a_hung_member_leaves_time_for_another() -> None:
    world = PooledWorld({"a": [(Wait(10_000.0), *HI)], "b": [HI]})
    task = asking(world, "1")
    await world.clock.advance(299.0)
    assert world.asked == {"a": 1, "b": 0}
    await world.clock.advance(2.0)
    assert (await task).reply.content == "Hi"


async def test_a_full_queue_refuses_the_newcomer_with_what_the_last_answers_took() -> None:
    world = PooledWorld({"a": [SLOW]}, queue=1)
    first = asking(world, "0")
    await world.clock.advance(10.0)
    await first
    running, waiting = asking(world, "1"), asking(world, "2")
    await settle()
    with pytest.raises(ProviderOverloaded, match="its queue is full: 1 requests") as refused:
        await world.ask(call_of("3"), client_of("two"))
    assert refused.value.retry_after is not None
    assert refused.value.retry_after.total_seconds() == 10.0
    await world.clock.advance(20.0)
    await ended(running, waiting)
    assert world.asked == {"a": 3}
    assert await world.at_rest()


async def test_a_full_queue_is_passed_over_where_another_endpoint_can_answer() -> None:
    world = PooledWorld({"a": [SLOW]}, queue=0, route=("pool", "gemini"))
    running = asking(world, "1")
    await settle()
    assert (await world.ask(call_of("2"))).reply.endpoint.provider == "gemini"
    await world.clock.advance(10.0)
    assert (await running).reply.endpoint == POOL.id


async def test_a_waiter_past_its_deadline_is_dropped_and_leaves_no_trace() -> None:
    world = PooledWorld({"a": [(Wait(700.0), *HI), HI]})
    running, waiting = asking(world, "1", grain=Grain.STREAM), asking(world, "2")
    await world.clock.advance(600.0)
    with pytest.raises(ProviderTimeout, match="pool: its turn did not come in time"):
        await waiting
    assert world.observer.records[-1].queue_seconds == 600.0
    assert world.waits.seconds == [0.0, 600.0]
    await world.clock.advance(100.0)
    await running
    assert world.asked == {"a": 1}
    assert world.pool.provider.waiting is not None
    assert world.pool.provider.waiting() == 0


async def test_one_that_leaves_leaves_no_trace_and_the_next_one_comes_in_its_place() -> None:
    world = PooledWorld({"a": [SLOW]})
    running, left, waiting = (asking(world, str(number)) for number in range(3))
    await settle()
    left.cancel()
    await settle()
    await world.clock.advance(20.0)
    assert [told.record.queue_seconds for told in await ended(running, waiting)] == [0.0, 10.0]
    assert world.asked == {"a": 2}
    assert await world.at_rest()


async def test_one_that_leaves_just_as_its_turn_comes_gives_it_back() -> None:
    world = PooledWorld({"a": [SLOW]})
    running, left, waiting = (asking(world, str(number)) for number in range(3))
    await settle()
    running.cancel()
    left.cancel()
    await settle()
    await world.clock.advance(10.0)
    assert (await waiting).reply.content == "Hi"
    assert await world.at_rest()
    assert world.pool.members(POOL)[0].under_way == 0


async def test_the_turn_that_a_leader_left_is_its_followers() -> None:
    world = PooledWorld({"a": [SLOW]})
    running = asking(world, "1")
    await settle()
    leader, follower = asking(world, "2"), asking(world, "2", "two")
    await settle()
    leader.cancel()
    await world.clock.advance(20.0)
    assert (await follower).reply.content == "Hi"
    await running
    assert world.asked == {"a": 2}


async def test_a_leader_that_left_its_followers_in_the_queue_has_waited_all_the_same() -> None:
    world = PooledWorld({"a": [SLOW]}, ttl=60)
    running = asking(world, "1")
    await settle()
    leader, follower = asking(world, "2"), asking(world, "2", "two")
    await world.clock.advance(4.0)
    leader.cancel()
    await settle()
    (left,) = world.observer.records
    assert (left.left, left.queue_position, left.queue_seconds) == (True, 1, 4.0)
    await world.clock.advance(16.0)
    assert (await follower).record.cache is CacheStatus.COALESCED
    await running
    assert (world.asked, world.waits.seconds) == ({"a": 2}, [0.0, 10.0])


async def test_members_that_are_away_are_not_asked_and_without_any_there_is_no_route() -> None:
    world = PooledWorld({"a": [HI], "b": [HI]})
    world.directories["a"].states = (replace(state_of("a"), unusable="not reachable at its address"),)
    await world.ask(call_of("1"))
    assert world.asked == {"a": 0, "b": 1}
    (state,) = world.pool.snapshot()
    assert (state.unusable, state.notes) == (None, ("a: not reachable at its address",))
    world.directories["b"].states = (replace(state_of("b"), unusable="gone"),)
    with pytest.raises(NoRoute, match="a: not reachable at its address; b: gone"):
        await world.ask(call_of("2"))


async def test_those_that_wait_for_a_member_that_goes_away_are_told() -> None:
    world = PooledWorld({"a": [SLOW]})
    running, waiting = asking(world, "1"), asking(world, "2")
    await settle()
    world.directories["a"].states = (replace(state_of("a"), unusable="gone"),)
    await world.clock.advance(10.0)
    assert (await running).reply.content == "Hi"
    with pytest.raises(ProviderUnavailable, match="a: gone"):
        await waiting


async def test_those_that_wait_are_sent_to_a_member_that_is_back_whatever_else_goes_on() -> None:
    world = PooledWorld({"a": [(Wait(300.0), *HI)], "b": [HI]})
    world.directories["b"].states = (replace(state_of("b"), unusable="gone"),)
    running, waiting = asking(world, "1"), asking(world, "2")
    await world.clock.advance(60.0)
    world.directories["b"].states = (state_of("b"),)
    await world.clock.advance(LOOK_SECONDS)
    assert waiting.done()
    assert (await waiting).record.attempts[0].endpoint.provider == "b"
    await world.clock.advance(240.0)
    await running


async def test_a_turn_that_was_not_taken_says_nothing_of_what_is_loaded() -> None:
    world = PooledWorld({"a": [(Wait(1.0), ProviderUnavailable("a", "failed"))]}, loaded={})
    tasks = [asking(world, str(number)) for number in range(7)]
    await world.clock.advance(5.0)
    assert [str(task.exception()) for task in tasks][5:] == ["pool: not asked, because its last calls failed"] * 2
    assert not world.pool.members(POOL)[0].loaded
    assert await world.at_rest()


async def test_secure_goes_to_a_pool_that_is_on_the_premises_whole_and_never_to_one_that_is_not() -> None:
    world = PooledWorld({"a": [HI], "b": [HI]})
    await world.ask(call_of("1", hint=Hint.SECURE))
    world.directories["b"].states = (state_of("b", locality=Locality.CLOUD),)
    assert world.pool.snapshot()[0].endpoint.locality is Locality.CLOUD
    with pytest.raises(NoRoute):
        await world.ask(call_of("2", hint=Hint.SECURE))


async def test_a_member_that_moved_off_the_premises_gets_nothing_that_was_planned_for_them() -> None:
    world = PooledWorld({"a": [SLOW]})
    running, waiting = (asking(world, str(number), hint=Hint.SECURE) for number in range(2))
    await settle()
    world.directories["a"].states = (state_of("a", locality=Locality.CLOUD),)
    await world.clock.advance(10.0)
    await running
    with pytest.raises(ProviderUnavailable):
        await waiting
    assert [call.to.locality for call in world.members["a"].calls] == [Locality.ON_PREMISES]


async def test_embeddings_take_turns_too_and_are_the_pool_s() -> None:
    world = PooledWorld({"a": [HI], "b": [HI]})
    call = EmbedCall(request=EmbedRequest(inputs=("text",)), model="pool")
    embedded = await world.embed_texts(call, client_of())
    assert embedded.reply.endpoint == POOL.id
    assert world.observer.records[-1].attempts[0].endpoint.provider == "a"
    assert embedded.queued is None
    world = PooledWorld({"a": [SLOW]})
    running, waiting = asking(world, "1"), asyncio.create_task(world.embed_texts(call, client_of()))
    await world.clock.advance(10.0)
    await running
    assert (await waiting).queued == 1


async def test_explain_says_how_each_member_stands() -> None:
    world = PooledWorld({"a": [SLOW], "b": [HI]})
    world.directories["b"].states = (replace(state_of("b"), unusable="gone"),)
    running = asking(world, "1")
    await settle()
    explained = world.explain_chat(call_of("2"), client_of())
    a, b = explained.members[POOL.id]
    assert (a.name, a.under_way, a.slots, a.loaded, a.unusable) == ("a", 1, 1, True, None)
    assert (b.name, b.under_way, b.loaded, b.unusable) == ("b", 0, False, "gone")
    await world.clock.advance(10.0)
    await running


@pytest.mark.parametrize(
    ("priced", "rate"), [({"a": 1, "b": 1}, 1), ({"a": 1, "b": 2}, None), ({"a": 1}, None), ({}, None)]
)
async def test_explain_tells_the_rates_that_are_those_of_all_members(priced: dict[str, int], rate: int | None) -> None:
    own = [
        OwnPrice(provider=name, names=("llama",), price=Price(rates=Rates(input=said, output=said)))
        for name, said in priced.items()
    ]
    prices = DatedPrices(own, {}, PublishedPrices(source="none", vendors={}), ScriptedClock())
    explained = PooledWorld({"a": [HI], "b": [HI]}, prices=prices).explain_chat(call_of("1"), client_of())
    told = explained.prices.get(POOL.id)
    assert (told and told.rates.input) == rate


async def test_the_fingerprint_is_the_model_s_wherever_the_members_are() -> None:
    one, other = PooledWorld({"a": [HI]}), PooledWorld({"b": [HI], "c": [HI]})
    (here,), (there,) = one.pool.snapshot(), other.pool.snapshot()
    assert here.endpoint == there.endpoint
    assert here.endpoint.fingerprint == "num_ctx=None sha256:1"


async def test_the_command_line_explains_the_members() -> None:
    world = PooledWorld({"a": [(ProviderUnavailable("a", "failed"),)], "b": [HI], "c": [HI]})
    world.directories["c"].states = (replace(state_of("c"), unusable="gone"),)
    await world.ask(call_of("1"))
    lines = explanation_table(world.explain_chat(call_of("2"), client_of())).splitlines()
    assert lines[-3:] == [
        "member of pool/llama: a: not loaded, 0 of 1 under way, set aside",
        "member of pool/llama: b: loaded, 0 of 1 under way",
        "member of pool/llama: c: not usable: gone",
    ]
