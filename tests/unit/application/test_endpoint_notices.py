"""An endpoint that its vendor has put out until a time is not asked before; what an operator has to mend is told."""

import asyncio
import logging
from datetime import timedelta

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script
from llm_gateway.application.endpoint_notices import NOTE_SECONDS
from llm_gateway.domain.errors import (
    FailureReason,
    NoRoute,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)
from llm_gateway.domain.resilience import BreakerState
from llm_gateway.domain.routing import EndpointState

from .world import CLOUD, HELLO, LOCAL, World, call_of, client_of

NOW = 1_800_000_000.0
RESET = NOW + 7_200
SPENT: Script = [
    ProviderThrottled(
        "gemini", "the quota of the day is used up", status=429, reason=FailureReason.DAY_QUOTA, out_until=RESET
    )
]
ADDED: Script = [
    ProviderMisconfigured("gemini", "refuses what this gateway adds", status=400, reason=FailureReason.ADDED_FIELD)
]
NO_KEY: Script = [ProviderMisconfigured("gemini", "no key", status=403, reason=FailureReason.CREDENTIALS)]
WHY = "the quota of the day is used up; not asked before 2027-01-15 10:00 UTC"
PINNED = call_of(hint=None, model=CLOUD.name)


def cloud(world: World) -> EndpointState:
    return world.breakers.notices.seen(EndpointState(endpoint=CLOUD, features=frozenset()))


async def test_a_quota_of_the_day_is_one_call_then_none_until_the_reset(caplog: pytest.LogCaptureFixture) -> None:
    world = World(gemini=[SPENT, HELLO])
    for number in range(3):
        told = await world.ask(call_of(f"{number}"))
        assert told.reply.endpoint == LOCAL.id
    assert world.calls == (1, 3)
    assert [(skip.name, skip.reason) for skip in told.record.skipped] == [(CLOUD.name, WHY)]
    with pytest.raises(NoRoute, match="quota of the day") as refused:
        await world.ask(PINNED)
    assert refused.value.retry_after == timedelta(seconds=7_200)
    explained = world.explain_chat(call_of(), client_of())
    assert [(skip.name, skip.reason) for skip in explained.plan.skipped] == [(CLOUD.name, WHY)]
    assert world.breakers.state(CLOUD.id) is BreakerState.OPEN
    assert cloud(world).unusable == WHY
    assert [record.getMessage() for record in caplog.records] == [f"{CLOUD.name}: status 429, day_quota: {WHY}"]
    await world.clock.advance(7_199)
    await world.ask(call_of("late"))
    assert world.calls == (1, 4)
    await world.clock.advance(1)
    assert (await world.ask(call_of("after the reset"))).reply.endpoint == CLOUD.id
    assert world.calls == (2, 4)
    assert cloud(world).unusable is None


async def test_the_call_that_finds_it_out_is_not_repeated_and_says_how_long() -> None:
    world = World(gemini=[SPENT])
    with pytest.raises(ProviderThrottled):
        await world.ask(PINNED)
    assert world.calls == (1, 0)
    with pytest.raises(ProviderUnavailable, match="quota of the day") as caught:
        world.breakers.check(CLOUD.id)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 7_200
    with pytest.raises(ProviderUnavailable):
        world.breakers.enter(CLOUD.id)


@pytest.mark.parametrize("turned", [-86_400.0 * 365, -7_200.0, 0.0])
async def test_a_clock_that_is_set_back_keeps_no_endpoint_out_for_longer(turned: float) -> None:
    world = World(gemini=[SPENT, HELLO])
    await world.ask(call_of("first"))
    world.clock.set_wall_clock(NOW + turned)
    with pytest.raises(NoRoute) as refused:
        await world.ask(PINNED)
    assert refused.value.retry_after == timedelta(seconds=7_200)
    await world.clock.advance(7_199)
    assert world.breakers.notices.out(CLOUD.id) is not None
    await world.clock.advance(1)
    assert world.breakers.notices.out(CLOUD.id) is None
    await world.ask(PINNED)


async def test_an_endpoint_is_asked_when_the_time_has_come_by_the_clock_of_a_machine_that_slept() -> None:
    world = World(gemini=[SPENT, HELLO])
    await world.ask(call_of("first"))
    world.clock.set_wall_clock(RESET - 60)  # the monotonic clock stands still meanwhile
    with pytest.raises(NoRoute) as refused:
        await world.ask(PINNED)
    assert refused.value.retry_after == timedelta(seconds=60)
    await world.clock.advance(60)
    await world.ask(PINNED)


@pytest.mark.parametrize("turned", [-86_400.0, 86_400.0])
async def test_a_fault_is_told_for_its_hour_and_not_by_the_wall_clock(turned: float) -> None:
    world = World(gemini=[NO_KEY])
    await world.ask(call_of())
    world.clock.set_wall_clock(NOW + turned)
    await world.clock.advance(NOTE_SECONDS - 1)
    assert world.breakers.notices.fault(CLOUD.id) is not None
    await world.clock.advance(1)
    assert world.breakers.notices.fault(CLOUD.id) is None


async def test_an_answer_that_was_under_way_brings_nothing_back() -> None:
    world = World()
    world.breakers.notices.failed(CLOUD.id, ProviderThrottled("gemini", "spent", out_until=RESET))
    world.breakers.notices.answered(CLOUD.id)
    assert cloud(world).unusable == "spent; not asked before 2027-01-15 10:00 UTC"


async def test_what_the_gateway_adds_and_a_model_refuses_is_told_loudly_and_the_next_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(gemini=[ADDED, ADDED, HELLO])
    for number in range(2):
        told = await world.ask(call_of(f"{number}"))
        assert told.reply.endpoint == LOCAL.id
    attempt = told.record.attempts[0]
    assert (attempt.status, attempt.reason_class) == (400, FailureReason.ADDED_FIELD)
    levels = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert levels == [(logging.ERROR, f"{CLOUD.name}: status 400, added_field: refuses what this gateway adds")]
    assert (cloud(world).unusable, cloud(world).notes) == (None, ("refuses what this gateway adds",))
    await world.ask(call_of("a request without it"))
    assert cloud(world).notes, "another request may still meet it"
    await world.clock.advance(NOTE_SECONDS)
    assert cloud(world).notes == ()


async def test_pinned_it_is_the_gateways_fault() -> None:
    world = World(gemini=[ADDED])
    with pytest.raises(ProviderMisconfigured):
        await world.ask(PINNED)


async def test_a_fault_that_an_answer_shows_to_be_mended_is_told_no_more() -> None:
    world = World(gemini=[NO_KEY, HELLO])
    await asyncio.gather(world.ask(PINNED), return_exceptions=True)
    assert cloud(world).notes == ("no key",)
    await world.ask(PINNED)
    assert cloud(world).notes == ()
