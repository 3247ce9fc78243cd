"""What every surface promises of an answer: the cache, what is shared, fallback, `secure`, records and labels."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait, answer
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderRefused
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Hint

from ..served import Serve, eventually, stopped_clock
from .asking import ask, refused, text_in
from .doors import Door, each_door, each_grain

USAGE = Usage(prompt_tokens=3, completion_tokens=2, reasoning_tokens=1)


def ended(reason: FinishReason) -> Finished:
    return Finished(
        reason=reason, usage=USAGE, model="scripted-1", extra_content={"google": {"thought_signature": "x"}}
    )


CALL = ToolCallDelta(index=0, id="call_1", name="look", extra_content={"google": {"thought_signature": "y"}})
ENDINGS: dict[str, Script] = {
    "stop": [TextDelta(text="One, "), TextDelta(text="two."), ended(FinishReason.STOP)],
    "thought": [ReasoningDelta(text="Hm."), TextDelta(text="One, two."), ended(FinishReason.STOP)],
    "tools": [
        ReasoningDelta(text="Hm."),
        TextDelta(text="One, two."),
        CALL,
        ToolCallDelta(index=0, arguments='{"a": '),
        ToolCallDelta(index=0, arguments="1}"),
        ToolCallDelta(index=1, id="call_2", name="see", arguments="{}"),
        ended(FinishReason.TOOL_CALLS),
    ],
    "length": [TextDelta(text="One, two."), ended(FinishReason.LENGTH)],
    "filtered": [TextDelta(text="One, two."), ended(FinishReason.CONTENT_FILTER)],
    "at once": [(TextDelta(text="One, "), TextDelta(text="two."), ended(FinishReason.STOP))],
}


@each_door
@each_grain
@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_answer_is_whole_in_every_ending(start: Serve, door: Door, stream: bool, ending: str) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), ENDINGS[ending]))
    response = await ask(served, door, stream=stream)
    assert text_in(door, response) == "One, two."
    assert response.headers["content-type"] == (door.stream_type if stream else "application/json")
    assert response.headers["x-gateway-provider"] == "ollama"
    assert response.headers["x-gateway-cache"] == "miss"
    assert "ratelimit" in response.headers


@each_door
@pytest.mark.parametrize("first", [False, True], ids=["whole first", "streamed first"])
@pytest.mark.parametrize("ending", ["stop", "thought", "tools", "length"])
async def test_a_stored_answer_is_replayed_in_either_grain(start: Serve, door: Door, first: bool, ending: str) -> None:
    model = ScriptedChatModel(stopped_clock(), ENDINGS[ending])
    served = await start(model)
    for stream, cache in ((first, "miss"), (first, "hit"), (not first, "hit")):
        response = await ask(served, door, stream=stream)
        assert text_in(door, response) == "One, two."
        assert response.headers["x-gateway-cache"] == cache
    assert len(model.calls) == 1
    assert [record.cache for record in served.observer.records] == ["miss", "hit", "hit"]


@each_door
async def test_no_store_keeps_nothing(start: Serve, door: Door) -> None:
    model = ScriptedChatModel(stopped_clock())
    served = await start(model)
    for _ in range(2):
        response = await ask(served, door, headers={"cache-control": "no-store"})
        assert response.headers["x-gateway-cache"] == "bypass"
    assert len(model.calls) == 2


@each_door
@each_grain
async def test_equal_chats_at_once_are_one_call(start: Serve, door: Door, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Shared by all.")])
    served = await start(model)
    asking = [asyncio.create_task(ask(served, door, stream=stream)) for _ in range(3)]
    await eventually(lambda: model.open_calls and len(served.observer.requests) == 3)
    await clock.advance(1)
    responses = await asyncio.gather(*asking)
    assert [text_in(door, response) for response in responses] == ["Shared by all."] * 3
    assert sorted(response.headers["x-gateway-cache"] for response in responses) == ["coalesced", "coalesced", "miss"]
    assert len(model.calls) == 1


@each_door
@each_grain
async def test_another_endpoint_answers_where_the_first_can_not(start: Serve, door: Door, stream: bool) -> None:
    failing = ScriptedChatModel(stopped_clock(), [ProviderRefused("gemini", "no connection")])
    served = await start(ScriptedChatModel(stopped_clock(), answer("From here.")), failing)
    response = await ask(served, door, model="fast", stream=stream)
    assert text_in(door, response) == "From here."
    assert response.headers["x-gateway-provider"] == "ollama"
    (record,) = served.observer.records
    assert [skip.name for skip in record.passed_over] == ["gemini/gemini-flash-latest"]
    assert record.streamed is stream


@each_door
@each_grain
@pytest.mark.parametrize("by", ["header", "model"])
async def test_what_is_secure_stays_on_the_premises(start: Serve, door: Door, stream: bool, by: str) -> None:
    cloud = ScriptedChatModel(stopped_clock())
    served = await start(ScriptedChatModel(stopped_clock(), answer("Kept.")), cloud)
    if by == "header":
        response = await ask(served, door, model="ollama", stream=stream, headers={"x-gateway-hint": "secure"})
    else:
        response = await ask(served, door, model="secure", stream=stream)
    assert text_in(door, response) == "Kept."
    assert served.observer.records[0].hint is Hint.SECURE
    body = refused(
        door, await ask(served, door, model="gemini", stream=stream, headers={"x-gateway-hint": "secure"}), 400
    )
    assert "secure" in door.message_of(body)
    assert cloud.calls == []


@each_door
@each_grain
async def test_a_request_has_one_record_and_one_label(start: Serve, door: Door, stream: bool) -> None:
    served = await start(ScriptedChatModel(stopped_clock()))
    response = await ask(served, door, stream=stream, headers={"x-request-id": "mine-1"})
    assert response.headers["x-request-id"] == "mine-1"
    await eventually(lambda: served.observer.answers)
    assert [(method, label, status) for method, label, status, _ in served.observer.answers] == [
        ("POST", door.path, 200)
    ]
    told = (await served.client.get("/api/v1/requests/mine-1")).json()
    assert (told["outcome"], told["cache"], told["stream"]) == ("answered", "miss", stream)
    assert told["attempts"][0]["outcome"] == "answered"
    assert told["usage"]["total_tokens"] == 6


@each_door
@each_grain
async def test_a_body_that_comes_again_asks_the_same_and_is_answered_anew(
    start: Serve, door: Door, stream: bool
) -> None:
    model = ScriptedChatModel(stopped_clock(), ENDINGS["tools"])
    served = await start(model, cache_ttl_seconds=0)
    answers = [await ask(served, door, stream=stream) for _ in range(4)]
    assert {text_in(door, one) for one in answers} == {"One, two."}
    asked = [call.request for call in model.calls]
    assert asked == asked[:1] * 4
    assert len({one.headers["x-request-id"] for one in answers}) == 4
