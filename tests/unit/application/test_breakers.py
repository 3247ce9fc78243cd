"""One breaker an endpoint, and what the end of a call tells it."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.breakers import Breakers
from llm_gateway.domain.errors import ProviderRejected, ProviderThrottled, ProviderTimeout, ProviderUnavailable
from llm_gateway.domain.resilience import (
    BREAKER_FAILURES,
    BREAKER_OPEN_SECONDS,
    BreakerPermit,
    BreakerState,
    outcome_of,
)

from .world import CLOUD, LOCAL

TIMEOUT = ProviderTimeout("gemini", "late")
DOUBTFUL = ProviderUnavailable("gemini", "failed on this request", doubtful=True)


def end(permit: BreakerPermit, error: BaseException | None, now: float = ScriptedClock().monotonic()) -> None:
    permit.end(outcome_of(error), now)


def opened(clock: ScriptedClock) -> Breakers:
    breakers = Breakers(clock)
    for _ in range(BREAKER_FAILURES):
        end(breakers.enter(CLOUD.id), TIMEOUT)
    return breakers


def test_an_endpoint_that_was_never_asked_is_closed() -> None:
    assert Breakers(ScriptedClock()).state(CLOUD.id) is BreakerState.CLOSED


def test_each_endpoint_has_its_own() -> None:
    breakers = opened(ScriptedClock())
    assert (breakers.state(CLOUD.id), breakers.state(LOCAL.id)) == (BreakerState.OPEN, BreakerState.CLOSED)
    with pytest.raises(ProviderUnavailable):
        breakers.enter(CLOUD.id)
    end(breakers.enter(LOCAL.id), None)


@pytest.mark.parametrize("outcome", [None, ProviderRejected("gemini", "no"), ProviderThrottled("gemini", "slower")])
def test_an_answer_of_any_kind_ends_a_row_of_failures(outcome: ProviderRejected | None) -> None:
    breakers = Breakers(ScriptedClock())
    for error in [*[TIMEOUT] * (BREAKER_FAILURES - 1), outcome, *[TIMEOUT] * (BREAKER_FAILURES - 1)]:
        end(breakers.enter(CLOUD.id), error)
    assert breakers.state(CLOUD.id) is BreakerState.CLOSED


@pytest.mark.parametrize("outcome", [asyncio.CancelledError(), GeneratorExit(), ValueError("a bug"), DOUBTFUL])
def test_a_call_that_ended_for_our_own_reasons_or_its_client_s_says_nothing(outcome: BaseException) -> None:
    breakers = Breakers(ScriptedClock())
    for error in [*[TIMEOUT] * (BREAKER_FAILURES - 1), outcome, TIMEOUT]:
        end(breakers.enter(CLOUD.id), error)
    assert breakers.state(CLOUD.id) is BreakerState.OPEN


async def test_a_call_from_before_neither_closes_an_open_breaker_nor_gives_the_trial_away() -> None:
    clock = ScriptedClock()
    breakers = Breakers(clock)
    old = [breakers.enter(CLOUD.id) for _ in range(3)]
    for _ in range(BREAKER_FAILURES):
        end(breakers.enter(CLOUD.id), TIMEOUT)
    end(old[0], None)
    assert breakers.state(CLOUD.id) is BreakerState.OPEN
    await clock.advance(BREAKER_OPEN_SECONDS)
    trial = breakers.enter(CLOUD.id)
    end(old[1], asyncio.CancelledError())
    with pytest.raises(ProviderUnavailable):
        breakers.enter(CLOUD.id)
    end(trial, None)
    end(old[2], TIMEOUT)
    assert breakers.state(CLOUD.id) is BreakerState.CLOSED
