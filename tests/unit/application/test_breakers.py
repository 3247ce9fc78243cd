"""One breaker an endpoint, and what the end of a call tells it."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.breakers import Breakers
from llm_gateway.domain.errors import ProviderRejected, ProviderThrottled, ProviderTimeout, ProviderUnavailable
from llm_gateway.domain.resilience import BREAKER_FAILURES, BREAKER_OPEN_SECONDS, BreakerState

from .world import CLOUD, LOCAL

TIMEOUT = ProviderTimeout("gemini", "late")
DOUBTFUL = ProviderUnavailable("gemini", "failed on this request", doubtful=True)


def opened(clock: ScriptedClock) -> Breakers:
    breakers = Breakers(clock)
    for _ in range(BREAKER_FAILURES):
        breakers.enter(CLOUD.id).end(TIMEOUT)
    return breakers


def test_an_endpoint_that_was_never_asked_is_closed() -> None:
    assert Breakers(ScriptedClock()).state(CLOUD.id) is BreakerState.CLOSED


def test_each_endpoint_has_its_own() -> None:
    breakers = opened(ScriptedClock())
    assert (breakers.state(CLOUD.id), breakers.state(LOCAL.id)) == (BreakerState.OPEN, BreakerState.CLOSED)
    with pytest.raises(ProviderUnavailable):
        breakers.enter(CLOUD.id)
    breakers.enter(LOCAL.id).end(None)


@pytest.mark.parametrize("outcome", [None, ProviderRejected("gemini", "no"), ProviderThrottled("gemini", "slower")])
def test_an_answer_of_any_kind_ends_a_row_of_failures(outcome: ProviderRejected | None) -> None:
    breakers = Breakers(ScriptedClock())
    for end in [*[TIMEOUT] * (BREAKER_FAILURES - 1), outcome, *[TIMEOUT] * (BREAKER_FAILURES - 1)]:
        breakers.enter(CLOUD.id).end(end)
    assert breakers.state(CLOUD.id) is BreakerState.CLOSED


@pytest.mark.parametrize("outcome", [asyncio.CancelledError(), GeneratorExit(), ValueError("a bug"), DOUBTFUL])
def test_a_call_that_ended_for_our_own_reasons_or_its_client_s_says_nothing(outcome: BaseException) -> None:
    breakers = Breakers(ScriptedClock())
    for end in [*[TIMEOUT] * (BREAKER_FAILURES - 1), outcome, TIMEOUT]:
        breakers.enter(CLOUD.id).end(end)
    assert breakers.state(CLOUD.id) is BreakerState.OPEN


async def test_a_call_from_before_neither_closes_an_open_breaker_nor_gives_the_trial_away() -> None:
    clock = ScriptedClock()
    breakers = Breakers(clock)
    old = [breakers.enter(CLOUD.id) for _ in range(3)]
    for _ in range(BREAKER_FAILURES):
        breakers.enter(CLOUD.id).end(TIMEOUT)
    old[0].end(None)
    assert breakers.state(CLOUD.id) is BreakerState.OPEN
    await clock.advance(BREAKER_OPEN_SECONDS)
    trial = breakers.enter(CLOUD.id)
    old[1].end(asyncio.CancelledError())
    with pytest.raises(ProviderUnavailable):
        breakers.enter(CLOUD.id)
    trial.end(None)
    old[2].end(TIMEOUT)
    assert breakers.state(CLOUD.id) is BreakerState.CLOSED
