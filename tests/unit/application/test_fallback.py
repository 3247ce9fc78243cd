"""The endpoints of a plan are asked in order; the first event commits."""

import asyncio

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Wait, answer
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.chat import Grain, ReasoningEffort
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.events import Finished, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Feature, Hint

from .world import CLOUD, HELLO, LOCAL, World, call_of

KINDS = (
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderRefused,
    ProviderUnavailable,
    ProviderTimeout,
    ProviderBroken,
)


async def test_the_first_choice_answers_alone() -> None:
    world = World()
    told = await world.ask(call_of())
    assert (told.reply.endpoint, told.reply.content) == (CLOUD.id, "Hello there")
    assert world.calls == (1, 0)
    assert await world.at_rest()


async def test_a_model_without_reasoning_is_not_asked_for_an_effort_that_the_call_lets_go() -> None:
    world = World(features=frozenset(Feature) - {Feature.REASONING_EFFORT})
    call = call_of()
    request = replace(call.request, reasoning_effort=ReasoningEffort.HIGH)
    async with world.open(replace(call, request=request, nearest_effort=True)) as asked:
        await asked.reply()
        assert asked.ignored == ("reasoning_effort",)
    assert world.gemini.calls[0].request == call.request


async def test_the_call_is_what_was_asked_for() -> None:
    world = World()
    call = call_of("Exactly this.", grain=Grain.STREAM)
    await world.ask(call)
    made = world.gemini.calls[0]
    assert (made.to, made.request, made.grain) == (CLOUD, call.request, Grain.STREAM)
    assert made.headers == {"traceparent": "a trace"}


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_fails_before_the_first_event_the_next_endpoint_answers(kind: type[ProviderError]) -> None:
    world = World(gemini=[[kind("gemini", "no")]], max_retries=0)
    told = await world.ask(call_of())
    assert told.reply.endpoint == told.record.endpoint == LOCAL.id
    assert world.calls == (1, 1)
    assert [(attempt.endpoint, attempt.error) for attempt in told.record.attempts] == [
        (CLOUD.id, kind.__name__),
        (LOCAL.id, None),
    ]


async def test_a_rejected_request_goes_nowhere_else() -> None:
    world = World(gemini=[[ProviderRejected("gemini", "no")]])
    with pytest.raises(ProviderRejected):
        await world.ask(call_of())
    assert world.calls == (1, 0)
    assert await world.at_rest()


async def test_a_rejection_that_may_be_the_endpoints_own_fault_goes_on() -> None:
    world = World(gemini=[[ProviderRejected("gemini", "no", doubtful=True)]])
    assert (await world.ask(call_of())).reply.endpoint == LOCAL.id
    assert world.calls == (1, 1)


@pytest.mark.parametrize(
    ("contexts", "limit", "answered"),
    [
        ((1000, 2000), None, True),
        ((1000, 1000), None, False),
        ((1000, 500), None, False),
        ((1000, None), None, True),
        ((None, 500), None, True),
        ((None, 500), 500, False),
        ((1000, 700), 600, True),
    ],
)
async def test_a_prompt_too_long_for_one_endpoint_goes_to_the_next_with_a_longer_context(
    contexts: tuple[int | None, int | None], limit: int | None, answered: bool
) -> None:
    world = World(gemini=[[ContextLengthExceeded("gemini", "too long", limit=limit)]], contexts=contexts)
    if answered:
        assert (await world.ask(call_of())).reply.endpoint == LOCAL.id
    else:
        with pytest.raises(ContextLengthExceeded):
            await world.ask(call_of())
    assert world.calls == (1, 1 if answered else 0)
    passed = [skip.name for skip in world.observer.records[-1].passed_over]
    assert passed == [CLOUD.name] if answered else [CLOUD.name, LOCAL.name]
    assert await world.at_rest()


@pytest.mark.parametrize("longest_first", [True, False])
async def test_a_prompt_that_an_endpoint_may_yet_take_is_not_called_too_long(longest_first: bool) -> None:
    too_long, busy = ContextLengthExceeded("x", "too long"), ProviderTimeout("x", "late")
    first, second = (busy, too_long) if longest_first else (too_long, busy)
    world = World(gemini=[[first]], ollama=[[second]], max_retries=0)
    with pytest.raises(ProviderTimeout):
        await world.ask(call_of())


@pytest.mark.parametrize("kind", [*KINDS, ProviderRejected])
async def test_after_the_first_event_nothing_falls_back_and_nothing_is_retried(kind: type[ProviderError]) -> None:
    world = World(gemini=[[TextDelta(text="Hel"), kind("gemini", "no")]])
    with pytest.raises(kind):
        await world.ask(call_of(grain=Grain.STREAM))
    assert world.calls == (1, 0)
    assert world.observer.records[-1].error == kind.__name__
    assert await world.at_rest()


