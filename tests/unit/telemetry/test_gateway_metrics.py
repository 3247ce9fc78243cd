"""What is read of a running gateway: its breakers, its queue, what is under way, its loop and its build."""

import asyncio

import pytest

from llm_gateway import (
    ChatCall,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    FixedEndpoints,
    Gateway,
    Locality,
    Quota,
    Text,
    UserMessage,
    open_gateway,
)
from llm_gateway.adapters.outbound.embedded.request_queue import RequestQueue
from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
from llm_gateway.adapters.outbound.telemetry.loop_lag import EVERY_SECONDS, LoopLag
from llm_gateway.adapters.outbound.telemetry.observer import TelemetryObserver
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderThrottled,
)
from llm_gateway.domain.resilience import BREAKER_FAILURES, Deadline
from llm_gateway.testing import ScriptedChatModel, ScriptedClock, Wait, answer

from .test_metrics import labelled, values

ME = Client(id=ClientId("me"), namespace="me", quota=Quota())
ENDPOINT = Endpoint(id=EndpointId(provider="ollama", model="scripted"), locality=Locality.ON_PREMISES)


def call(text: str) -> ChatCall:
    return ChatCall(request=ChatRequest(messages=(UserMessage(content=(Text(text=text),)),)))


async def told(gateway: Gateway) -> dict[str, float]:
    assert gateway.render_metrics is not None
    lines = (await gateway.render_metrics()).decode().splitlines()
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_a_gateway_tells_its_breakers_and_what_is_under_way() -> None:
    clock = ScriptedClock()
    refused = [ProviderRefused("ollama", "no connection")]
    model = ScriptedChatModel(clock, *[refused] * BREAKER_FAILURES, [Wait(5), *answer("Hello")])
    absent = Endpoint(id=EndpointId(provider="gemini", model="absent"), locality=Locality.CLOUD)
    states = [
        EndpointState(endpoint=ENDPOINT, features=frozenset()),
        EndpointState(endpoint=absent, features=frozenset(), configured=False),
    ]
    async with open_gateway(chat_models={"ollama": model}, endpoints=FixedEndpoints(states), clock=clock) as gateway:
        state = labelled("gateway_breaker_state", provider="ollama", model="scripted")
        assert (await told(gateway))[state] == 0
        for number in range(BREAKER_FAILURES):
            async with gateway.answer_chat(call(f"{number}"), ME) as refusal:
                with pytest.raises(ProviderError):
                    await refusal.reply()
        assert (await told(gateway))[state] == 2
        await clock.advance(10)
        seen = await told(gateway)
        assert (seen[state], seen["gateway_answers_under_way"]) == (1, 0)
        async with gateway.answer_chat(call("last"), ME) as waiting:
            begun = asyncio.ensure_future(anext(waiting))
            await clock.advance(5)
            await begun
            seen = await told(gateway)
            assert (seen["gateway_answers_under_way"], seen["gateway_answers_waiting_bytes"] > 0) == (1, True)
        assert (await told(gateway))["gateway_answers_waiting_bytes"] == 0
    assert not any("absent" in series for series in seen), "what is not configured has no breaker"
    assert seen["gateway_workers"] == 1
    assert any(series.startswith("gateway_build_info{") for series in seen)


async def test_a_gateway_tells_what_is_out_and_what_is_at_fault_and_the_class_of_each_failure() -> None:
    clock = ScriptedClock()
    spent = ProviderThrottled("ollama", "spent", status=429, reason=FailureReason.DAY_QUOTA, out_until=clock.now() + 60)
    added = ProviderMisconfigured("ollama", "added", status=400, reason=FailureReason.ADDED_FIELD)
    model = ScriptedChatModel(clock, [added], [spent])
    endpoints = FixedEndpoints([EndpointState(endpoint=ENDPOINT, features=frozenset())])
    where = {"provider": "ollama", "model": "scripted"}
    fault, out = labelled("gateway_endpoint_fault", **where), labelled("gateway_endpoint_out", **where)
    async with open_gateway(chat_models={"ollama": model}, endpoints=endpoints, clock=clock) as gateway:
        before = await told(gateway)
        assert (before[fault], before[out]) == (0, 0)
        for number in range(2):
            async with gateway.answer_chat(call(f"{number}"), ME) as refusal:
                with pytest.raises(ProviderError):
                    await refusal.reply()
        seen = await told(gateway)
        assert (seen[fault], seen[out]) == (1, 1)
        assert seen[labelled("provider_errors_total", **where, status="400", reason="added_field")] == 1
        assert seen[labelled("provider_errors_total", **where, status="429", reason="day_quota")] == 1
        await clock.advance(60)
        assert (await told(gateway))[out] == 0


async def test_who_waits_for_a_turn_is_counted_with_how_long_also_where_it_gives_up() -> None:
    clock, instruments = ScriptedClock(), Instruments()
    line = RequestQueue(clock, TelemetryObserver(instruments))
    await line.enter(Deadline(clock.monotonic() + 100))
    patient = asyncio.create_task(line.enter(Deadline(clock.monotonic() + 100)))
    hasty = asyncio.create_task(line.enter(Deadline(clock.monotonic() + 100)))
    await clock.advance(2)
    hasty.cancel()
    await asyncio.gather(hasty, return_exceptions=True)
    line.leave()
    await patient
    seen = values(instruments)
    assert seen[labelled("gateway_queue_wait_seconds_count", provider="embedded")] == 3
    assert seen[labelled("gateway_queue_wait_seconds_sum", provider="embedded")] == 4
    instruments.close()


async def test_the_loops_lag_is_measured_until_it_is_closed() -> None:
    instruments = Instruments()
    lag = LoopLag(instruments)
    loop = asyncio.get_running_loop()
    lag._tick(loop, loop.time() - 0.25)  # as after a loop that was blocked
    await lag.aclose()
    assert 0.25 <= values(instruments)["gateway_event_loop_lag_seconds_sum"] < 0.25 + EVERY_SECONDS
    instruments.close()
