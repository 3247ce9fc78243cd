"""What would happen to a call, without any of it happening."""

import pytest

from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.errors import GatewayError, InvalidRequest, ProviderUnavailable, UnknownModel
from llm_gateway.domain.resilience import BREAKER_FAILURES, BREAKER_OPEN_SECONDS, BreakerState
from llm_gateway.domain.routing import Hint

from .world import CLOUD, LOCAL, World, call_of, client_of


async def test_the_plan_and_its_breakers_are_explained_and_nothing_is_sent_or_charged() -> None:
    world = World(gemini=[[ProviderUnavailable("gemini", "500")]], max_retries=0)
    for number in range(BREAKER_FAILURES):
        await world.ask(call_of(f"{number}"))
    charged, calls = world.limiter.requests, world.calls
    explained = world.explain_chat(call_of(), client_of())
    assert [state.endpoint for state in explained.plan.endpoints] == [CLOUD, LOCAL]
    assert explained.breakers == {CLOUD.id: BreakerState.OPEN, LOCAL.id: BreakerState.CLOSED}
    assert (world.limiter.requests, world.calls) == (charged, calls)
    assert len(world.observer.requests) == BREAKER_FAILURES


async def test_explaining_takes_no_trial_away() -> None:
    world = World(gemini=[[ProviderUnavailable("gemini", "500")]], max_retries=0)
    for number in range(BREAKER_FAILURES):
        await world.ask(call_of(f"{number}"))
    await world.clock.advance(BREAKER_OPEN_SECONDS)
    for _ in range(3):
        explained = world.explain_chat(call_of(), client_of())
        assert explained.breakers[CLOUD.id] is BreakerState.HALF_OPEN
    await world.ask(call_of("again"))
    assert len(world.gemini.calls) == BREAKER_FAILURES + 1


async def test_a_secure_plan_has_no_cloud_in_it() -> None:
    explained = World().explain_chat(call_of(hint=Hint.SECURE), client_of())
    assert [state.endpoint for state in explained.plan.endpoints] == [LOCAL]


@pytest.mark.parametrize(
    ("call", "error"),
    [(call_of(max_tokens=0), InvalidRequest), (call_of(model="nobody", hint=None), UnknownModel)],
    ids=["bad", "unknown"],
)
async def test_it_refuses_what_planning_refuses(call: ChatCall, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        World().explain_chat(call, client_of())
