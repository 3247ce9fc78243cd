"""The embedded model's two translations, against what the engine really sends."""

from typing import Any

import pytest
from msgspec import structs

from llm_gateway.adapters.outbound.embedded.limits import LONGEST_PROMPT_BYTES, OUTPUT_LIMIT
from llm_gateway.adapters.outbound.embedded.transcript import Transcript
from llm_gateway.adapters.outbound.embedded.translate import request_body
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    FinishReason,
    Grain,
    JsonFormat,
    JsonObject,
    JsonSchemaFormat,
    Message,
    ReasoningEffort,
    Sampling,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    Usage,
    UserMessage,
)
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import EndpointId

ID = EndpointId(provider="embedded", model="smollm2-135m-instruct")
CALL = ToolCall(id="1", name="f", arguments="{}")


def said(text: str) -> UserMessage:
    return UserMessage(content=(Text(text=text),))


def asked(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=messages or (said("Say hello."),), **fields)


def test_an_empty_answer_of_an_earlier_turn_is_told_as_such() -> None:
    assert request_body(asked(said("Hi"), AssistantMessage(), said("And?")))["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "And?"},
    ]


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk as xllamacpp 2026.10 sent it, less what is the same in each."""
    choices = [] if delta is None else [{"finish_reason": finish, "index": 0, "delta": delta}]
    return {
        "choices": choices,
        "created": 1795479142,
        "id": "chatcmpl-43JN2NS3674aR7xinDKpQfHvfaMZg7P0",
        "model": "smollm2-135m-instruct",
        "system_fingerprint": "b0-unknown",
        "object": "chat.completion.chunk",
        **more,
    }


OPENING = {"role": "assistant", "content": None}
COUNTS: dict[str, Any] = {
    "usage": {
        "completion_tokens": 3,
        "prompt_tokens": 33,
        "total_tokens": 36,
        "prompt_tokens_details": {"cached_tokens": 0},
    },
    "timings": {"cache_n": 0, "prompt_n": 33, "prompt_ms": 245.697, "predicted_n": 3, "predicted_ms": 36.443},
}
HELLO = [
    chunk(OPENING, prompt_progress={"total": 33, "cache": 0, "processed": 0, "time_ms": 0}),
    chunk(OPENING, prompt_progress={"total": 33, "cache": 0, "processed": 33, "time_ms": 245}),
    chunk(OPENING),
    chunk({"content": "Hello"}),
    chunk({"content": " there"}),
    chunk({"content": "!"}),
    chunk({}, "length"),
    chunk(**COUNTS),
]
TOO_LONG = {
    "error": {
        "code": 400,
        "message": "request (5031 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 5031,
        "n_ctx": 4096,
    }
}
BAD_GRAMMAR = {
    "error": {
        "code": 400,
        "message": "Failed to initialize samplers: failed to parse grammar",
        "type": "invalid_request_error",
    }
}


def read(chunks: list[dict[str, Any]], grain: Grain = Grain.STREAM) -> list[ChatEvent]:
    transcript = Transcript(ID, grain)
    events = [event for each in chunks for event in transcript.read(each)]
    transcript.end()
    return events


FINISHED = Finished(
    reason=FinishReason.LENGTH,
    usage=Usage(prompt_tokens=33, completion_tokens=3, cached_tokens=0),
    model="smollm2-135m-instruct",
)


def test_a_stream_is_told_as_it_comes() -> None:
    parts = [TextDelta(text=text) for text in ("Hello", " there", "!")]
    assert read(HELLO) == [Started(endpoint=ID), *parts, FINISHED]


def test_a_whole_answer_is_one_delta() -> None:
    assert read(HELLO, Grain.WHOLE) == [Started(endpoint=ID), TextDelta(text="Hello there!"), FINISHED]


def test_nothing_has_started_while_the_prompt_is_read() -> None:
    transcript = Transcript(ID, Grain.STREAM)
    assert [transcript.read(each) for each in HELLO[:3]] == [(), (), ()]


@pytest.mark.parametrize("grain", Grain)
def test_an_answer_without_a_word_still_starts_and_ends(grain: Grain) -> None:
    events = read([HELLO[0], chunk({}, "stop"), HELLO[-1]], grain)
    assert [type(event) for event in events] == [Started, Finished]


@pytest.mark.parametrize("grain", Grain)
def test_a_thinking_model_s_thoughts_are_reasoning(grain: Grain) -> None:
    events = read([chunk({"reasoning_content": "Hm."}), chunk({"content": "A"}), chunk({}, "stop"), HELLO[-1]], grain)
    assert events[1:3] == [ReasoningDelta(text="Hm."), TextDelta(text="A")]


@pytest.mark.parametrize("length", range(len(HELLO)))
def test_an_answer_that_breaks_off_is_broken(length: int) -> None:
    with pytest.raises(ProviderBroken):
        read(HELLO[:length])


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (TOO_LONG, ContextLengthExceeded),
        (BAD_GRAMMAR, ProviderRejected),
        ({"error": {"code": 503, "message": "Loading model"}}, ProviderUnavailable),
        ({"error": {"code": 500}}, ProviderUnavailable),
        ({"error": "no object"}, ProviderBroken),
        (chunk({"content": 5}), ProviderBroken),
        (chunk({}, "tool_calls"), ProviderBroken),
    ],
)
def test_errors_are_told_by_their_number(raw: dict[str, Any], kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        read([raw])
    assert type(caught.value) is kind


def test_a_plain_request() -> None:
    assert request_body(asked()) == {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": OUTPUT_LIMIT,
        "temperature": 0.0,
        "repeat_penalty": 1.05,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": False,
    }


def test_every_role_is_told_in_order() -> None:
    parts = (Text(text="one"), Text(text="two"))
    messages = (SystemMessage(content=parts), said("a"), AssistantMessage(content=(Text(text="b"),)), said("c"))
    assert request_body(asked(*messages))["messages"] == [
        {"role": "system", "content": "one\ntwo"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]


def test_a_system_message_is_put_before_a_request_that_has_none() -> None:
    assert request_body(asked(said("a")), system="Be brief.")["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
    ]
    own = (said("a"), SystemMessage(content=(Text(text="mine"),)), said("b"))
    assert request_body(asked(*own), system="Be brief.") == request_body(asked(*own))


def test_a_surface_s_default_temperature_is_not_the_client_s() -> None:
    default = asked(sampling=Sampling(temperature=0.7, temperature_by_default=True))
    assert request_body(default) == request_body(asked())


def test_what_is_said_of_sampling_is_passed_on() -> None:
    wanted = Sampling(temperature=0.5, top_p=0.5, stop=("a", "b"), seed=7, presence_penalty=-1.0, frequency_penalty=2.0)
    body = request_body(asked(sampling=structs.replace(wanted, top_k=3)))
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0.5, 0.5, 3)
    assert (body["stop"], body["seed"]) == (["a", "b"], 7)
    assert (body["presence_penalty"], body["frequency_penalty"]) == (-1.0, 2.0)


@pytest.mark.parametrize("seed", [0, -1, 2**32 - 1, 2**63 - 1, -(2**63)])
def test_no_seed_means_chance(seed: int) -> None:
    assert 0 <= request_body(asked(sampling=Sampling(seed=seed)))["seed"] < 2**32 - 1


@pytest.mark.parametrize(("wanted", "told"), [(5, 5), (OUTPUT_LIMIT + 1, OUTPUT_LIMIT), (None, OUTPUT_LIMIT)])
def test_the_answer_is_always_bounded(wanted: int | None, told: int) -> None:
    assert request_body(asked(max_tokens=wanted))["max_tokens"] == told


@pytest.mark.parametrize(
    "request_",
    [
        asked(tools=(Tool(name="f"),)),
        asked(reasoning_effort=ReasoningEffort.LOW),
        asked(UserMessage(content=(Image(data=b"x", mime_type="image/png"),))),
        asked(AssistantMessage(tool_calls=(CALL,))),
        asked(ToolMessage(content=(Text(text="x"),), tool_call_id="1")),
        asked(said("\ud800")),
        asked(sampling=Sampling(stop=("\udc00",))),
        asked(response_format=JsonSchemaFormat(name="x", schema={"type": "string", "pattern": "^a$"})),
    ],
)
def test_what_it_can_not_do_is_refused(request_: ChatRequest) -> None:
    with pytest.raises(ProviderRejected):
        request_body(request_)


def test_a_huge_prompt_never_reaches_the_engine() -> None:
    with pytest.raises(ContextLengthExceeded):
        request_body(asked(said("é" * (LONGEST_PROMPT_BYTES // 2)), said("x")))


def test_any_json_is_an_object() -> None:
    assert request_body(asked(response_format=JsonFormat()))["response_format"] == {
        "type": "json_object",
        "schema": {"type": "object"},
    }


def test_a_schema_is_reduced_to_what_is_enforced() -> None:
    schema: JsonObject = {"type": "object", "title": "T", "properties": {"a": {"type": "integer", "default": 1}}}
    assert request_body(asked(response_format=JsonSchemaFormat(name="mine", schema=schema)))["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": []},
        },
    }


@pytest.mark.parametrize("choice", [ToolMode.AUTO, ToolMode.NONE])
def test_a_choice_that_demands_no_tool_asks_for_nothing(choice: ToolMode) -> None:
    assert request_body(asked(tool_choice=choice)) == request_body(asked())