async def test_an_answer_without_its_terminal_mark_is_broken() -> None:
    world = World(gemini=[[TextDelta(text="Hel"), Cut()]])
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(grain=Grain.STREAM))
    assert world.calls == (1, 0)


async def test_where_all_fail_the_first_choices_failure_is_told_with_a_note_of_the_others() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]], ollama=[[ProviderMisconfigured("ollama", "no model")]])
    with pytest.raises(ProviderRefused) as caught:
        await world.ask(call_of())
    assert caught.value.__notes__ == ["and then ollama: ProviderMisconfigured"]
    assert await world.at_rest()


async def test_notes_of_a_shared_failure_are_each_readers_own() -> None:
    world = World(
        gemini=[[Wait(1), ProviderRefused("gemini", "no")]], ollama=[[Wait(1), ProviderRefused("ollama", "no")]]
    )
    asking = [asyncio.create_task(world.ask(call_of())) for _ in range(5)]
    await world.clock.advance(3)
    for end in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(end, ProviderRefused)
        assert end.__notes__ == ["and then ollama: ProviderRefused"]
    assert world.calls == (1, 1)


async def test_secure_never_leaves_the_premises_whatever_fails() -> None:
    world = World(ollama=[[ProviderRefused("ollama", "no")]])
    with pytest.raises(ProviderRefused):
        await world.ask(call_of(hint=Hint.SECURE))
    assert world.calls == (0, 1)


async def test_a_pinned_model_has_no_fallback() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]])
    with pytest.raises(ProviderRefused):
        await world.ask(call_of(model="gemini", hint=None))
    assert world.calls == (1, 0)


async def test_a_cached_fallback_never_stands_in_for_the_first_choice() -> None:
    world = World(
        gemini=[[ProviderRefused("gemini", "no")], answer("from gemini"), [ProviderRefused("gemini", "no")]],
        ollama=[answer("from ollama"), answer("never")],
        max_retries=0,
    )
    assert (await world.ask(call_of())).reply.content == "from ollama"
    again = await world.ask(call_of())
    assert (again.reply.content, again.cache) == ("from gemini", CacheStatus.MISS)
    assert world.calls == (2, 1)


async def test_a_fallbacks_answer_is_found_again_as_the_fallbacks() -> None:
    world = World(gemini=[[ProviderRefused("gemini", "no")]])
    first = await world.ask(call_of())
    again = await world.ask(call_of())
    assert (first.cache, again.cache) == (CacheStatus.MISS, CacheStatus.HIT)
    assert again.reply == first.reply
    assert again.record.endpoint == LOCAL.id
    assert world.calls == (2, 1)


async def test_an_answer_larger_than_the_bound_is_broken_off_and_not_kept() -> None:
    world = World(gemini=[[TextDelta(text="x" * 2000), *HELLO], HELLO], max_answer_bytes=1500)
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(model="gemini", hint=None, grain=Grain.STREAM))
    assert len(world.process) == 0
    assert await world.at_rest()


async def test_many_tiny_parts_count_for_more_than_their_text() -> None:
    world = World(gemini=[[*(TextDelta(text="x") for _ in range(100)), *HELLO]], max_answer_bytes=1500)
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(grain=Grain.STREAM))


@pytest.mark.parametrize(
    "said",
    [
        ToolCallDelta(index=0, id="x" * 2000, name="f"),
        ToolCallDelta(index=0, id="x", name="f" * 2000),
        ToolCallDelta(index=0, id="x", name="f", extra_content={"google": {"thought_signature": "x" * 2000}}),
    ],
    ids=["id", "name", "extra content"],
)
async def test_all_that_is_held_of_a_tool_call_counts(said: ToolCallDelta) -> None:
    world = World(gemini=[[said, *HELLO]], max_answer_bytes=1500)
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(model="gemini", hint=None, grain=Grain.STREAM))


async def test_what_the_end_of_an_answer_holds_counts() -> None:
    *begun, end = HELLO
    assert isinstance(end, Finished)
    world = World(gemini=[[*begun, replace(end, model="x" * 2000)]], max_answer_bytes=1500)
    with pytest.raises(ProviderBroken):
        await world.ask(call_of(model="gemini", hint=None, grain=Grain.STREAM))


async def test_a_fault_of_ours_is_not_an_endpoints_failure() -> None:
    world = World(gemini=[[ValueError("a bug")]])
    with pytest.raises(ValueError, match="a bug"):
        await world.ask(call_of())
    assert world.calls == (1, 0)
    assert world.observer.records[-1].error == "ValueError"
    assert await world.at_rest()
