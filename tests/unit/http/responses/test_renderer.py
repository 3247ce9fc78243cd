"""Answers in the words of OpenAI's responses: every event with all its fields, in order, and whole the same."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json as wire_json

from llm_gateway.adapters.inbound.http.common.carriers import carried
from llm_gateway.adapters.inbound.http.common.renderer import AnswerIdentity
from llm_gateway.adapters.inbound.http.responses.renderer import ResponsesRenderer, responses_options_of
from llm_gateway.adapters.inbound.http.responses.wire import ResponseBody
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatReply, FinishReason, Usage
from llm_gateway.domain.errors import InvalidRequest, ProviderBroken
from llm_gateway.domain.events import (
    ChatEvent,
    Collector,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    replay,
)

from ..openai.answers import TO, answer_of
from .bodies import CUSTOM, PLAIN, SPACE, TOOL
from .reading import SentEvent, response_of, sent_of

IDENTITY = AnswerIdentity(id="resp_1", created=1_795_000_000)
ANSWER = answer_of()
SIGNED = {"include": ["reasoning.encrypted_content"]}
SIGNATURE = {"google": {"thought_signature": "c2ln"}}
OTHER = {"google": {"thought_signature": "b3RoZXI="}}
USAGE = Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1, reasoning_tokens=1)


def ended(reason: FinishReason = FinishReason.STOP, **more: Any) -> Finished:
    return Finished(reason=reason, usage=more.pop("usage", USAGE), model="m-1", **more)


def renderer(**body: Any) -> ResponsesRenderer:
    decoded = wire_json.decode(wire_json.encode({**PLAIN, **body}), type=ResponseBody)
    return ResponsesRenderer(IDENTITY, responses_options_of(decoded))


def reply_of(events: list[ChatEvent]) -> ChatReply:
    collector = Collector()
    collector.extend(events)
    return collector.reply()


def whole(*events: ChatEvent, **body: Any) -> dict[str, Any]:
    reply = reply_of([Started(endpoint=TO), *events])
    said: dict[str, Any] = json.loads(renderer(**body).whole(reply, ANSWER))
    return said


def streamed(*events: ChatEvent, batch: Any = 1, **body: Any) -> list[SentEvent]:
    made, all_events = renderer(**body), [Started(endpoint=TO), *events]
    batches = [all_events[at : at + batch] for at in range(0, len(all_events), batch)]
    frames = b"".join(made.deltas(one, ANSWER) for one in batches)
    return sent_of(frames + made.done(reply_of(all_events), ANSWER))


def call(index: int = 0, name: str = "look", arguments: str = "{}", **more: Any) -> ToolCallDelta:
    return ToolCallDelta(index=index, id=f"call_{index}", name=name, arguments=arguments, **more)


def test_a_text_is_a_message_with_every_event_and_field() -> None:
    events = streamed(TextDelta(text="He"), TextDelta(text="llo"), ended())

    response = response_of(events)
    assert [event.name.removeprefix("response.") for event in events] == [
        *("created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert events[4].data == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "output_index": 0,
        "item_id": "msg_1_0",
        "content_index": 0,
        "delta": "He",
        "logprobs": [],
    }
    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }
    assert (response["completed_at"], response["error"], response["incomplete_details"]) == (1_795_000_000, None, None)


def test_usage_has_zeros_where_nothing_was_counted() -> None:
    usage = Usage(prompt_tokens=3, completion_tokens=2)

    counted = response_of(streamed(TextDelta(text="a"), ended(usage=usage)))["usage"]

    assert counted["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert counted["output_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize("text", ["%d %s", 'a"0,b\\', "\0", "\n\n", '"sequence_number":0,', "ü🙂"])
def test_a_text_of_any_kind_arrives_as_it_is(text: str) -> None:
    response = response_of(streamed(TextDelta(text=text), TextDelta(text=text), ended(), batch=4))

    assert response["output"][0]["content"][0]["text"] == text * 2


def test_thoughts_have_no_item_unless_they_are_asked_for() -> None:
    said = (ReasoningDelta(text="Hm."), TextDelta(text="Yes."), ended(extra_content=SIGNATURE))

    for output in (whole(*said)["output"], response_of(streamed(*said))["output"]):
        assert [item["type"] for item in output] == ["message"]


@pytest.mark.parametrize("asked", [SIGNED, {"reasoning": {"summary": "auto"}}])
def test_thoughts_that_are_asked_for_are_a_summary(asked: dict[str, Any]) -> None:
    said = (ReasoningDelta(text="H"), ReasoningDelta(text="m."), TextDelta(text="Yes."), ended())

    for output in (whole(*said, **asked)["output"], response_of(streamed(*said, **asked))["output"]):
        assert [item["type"] for item in output] == ["reasoning", "message"]
        assert output[0]["summary"] == [{"type": "summary_text", "text": "Hm."}]
        assert "encrypted_content" not in output[0]


def test_each_signature_stands_just_before_its_call_and_the_text_s_at_the_end() -> None:
    said = (
        ReasoningDelta(text="Hm."),
        TextDelta(text="I look."),
        call(extra_content=SIGNATURE),
        call(1, extra_content=OTHER),
        ended(FinishReason.TOOL_CALLS, extra_content=SIGNATURE),
    )

    for output in (whole(*said, **SIGNED)["output"], response_of(streamed(*said, **SIGNED))["output"]):
        kinds = [item["type"] for item in output]
        assert kinds == [
            *("reasoning", "message", "reasoning", "function_call", "reasoning", "function_call", "reasoning"),
        ]
        carriers = [carried(output[at]["encrypted_content"], "") for at in (2, 4, 6)]
        assert carriers == [SIGNATURE, OTHER, SIGNATURE]


def test_thoughts_before_a_call_carry_its_signature() -> None:
    said = (ReasoningDelta(text="Hm."), call(extra_content=SIGNATURE), ended(FinishReason.TOOL_CALLS))

    for output in (whole(*said, **SIGNED)["output"], response_of(streamed(*said, **SIGNED))["output"]):
        assert [item["type"] for item in output] == ["reasoning", "function_call"]
        assert output[0]["summary"][0]["text"] == "Hm."
        assert carried(output[0]["encrypted_content"], "") == SIGNATURE


def test_a_summary_alone_gives_no_signature_away() -> None:
    said = (ReasoningDelta(text="Hm."), call(extra_content=SIGNATURE), ended(extra_content=SIGNATURE))
    asked = {"reasoning": {"summary": "auto"}}

    for output in (whole(*said, **asked)["output"], response_of(streamed(*said, **asked))["output"]):
        assert [item["type"] for item in output] == ["reasoning", "function_call"]
        assert "encrypted_content" not in output[0]


TOOLS = [TOOL, CUSTOM, SPACE, {**SPACE, "name": "desk", "tools": [{**CUSTOM, "name": "write"}]}]


@pytest.mark.parametrize(
    ("name", "arguments", "item"),
    [
        ("look", '{"at": 1}', {"type": "function_call", "name": "look", "arguments": '{"at": 1}'}),
        ("patch", '{"input": "*** a\\n"}', {"type": "custom_tool_call", "name": "patch", "input": "*** a\n"}),
        (
            "agents__look",
            "{}",
            {"type": "function_call", "name": "look", "namespace": "agents", "arguments": "{}"},
        ),
        (
            "desk__write",
            '{"input": ""}',
            {"type": "custom_tool_call", "name": "write", "namespace": "desk", "input": ""},
        ),
        ("unheard__of", "", {"type": "function_call", "name": "unheard__of", "arguments": "{}"}),
        ("patch", "*** a", {"type": "custom_tool_call", "name": "patch", "input": "*** a"}),
        ("look", "{a", {"type": "function_call", "name": "look", "arguments": "{a"}),
    ],
)
def test_a_call_is_again_of_the_tool_that_the_request_had(name: str, arguments: str, item: dict[str, Any]) -> None:
    said = (call(name=name, arguments=arguments), ended(FinishReason.TOOL_CALLS))

    for output in (whole(*said, tools=TOOLS)["output"], response_of(streamed(*said, tools=TOOLS))["output"]):
        [called] = output
        assert {field: called[field] for field in item} == item
        assert called["call_id"] == "call_0"
        assert called.get("namespace") == item.get("namespace")


def test_tools_that_came_within_the_input_are_remembered_too() -> None:
    more = {"input": [*PLAIN["input"], {"type": "additional_tools", "role": "developer", "tools": [CUSTOM]}]}

    [called] = whole(call(name="patch", arguments='{"input":"x"}'), ended(), **more)["output"]

    assert called["type"] == "custom_tool_call"


def test_of_several_calls_the_first_where_one_is_wanted() -> None:
    said = (call(), call(1, extra_content=SIGNATURE), ended(FinishReason.TOOL_CALLS))
    one = {"parallel_tool_calls": False, **SIGNED}

    assert len(whole(*said, **one)["output"]) == len(response_of(streamed(*said, **one))["output"]) == 1


def test_calls_whose_parts_come_in_turn_are_closed_in_their_order() -> None:
    parts: list[ChatEvent] = [
        call(arguments='{"a":', extra_content=SIGNATURE),
        call(1, arguments='{"b"', extra_content=OTHER),
        ToolCallDelta(index=0, arguments="1}"),
        ToolCallDelta(index=1, arguments=":2}"),
        ended(FinishReason.TOOL_CALLS),
    ]

    output = response_of(streamed(*parts, **SIGNED))["output"]

    assert [item["type"] for item in output] == ["reasoning", "function_call", "reasoning", "function_call"]
    assert [item["arguments"] for item in output[1::2]] == ['{"a":1}', '{"b":2}']
    assert output == whole(*parts, **SIGNED)["output"]


@pytest.mark.parametrize(
    ("reason", "details"),
    [
        (FinishReason.LENGTH, {"reason": "max_output_tokens"}),
        (FinishReason.CONTENT_FILTER, {"reason": "content_filter"}),
    ],
)
def test_a_limit_and_a_filter_leave_it_incomplete(reason: FinishReason, details: dict[str, str]) -> None:
    said = (TextDelta(text="Half"), ended(reason))

    for response in (whole(*said), response_of(streamed(*said))):
        assert (response["status"], response["incomplete_details"]) == ("incomplete", details)
        assert response["completed_at"] is None
        assert response["output"][-1]["status"] == "incomplete"


def test_what_the_provider_failed_to_give_is_told() -> None:
    said = (TextDelta(text="Half"), ended(FinishReason.LENGTH, incomplete=True))

    assert whole(*said)["warning"] == response_of(streamed(*said))["warning"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ProviderBroken("gemini", "no end"), "server_error", "no end"),
        (errors.ProviderThrottled("gemini", "429", retry_after=timedelta(seconds=1.5)), "rate_limit_exceeded", "1.5s"),
        (errors.ProviderThrottled("gemini", "429"), "rate_limit_exceeded", "429"),
        (errors.ContextLengthExceeded("gemini", "too long"), "context_length_exceeded", "too long"),
        (errors.ProviderRejected("gemini", "no such tool", path="tools[0]"), "invalid_prompt", "no such tool"),
        (InvalidRequest.at("input", "is wrong"), "invalid_prompt", "is wrong"),
        (errors.ProviderMisconfigured("gemini", "the key"), "server_error", ""),
        (ValueError("the prompt was: secret"), "server_error", "Internal"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_stream_that_breaks_off_ends_with_what_codex_reads(
    error: Exception, code: str, words: str, *, begun: bool
) -> None:
    made = renderer()
    said: list[ChatEvent] = [Started(endpoint=TO), TextDelta(text="Half")]
    frames = made.deltas(said, ANSWER) if begun else b""

    events = sent_of(frames + made.failed(error, "r-1"))

    response = response_of(events)
    assert events[-1].name == "response.failed"
    assert (response["status"], response["error"]["code"]) == ("failed", code)
    assert words in response["error"]["message"]
    assert "secret" not in response["error"]["message"]
    assert response["output"] == []


def test_what_was_whole_before_it_broke_off_stays() -> None:
    made = renderer(**SIGNED)
    frames = made.deltas([Started(endpoint=TO), ReasoningDelta(text="Hm."), TextDelta(text="Half")], ANSWER)

    response = response_of(sent_of(frames + made.failed(ProviderBroken("gemini", "no end"), "r-1")))

    assert [item["type"] for item in response["output"]] == ["reasoning"]


def test_what_was_asked_for_is_said_again() -> None:
    asked: dict[str, Any] = {
        "instructions": "Short.",
        "max_output_tokens": 9,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "high", "summary": "detailed"},
        "temperature": 0.5,
        "top_p": 0.5,
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}},
        "tools": [TOOL, SPACE, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "look"},
        "parallel_tool_calls": False,
    }

    response = whole(TextDelta(text="{}"), ended(), **asked)

    plain = ("instructions", "max_output_tokens", "metadata", "reasoning", "temperature", "top_p", "tool_choice")
    for name in (*plain, "parallel_tool_calls"):
        assert response[name] == asked[name], name
    assert response["text"]["format"].items() >= asked["text"]["format"].items()
    assert [tool["type"] for tool in response["tools"]] == ["function", "namespace"]
    assert response["tools"][0].items() >= TOOL.items()
    assert response["tools"][1]["tools"][0].items() >= TOOL.items()
    assert (response["store"], response["previous_response_id"], response["truncation"]) == (False, None, "disabled")


def test_nothing_that_was_asked_for_has_its_defaults() -> None:
    response = whole(TextDelta(text="a"), ended())

    assert (response["text"], response["tools"], response["tool_choice"]) == ({"format": {"type": "text"}}, [], "auto")
    assert response["parallel_tool_calls"] is True


TEXTS = st.text(max_size=4)
EXTRA = st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
SAID = st.lists(st.builds(TextDelta, text=TEXTS) | st.builds(ReasoningDelta, text=TEXTS), max_size=5)
NAMES = st.sampled_from(["look", "patch", "agents__look", "unheard"])
ARGUMENTS = st.sampled_from(["{}", '{"input":"x"}', '{"a":1}', "", "{a"])
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS, st.integers(0, 4), EXTRA), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> list[ChatEvent]:
    calls: list[ChatEvent] = []
    for index, (name, arguments, cut, extra) in enumerate(draw(CALLS)):
        calls.append(call(index, name, arguments[:cut], extra_content=extra))
        calls.append(ToolCallDelta(index=index, arguments=arguments[cut:]))
    end = ended(draw(st.sampled_from(FinishReason)), usage=draw(st.builds(Usage)), extra_content=draw(EXTRA))
    return [*draw(SAID), *calls, end]


@given(answers(), st.booleans(), st.booleans(), st.integers(1, 9))
def test_every_answer_says_the_same_whole_streamed_and_replayed(
    events: list[ChatEvent], signed: bool, one: bool, batch: int
) -> None:
    body: dict[str, Any] = {"tools": TOOLS, "parallel_tool_calls": not one} | (SIGNED if signed else {})
    reply = reply_of([Started(endpoint=TO), *events])

    stored = whole(*events, **body)
    again = response_of(streamed(*[*replay(reply)][1:], batch=batch, **body))
    live = response_of(streamed(*events, batch=batch, **body))

    assert {**again, "model": ""} == {**stored, "model": ""}
    said = [item for item in live["output"] if item["type"] != "message"]
    kept = [item for item in stored["output"] if item["type"] not in ("message", "reasoning")]
    assert [item["name"] for item in said if "name" in item] == [item["name"] for item in kept]
    texts = [part["text"] for item in live["output"] if item["type"] == "message" for part in item["content"]]
    assert "".join(texts) == reply.content
    assert (live["status"], live["usage"]) == (stored["status"], stored["usage"])
