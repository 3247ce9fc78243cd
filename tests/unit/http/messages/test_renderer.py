"""Answers in Anthropic's words: every field that clients need, whole and streamed, and that both say the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.carriers import carrier_of
from llm_gateway.adapters.inbound.http.common.renderer import INCOMPLETE, ONLY_REASONED, AnswerIdentity
from llm_gateway.adapters.inbound.http.messages.renderer import MessageOptions, MessagesRenderer
from llm_gateway.domain.chat import ChatReply, FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken, ProviderThrottled
from llm_gateway.domain.events import ChatEvent, Collector, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta

from ..openai.answers import TO, answer_of
from .reading import message_of, streamed_of

MARK = AnswerIdentity(id="msg_1", created=1_795_000_000)
ANSWER = answer_of()
SIGNED = {"google": {"thought_signature": "c2ln"}}
CARRIER = carrier_of(SIGNED)
USAGE = Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2, cached_tokens=3)
THINKING = MessageOptions(thinking=True, shown=True)
FIRST, SECOND = (ToolCallDelta(index=n, id=f"call_{n}", name="look") for n in range(2))


def more(index: int, arguments: str) -> ToolCallDelta:
    return ToolCallDelta(index=index, arguments=arguments)


def called(index: int = 0, arguments: str = '{"a":1}', **extra: Any) -> ToolCallDelta:
    return ToolCallDelta(index=index, id=f"call_{index}", name="look", arguments=arguments, **extra)


def ended(reason: FinishReason = FinishReason.STOP, usage: Usage = USAGE, **more: Any) -> Finished:
    return Finished(reason=reason, usage=usage, model="m-1", **more)


def reply_of(events: list[ChatEvent]) -> ChatReply:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.reply()


def whole(events: list[ChatEvent], options: MessageOptions) -> Any:
    return json.loads(MessagesRenderer(MARK, options).whole(reply_of(events), ANSWER))


def frames_of(events: list[ChatEvent], options: MessageOptions) -> bytes:
    renderer = MessagesRenderer(MARK, options)
    return renderer.deltas(events, ANSWER) + renderer.done(reply_of(events), ANSWER)


def streamed(*deltas: ChatEvent, options: MessageOptions = THINKING, end: Finished | None = None) -> dict[str, Any]:
    return message_of(streamed_of(frames_of([Started(endpoint=TO), *deltas, end or ended()], options)))


def names_of(*deltas: ChatEvent, options: MessageOptions = THINKING) -> list[str]:
    events = streamed_of(frames_of([Started(endpoint=TO), *deltas, ended()], options))
    return [event.data.get("delta", event.data)["type"] for event in events[1:-2]]


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def thought(said: str, signature: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": said, "signature": signature}


def use(index: int, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"call_{index}", "name": "look", "input": given}


def test_every_field_of_a_stream_is_there() -> None:
    frames = frames_of([Started(endpoint=TO), TextDelta(text="Hel"), TextDelta(text="lo"), ended()], THINKING)

    assert [data for _, data in streamed_of(frames)] == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": TO.model,
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 0,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 0,
                },
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 3,
                "output_tokens": 5,
                "output_tokens_details": {"thinking_tokens": 2},
            },
        },
        {"type": "message_stop"},
    ]


def test_every_field_of_a_whole_answer_is_there() -> None:
    events: list[ChatEvent] = [Started(endpoint=TO), TextDelta(text="Hi"), ended()]

    assert whole(events, THINKING) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 3,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (FinishReason.STOP, "end_turn"),
        (FinishReason.LENGTH, "max_tokens"),
        (FinishReason.TOOL_CALLS, "tool_use"),
        (FinishReason.CONTENT_FILTER, "refusal"),
    ],
)
def test_every_end_has_its_reason(reason: FinishReason, said: str) -> None:
    end = ended(reason)

    assert streamed(TextDelta(text="Hi"), end=end)["stop_reason"] == said
    assert whole([Started(endpoint=TO), end], THINKING)["stop_reason"] == said


def test_usage_says_no_more_than_the_provider_counted() -> None:
    plain = ended(usage=Usage(prompt_tokens=7, completion_tokens=5, estimated=True))

    assert streamed(end=plain)["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 5,
        "estimated": True,
    }


def test_what_is_no_whole_answer_says_why() -> None:
    assert streamed(TextDelta(text="Hi"), end=ended(incomplete=True))["warning"] == INCOMPLETE
    assert streamed(ReasoningDelta(text="Hm"), end=ended(FinishReason.LENGTH))["warning"] == ONLY_REASONED


def test_the_last_words_of_a_turn_are_its_last_block() -> None:
    events = (TextDelta(text="Done."),)
    assert streamed(*events, end=ended(extra_content=SIGNED))["content"] == [text("Done.")]
    assert whole([Started(endpoint=TO), *events, ended(extra_content=SIGNED)], THINKING)["content"] == [text("Done.")]


def test_thoughts_then_text_then_signed_calls_are_blocks_one_after_the_other() -> None:
    events = (
        ReasoningDelta(text="H"),
        ReasoningDelta(text="m."),
        TextDelta(text="See."),
        called(0, extra_content=SIGNED),
        called(1, "{}", extra_content=SIGNED),
        called(2, ""),
    )

    message = streamed(*events, end=ended(FinishReason.TOOL_CALLS, extra_content=SIGNED))

    assert message["content"] == [
        thought("Hm."),
        text("See."),
        thought("", CARRIER),
        use(0, a=1),
        thought("", CARRIER),
        use(1),
        use(2),
        {"type": "redacted_thinking", "data": CARRIER},
    ]
    assert (
        whole([Started(endpoint=TO), *events, ended(FinishReason.TOOL_CALLS, extra_content=SIGNED)], THINKING)[
            "content"
        ]
        == message["content"]
    )


def test_open_thoughts_are_closed_with_the_signature_of_the_call_that_they_lead_to() -> None:
    events = (ReasoningDelta(text="Hm."), called(0, extra_content=SIGNED))

    assert streamed(*events)["content"] == [thought("Hm.", CARRIER), use(0, a=1)]
    assert names_of(*events) == [
        "content_block_start",
        "thinking_delta",
        "signature_delta",
        "content_block_stop",
        "content_block_start",
        "input_json_delta",
        "content_block_stop",
    ]


def test_omitted_thoughts_keep_their_block_and_lose_their_words() -> None:
    events = (ReasoningDelta(text="Hm."), TextDelta(text="Hi"))
    omitted = MessageOptions(thinking=True)

    assert streamed(*events, options=omitted)["content"] == [thought(""), text("Hi")]
    assert whole([Started(endpoint=TO), *events, ended()], omitted)["content"] == [thought(""), text("Hi")]


def test_thoughts_that_nobody_asked_for_are_no_block_but_their_signatures_are_kept() -> None:
    events = (ReasoningDelta(text="Hm."), TextDelta(text="Hi"), ReasoningDelta(text="Hm."), TextDelta(text="!"))
    signed = (*events, called(0, extra_content=SIGNED))

    assert streamed(*events, options=MessageOptions())["content"] == [text("Hi!")]
    assert streamed(*signed, options=MessageOptions())["content"] == [text("Hi!"), thought("", CARRIER), use(0, a=1)]


def test_an_empty_piece_begins_no_block() -> None:
    assert streamed(TextDelta(text=""), ReasoningDelta(text=""))["content"] == []


def test_of_several_calls_the_first_where_one_was_asked_for() -> None:
    one = MessageOptions(one_call=True)
    events = (called(0), called(1))

    assert streamed(*events, options=one)["content"] == [use(0, a=1)]
    assert whole([Started(endpoint=TO), *events, ended()], one)["content"] == [use(0, a=1)]


@pytest.mark.parametrize("arguments", ['{"a": [1', "not json", "[1]"])
def test_a_whole_answer_has_objects_for_arguments(arguments: str) -> None:
    events: list[ChatEvent] = [Started(endpoint=TO), called(0, arguments), ended()]

    assert whole(events, THINKING)["content"] == [use(0, raw_arguments=arguments)]


@pytest.mark.parametrize("arguments", ["", "null", " {} "])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert whole([Started(endpoint=TO), called(0, arguments), ended()], THINKING)["content"] == [use(0)]


INTERLEAVED = (
    (FIRST, SECOND, more(0, '{"a":'), more(1, '{"b":'), more(0, "1}"), more(1, "2}")),
    (FIRST, more(0, '{"a":'), SECOND, more(1, '{"b":2}'), more(0, "1"), more(0, "}")),
    (FIRST, more(0, '{"a":1}'), SECOND, more(0, ""), more(1, '{"b":2}')),
    (FIRST, more(0, '{"a":1'), SECOND, more(1, '{"b":2'), more(1, "}"), more(0, "}")),
)


@pytest.mark.parametrize("deltas", INTERLEAVED)
def test_calls_whose_parts_come_in_turn_are_told_one_after_the_other(deltas: tuple[ToolCallDelta, ...]) -> None:
    assert streamed(*deltas)["content"] == [use(0, a=1), use(1, b=2)]


def test_a_text_among_the_parts_of_a_call_waits_for_its_end() -> None:
    deltas = (FIRST, more(0, '{"a":'), TextDelta(text="Hi"), TextDelta(text="!"), more(0, "1}"), TextDelta(text="?"))

    assert streamed(*deltas)["content"] == [use(0, a=1), text("Hi!?")]


def test_what_was_held_back_for_a_call_that_never_ends_comes_at_the_end() -> None:
    renderer = MessagesRenderer(MARK, THINKING)
    events: list[ChatEvent] = [FIRST, SECOND, more(1, "{}"), TextDelta(text="Hi"), called(2)]

    assert b"Hi" not in renderer.deltas(events, ANSWER)
    rest = renderer.done(reply_of([Started(endpoint=TO), *events, ended()]), ANSWER)
    assert [rest.count(word) for word in (b'"call_1"', b'"Hi"', b'"call_2"', b"content_block_stop")] == [1, 1, 1, 8]


@pytest.mark.parametrize("begun", [False, True])
def test_a_broken_stream_ends_with_an_error_of_the_family_and_nothing_after_it(begun: bool) -> None:
    renderer = MessagesRenderer(MARK, THINKING)
    if begun:
        renderer.deltas([Started(endpoint=TO), TextDelta(text="Hi")], ANSWER)

    [event] = streamed_of(renderer.failed(ProviderBroken("gemini", "broke off"), "id-1"))

    assert event.data == {
        "type": "error",
        "error": {"type": "api_error", "message": "gemini: broke off"},
        "request_id": "id-1",
    }


def test_a_busy_provider_is_an_overloaded_one() -> None:
    [event] = streamed_of(MessagesRenderer(MARK, THINKING).failed(ProviderThrottled("gemini", "busy"), "id-1"))

    assert event.data["error"]["type"] == "overloaded_error"


def test_a_stream_is_kept_alive_by_pings() -> None:
    assert [*streamed_of(MessagesRenderer.keep_alive)] == [("ping", {"type": "ping"})]


WORDS = st.text(max_size=4)
GIVEN = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)


@st.composite
def answers(draw: st.DrawFn) -> list[ChatEvent]:
    """Texts and thoughts in any order, then calls, whose arguments are objects in pieces."""
    said = draw(st.lists(st.builds(TextDelta, text=WORDS) | st.builds(ReasoningDelta, text=WORDS), max_size=5))
    calls: list[ChatEvent] = []
    for index in range(draw(st.integers(0, 3))):
        arguments = json.dumps(draw(GIVEN))
        cut = draw(st.integers(0, len(arguments)))
        calls += [
            called(index, arguments[:cut], extra_content=draw(st.none() | GIVEN)),
            more(index, arguments[cut:]),
        ]
    usage = draw(st.builds(Usage, prompt_tokens=st.integers(0, 9), cached_tokens=st.none() | st.integers(0, 9)))
    end = ended(draw(st.sampled_from(FinishReason)), usage=usage, extra_content=draw(st.none() | GIVEN))
    return [Started(endpoint=TO), *said, *calls, end]


@given(answers(), st.builds(MessageOptions))
def test_a_stream_says_what_the_whole_answer_says(events: list[ChatEvent], options: MessageOptions) -> None:
    streamed, answered = message_of(streamed_of(frames_of(events, options))), whole(events, options)

    assert _in_order_of_kinds(streamed["content"]) == _in_order_of_kinds(answered["content"])
    assert {**streamed, "content": [], "model": "m-1"} == {**answered, "content": []}


def _in_order_of_kinds(blocks: list[dict[str, Any]]) -> list[Any]:
    """Thoughts and texts, which a whole answer has joined, and then the calls with what belongs to each."""
    thoughts = "".join(block.get("thinking", "") for block in blocks)
    texts = "".join(block.get("text", "") for block in blocks)
    rest = [
        block.get("signature") or block.get("data") or (block["id"], block["input"])
        for block in blocks
        if block["type"] in ("tool_use", "redacted_thinking") or block.get("signature")
    ]
    return [thoughts, texts, *rest]


@given(answers(), st.data())
def test_the_same_frames_however_the_events_are_cut_into_batches(events: list[ChatEvent], data: st.DataObject) -> None:
    renderer, left = MessagesRenderer(MARK, THINKING), list(events)
    frames = b""
    while left:
        size = data.draw(st.integers(1, len(left)))
        frames += renderer.deltas(left[:size], ANSWER)
        del left[:size]

    assert frames + renderer.done(reply_of(events), ANSWER) == frames_of(events, THINKING)
