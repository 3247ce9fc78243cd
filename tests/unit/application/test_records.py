"""Exactly one record for each request, however it ended, that tells how."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec import structs

import llm_gateway
from llm_gateway.adapters.outbound.scripted.chat_model import Wait
from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.application.shared_answer import EVENTS_AHEAD
from llm_gateway.domain.chat import ChatCall, FinishReason, Grain, Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.errors import (
    Draining,
    Forbidden,
    GatewayError,
    InvalidRequest,
    Overloaded,
    ProviderRefused,
    ProviderTimeout,
    QuotaExceeded,
    UnknownModel,
)
from llm_gateway.domain.events import Finished, Started, TextDelta
from llm_gateway.domain.resilience import BREAKER_FAILURES
from llm_gateway.domain.routing import Hint, Skip

from .witnesses import FarCache
from .world import CLOUD, HELLO, LOCAL, World, call_of, client_of

LAYERS = Path(llm_gateway.__file__).resolve().parents[2]

USAGE = Usage(prompt_tokens=3, completion_tokens=2)


async def test_an_answer_is_recorded_in_full() -> None:
    world = World(gemini=[[Wait(2), TextDelta(text="One"), Wait(3), *HELLO]])
    asking = asyncio.create_task(world.ask(call_of(grain=Grain.STREAM)))
    await world.clock.advance(5)
    record = (await asking).record
    assert record.client == ClientId("one")
    assert (record.hint, record.endpoint, record.cache, record.admitted) == (
        Hint.FAST,
        CLOUD.id,
        CacheStatus.MISS,
        True,
    )
    assert record.planned == (CLOUD.id, LOCAL.id)
    assert record.attempts == (
        AttemptRecord(
            endpoint=CLOUD.id,
            streamed=True,
            usage=USAGE,
            finish_reason=FinishReason.STOP,
            seconds=5,
            first_event_seconds=2,
        ),
    )
    assert (record.finish_reason, record.usage) == (FinishReason.STOP, USAGE)
    assert (record.error, record.left, record.streamed) == (None, False, True)
    assert (record.first_event_seconds, record.seconds) == (2, 5)
    assert await world.at_rest()


async def test_a_hit_has_no_attempts() -> None:
    world = World()
    await world.ask(call_of())
    record = (await world.ask(call_of())).record
    assert (record.cache, record.attempts, record.endpoint, record.usage) == (CacheStatus.HIT, (), CLOUD.id, USAGE)
    assert record.first_event_seconds == 0


async def test_a_hit_tells_what_the_answer_had_taken_its_provider() -> None:
    world = World(gemini=[[Wait(2.5), *HELLO]])
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(2.5)
    assert (await asking).record.saved_seconds is None
    assert (await world.ask(call_of())).record.saved_seconds == 2.5


async def read_on(answer: Answer) -> None:
    async for _ in answer:
        pass


async def test_a_providers_time_stands_while_its_reader_reads() -> None:
    world = World(gemini=[[Wait(1), *(TextDelta(text="x") for _ in range(2 * EVENTS_AHEAD)), Wait(2), *HELLO]])
    async with world.open(call_of(grain=Grain.STREAM)) as answer:
        first = asyncio.create_task(anext(answer))
        await world.clock.advance(1)
        assert isinstance(await first, Started)
        await world.clock.advance(30)
        rest = asyncio.create_task(read_on(answer))
        await world.clock.advance(2)
        await rest
    (attempt,) = world.observer.records[-1].attempts
    assert (attempt.first_event_seconds, attempt.seconds, world.observer.records[-1].seconds) == (1, 3, 33)


async def test_an_endpoint_that_was_not_even_asked_is_passed_over_with_the_reason() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no connection")]] * BREAKER_FAILURES)
    for number in range(BREAKER_FAILURES):
        await world.ask(call_of(f"question {number}"))
    record = (await world.ask(call_of())).record
    assert [(attempt.endpoint, attempt.error) for attempt in record.attempts] == [(LOCAL.id, None)]
    assert record.passed_over == (Skip(name=CLOUD.name, reason="gemini: not asked, because its last calls failed"),)


async def test_a_record_is_kept_for_its_client() -> None:
    world = World()
    record = (await world.ask(call_of())).record
    assert await world.log.find(ClientId("one"), record.id) == record
    assert record.began == world.clock.now()


async def test_the_record_is_told_before_the_request_is_over() -> None:
    world, told = World(), list[RequestRecord]()
    with pytest.raises(UnknownModel):
        async with world.answer_chat(call_of(model="none", hint=None), client_of(), on_record=told.append):
            pass
    assert told == list(world.observer.records)


async def test_the_attempt_is_in_the_record_though_the_answer_is_still_being_stored() -> None:
    world = World()
    cache = FarCache(world.clock, seconds=1)
    world = World(clock=world.clock, shared=cache)
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    record = (await asking).record
    assert not cache.entries
    assert [(attempt.endpoint, attempt.usage) for attempt in record.attempts] == [(CLOUD.id, USAGE)]
    await world.clock.advance(1)
    assert cache.entries
    assert await world.at_rest()


REFUSALS: dict[str, tuple[ChatCall, type[GatewayError]]] = {
    "bad": (call_of(max_tokens=0), InvalidRequest),
    "unknown": (call_of(model="nobody", hint=None), UnknownModel),
    "excluded": (call_of(model="gemini", hint=Hint.SECURE), InvalidRequest),
}


@pytest.mark.parametrize(("call", "error"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_what_is_refused_before_its_quota_is_recorded_as_such(call: ChatCall, error: type[GatewayError]) -> None:
    world = World()
    with pytest.raises(error):
        await world.ask(call)
    (record,) = world.observer.records
    assert (record.error, record.admitted, record.planned, record.left) == (error.__name__, None, (), False)
    assert world.limiter.requests == 0


async def test_a_forbidden_hint_is_recorded() -> None:
    world = World()
    client = structs.replace(client_of(), hints=frozenset([Hint.LOCAL]))
    with pytest.raises(Forbidden):
        await world.ask(call_of(), client)
    assert world.observer.records[-1].error == "Forbidden"


async def test_a_refused_admission_is_recorded() -> None:
    world = World()
    client = client_of(requests=1)
    await world.ask(call_of(), client)
    with pytest.raises(QuotaExceeded) as caught:
        await world.ask(call_of(), client)
    record = world.observer.records[-1]
    assert (record.admitted, record.error, record.cache) == (False, "QuotaExceeded", None)
    assert record.planned == (CLOUD.id, LOCAL.id)
    assert caught.value.decision.retry_after_ms == 1000


async def test_a_failure_is_recorded_with_every_attempt() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]], ollama=[[ProviderRefused("ollama", "no")]])
    with pytest.raises(ProviderRefused):
        await world.ask(call_of())
    record = world.observer.records[-1]
    assert (record.error, record.left, record.endpoint, record.cache) == ("ProviderRefused", False, None, None)
    assert [(attempt.endpoint, attempt.error) for attempt in record.attempts] == [
        (CLOUD.id, "ProviderRefused"),
        (LOCAL.id, "ProviderRefused"),
    ]


async def test_a_failure_that_its_reader_deals_with_is_recorded_too() -> None:
    world = World(gemini=[[TextDelta(text="Hel"), ProviderRefused("gemini", "no")]])
    async with world.open(call_of(grain=Grain.STREAM)) as answer:
        with pytest.raises(ProviderRefused):
            await answer.reply()
    assert world.observer.records[-1].error == "ProviderRefused"


async def test_who_leaves_before_the_first_event_is_recorded_as_gone() -> None:
    world = World(gemini=[[Wait(5), *HELLO]])
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    (record,) = world.observer.records
    assert (record.left, record.error, record.endpoint, record.seconds) == (True, None, None, 1)
    assert record.attempts == (AttemptRecord(endpoint=CLOUD.id, left=True, seconds=1),)
    assert await world.at_rest()


async def test_who_stops_reading_is_recorded_as_gone() -> None:
    world = World()
    async with world.open(call_of(grain=Grain.STREAM)) as answer:
        assert isinstance(await anext(answer), Started)
    (record,) = world.observer.records
    assert (record.left, record.error, record.endpoint, record.usage) == (True, None, CLOUD.id, None)
    assert await world.at_rest()


async def test_who_never_reads_is_recorded_as_gone_and_costs_nobody_a_call() -> None:
    world = World()
    async with world.open(call_of()):
        pass
    assert world.observer.records[-1].left
    assert world.calls == (0, 0)
    assert await world.at_rest()


async def test_who_leaves_with_the_last_event_in_hand_has_had_an_answer() -> None:
    world = World()
    async with world.open(call_of()) as answer:
        while not isinstance(await anext(answer), Finished):
            pass
    assert (world.observer.records[-1].left, world.observer.records[-1].usage) == (False, USAGE)
    assert await world.at_rest()


async def test_a_fault_of_the_host_is_recorded_and_is_its_own() -> None:
    world = World()

    async def host() -> None:
        async with world.open(call_of(grain=Grain.STREAM)) as answer:
            await anext(answer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await host()
    assert world.observer.records[-1].error == "ZeroDivisionError"
    assert await world.at_rest()


async def test_a_leader_that_left_has_its_attempt_ended_once_by_the_flights_end() -> None:
    world = World(gemini=[[Wait(5), *HELLO]])
    leading = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    following = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    leading.cancel()
    await world.clock.advance(4)
    await following
    assert world.observer.records[0].left
    (attempt,) = world.observer.requests[0].attempts
    assert [(end.error, end.left, end.usage) for end in attempt.ends] == [(None, False, USAGE)]
    assert await world.at_rest()


async def test_an_end_of_the_process_is_recorded_as_draining() -> None:
    world = World(gemini=[[Wait(5), *HELLO]])
    asking = asyncio.create_task(world.ask(call_of()))
    await world.clock.advance(1)
    await world.flights.aclose()
    with pytest.raises(Draining):
        await asking
    assert world.calls == (1, 0), "draining is no reason to ask elsewhere"
    assert world.observer.records[-1].error == "Draining"
    assert await world.at_rest()


async def test_a_request_has_the_id_and_the_headers_that_it_was_given_or_an_id_of_its_own() -> None:
    world = World()
    async with world.answer_chat(call_of(), client_of(), id=RequestId("mine"), headers={"a": "b"}):
        pass
    async with world.answer_chat(call_of(), client_of()):
        pass
    given, made = world.observer.requests
    assert (given.id, given.headers, made.headers) == ("mine", {"a": "b"}, {})
    assert len(made.id) == 32


async def test_an_answer_says_whether_it_is_there_already() -> None:
    world = World()
    async with world.open(call_of()) as answer:
        assert (answer.ready, answer.cache, answer.endpoint) == (False, None, None)
        await answer.reply()
        assert (answer.cache, answer.endpoint) == (CacheStatus.MISS, CLOUD.id)
    async with world.open(call_of()) as answer:
        assert answer.ready


async def test_more_answers_than_a_process_holds_are_refused() -> None:
    world = World(max_answers=40)
    async with AsyncExitStack() as stack:
        for number in range(40):
            await stack.enter_async_context(world.open(call_of(), client_of(f"client {number % 2}")))
        with pytest.raises(Overloaded):
            await world.ask(call_of())
    assert next(record.client for record in world.observer.records if record.error) == ClientId("one")
    assert sum(record.error == "Overloaded" for record in world.observer.records) == 1
    assert (await world.ask(call_of())).reply.content == "Hello there"
    assert await world.at_rest()


async def test_one_client_has_half_of_them_and_the_rest_is_for_others() -> None:
    world = World(max_answers=40)
    async with AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(world.open(call_of()))
        with pytest.raises(Overloaded, match="This client has half"):
            await world.ask(call_of())
        assert world.observer.records[-1].error == "Overloaded"
        assert (await world.ask(call_of(), client_of("another"))).reply.content == "Hello there"
    assert (await world.ask(call_of())).reply.content == "Hello there"
    assert world.answer_chat.under_way == 0


async def test_no_endpoint_is_asked_once_a_requests_time_has_run_out() -> None:
    world = World()
    async with world.open(call_of(timeout=5)) as answer:
        await world.clock.advance(5)
        with pytest.raises(ProviderTimeout):
            await answer.reply()
    assert world.calls == (0, 0)
    assert await world.at_rest()


@pytest.mark.search
def test_only_its_own_verbs_change_a_recorder() -> None:
    own = LAYERS / "application" / "request_recorder.py"
    sources = [
        path for path in LAYERS.glob("*/**/*.py") if path.parts[len(LAYERS.parts)] in ("application", "adapters")
    ]
    assert own in sources
    setting = re.compile(r"recorder\.\w+(\[[^]]*\])? (\+|-|\|)?= |recorder\._")
    assert [path for path in sources if path != own and setting.search(path.read_text("utf-8"))] == []
