"""A stream and a whole reply are two forms of one answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_gateway.domain.chat import ChatReply, FinishReason, ToolCall, Usage
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import (
    ChatEvent,
    Collector,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    collect,
    flattened,
    replay,
)
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.routing import EndpointId

from .generated import JSON_OBJECTS, TEXTS, values_of

WHO = EndpointId(provider="ollama", model="llama3.1")
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=2), model="llama3.1:8b")


def folded(events: Iterable[ChatEvent]) -> ChatReply:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.reply()


async def stream(events: Iterable[ChatEvent]) -> AsyncIterator[ChatEvent]:
    for event in events:
        yield event


@given(values_of(ChatReply))
def test_a_replayed_reply_collects_to_itself(reply: ChatReply) -> None:
    assert folded(replay(reply)) == reply


@given(values_of(ChatReply))
def test_a_replay_starts_once_finishes_once_and_has_each_kind_in_one_delta(reply: ChatReply) -> None:
    events = list(replay(reply))

    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    kinds = [(type(event), getattr(event, "index", None)) for event in events]
    assert len(kinds) == len(set(kinds))


@given(st.lists(TEXTS), st.lists(TEXTS))
def test_text_and_reasoning_collect_in_order_however_they_are_split(texts: list[str], thoughts: list[str]) -> None:
    deltas: list[ChatEvent] = [
        *(ReasoningDelta(text=part) for part in thoughts),
        *(TextDelta(text=part) for part in texts),
    ]

    reply = folded([Started(endpoint=WHO), *deltas, END])

    assert (reply.content, reply.reasoning) == ("".join(texts), "".join(thoughts))


@given(st.data())
def test_any_split_of_a_reply_collects_to_the_reply(data: st.DataObject) -> None:
    reply: ChatReply = data.draw(values_of(ChatReply))
    split: list[ChatEvent] = []
    for event in replay(reply):
        match event:
            case TextDelta(text=text, logprobs=logprobs):
                cut, of = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(logprobs)))
                split.append(TextDelta(text=text[:cut], logprobs=logprobs[:of]))
                split.append(TextDelta(text=text[cut:], logprobs=logprobs[of:]))
            case ToolCallDelta(arguments=text):
                cut = data.draw(st.integers(0, len(text)))
                split.append(replace(event, arguments=text[:cut], extra_content=None))
                split.append(replace(event, arguments=text[cut:], id=None, name=None))
            case _:
                split.append(event)

    assert folded(split) == reply


@given(st.permutations(range(6)), JSON_OBJECTS)
def test_tool_calls_are_told_apart_by_index_however_they_interleave(order: list[int], extra: dict[str, object]) -> None:
    deltas = [
        ToolCallDelta(index=0, id="a", name="look"),
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallDelta(index=1, id="b", name="find"),
        ToolCallDelta(index=1, arguments="[]"),
        ToolCallDelta(index=2, id="c", name="stop"),
        ToolCallDelta(index=2, extra_content=extra),
    ]

    reply = folded([Started(endpoint=WHO), *(deltas[place] for place in order), END])

    assert reply.tool_calls == (
        ToolCall(id="a", name="look", arguments="{}"),
        ToolCall(id="b", name="find", arguments="[]"),
        ToolCall(id="c", name="stop", arguments="", extra_content=extra),
    )


@given(st.lists(values_of(ChatEvent), max_size=6))
def test_a_batch_is_folded_as_its_events_are(events: list[ChatEvent]) -> None:
    together, each = Collector(), Collector()
    together.extend(events)
    for event in events:
        each.add(event)
    counted = [(one.text_bytes, one.held_bytes, one.started, one.finished) for one in (together, each)]
    assert counted[0] == counted[1]
    for one in (together, each):
        one.extend([Started(endpoint=WHO), END])
    assert together.reply() == each.reply()


async def test_flattened_closes_the_model_with_itself() -> None:
    closed = asyncio.Event()

    async def batches() -> AsyncGenerator[list[ChatEvent], None]:
        try:
            yield [Started(endpoint=WHO), TextDelta(text="a")]
            yield [END]
        finally:
            closed.set()

    assert [type(event) async for event in flattened(batches())] == [Started, TextDelta, Finished]
    closed.clear()
    events = flattened(batches())
    await anext(events)
    await events.aclose()
    assert closed.is_set()


def test_a_call_to_which_the_vendor_gave_no_id_has_an_empty_one() -> None:
    reply = folded([Started(endpoint=WHO), ToolCallDelta(index=0, arguments="{}"), END])

    assert reply.tool_calls == (ToolCall(id="", name="", arguments="{}"),)


@pytest.mark.parametrize(
    "events",
    [[], [Started(endpoint=WHO)], [Started(endpoint=WHO), TextDelta(text="half")], [TextDelta(text="whose?"), END]],
)
async def test_a_stream_without_its_beginning_or_end_is_broken(events: list[ChatEvent]) -> None:
    with pytest.raises(ProviderBroken):
        await collect(stream(events))


async def test_collect_raises_what_the_stream_raises() -> None:
    async def failing() -> AsyncIterator[ChatEvent]:
        yield Started(endpoint=WHO)
        raise ProviderBroken("ollama", "a line was no JSON")

    with pytest.raises(ProviderBroken, match="a line was no JSON"):
        await collect(failing())


def test_log_probabilities_are_counted_as_held_and_not_as_text() -> None:
    one = TokenLogprob(token="a", logprob=-1.0, raw=b"a")
    bare, told, more = Collector(), Collector(), Collector()
    bare.add(TextDelta(text="a"))
    told.add(TextDelta(text="a", logprobs=(ChosenLogprob(token=one),)))
    more.add(TextDelta(text="a", logprobs=(ChosenLogprob(token=one, top=(one,) * 20),)))
    assert bare.text_bytes == told.text_bytes == more.text_bytes == 1
    beside = told.held_bytes - bare.held_bytes
    assert beside > 100
    assert more.held_bytes - bare.held_bytes == 21 * beside


def test_an_answer_without_log_probabilities_holds_nothing_for_them() -> None:
    assert TextDelta(text="a").logprobs is TextDelta(text="b").logprobs
