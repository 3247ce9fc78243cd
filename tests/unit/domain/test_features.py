"""What a request asks of a model, and where it asks."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    ReasoningEffort,
    Sampling,
    Text,
    TextFormat,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.features import fields_used, unable
from llm_gateway.domain.media import Detail, Image
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Locality

from .generated import changes, values_of

HELLO = UserMessage(content=(Text(text="Hello"),))
PICTURE = UserMessage(content=(Text(text="What is it?"), Image(data=b"x", mime_type="image/png")))
CALLING = AssistantMessage(tool_calls=(ToolCall(id="1", name="look", arguments="{}"),))


TOOLS = (Tool(name="look"),)
ANSWERED = AssistantMessage(content="So")
NAMED = "messages[].name"


def used(*messages: Message, **fields: Any) -> Mapping[str, str]:
    return fields_used(ChatRequest(messages=messages or (HELLO,), **fields))


def test_text_in_and_text_out_asks_for_nothing() -> None:
    assert used(max_tokens=5, response_format=TextFormat()) == {}


@pytest.mark.parametrize(
    ("sampling", "feature"),
    [
        (Sampling(temperature=0.0), Feature.TEMPERATURE),
        (Sampling(top_p=0.0), Feature.TOP_P),
        (Sampling(top_k=1), Feature.TOP_K),
        (Sampling(stop=("end",)), Feature.STOP),
        (Sampling(seed=0), Feature.SEED),
        (Sampling(presence_penalty=0.1), Feature.PRESENCE_PENALTY),
        (Sampling(frequency_penalty=-0.1), Feature.FREQUENCY_PENALTY),
    ],
)
def test_a_sampling_parameter_counts_even_where_it_is_zero(sampling: Sampling, feature: Feature) -> None:
    assert used(sampling=sampling) == {feature.value: feature.value}


def test_a_temperature_that_no_client_stated_asks_for_nothing() -> None:
    assert used(sampling=Sampling(temperature=0.7, temperature_by_default=True)) == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tools": TOOLS}, {"tools": "tools"}),
        ({"tool_choice": ToolMode.AUTO}, {}),
        ({"tool_choice": ToolMode.NONE}, {}),
        ({"tool_choice": ToolMode.REQUIRED}, {"tool_choice: required": "tool_choice"}),
        ({"tool_choice": NamedTool(name="look")}, {"tool_choice: a function": "tool_choice"}),
        ({"response_format": JsonFormat()}, {"response_format: json_object": "response_format"}),
        (
            {"response_format": JsonSchemaFormat(name="a", schema={}, strict=True)},
            {
                "response_format: json_schema": "response_format",
                "response_format.json_schema.name": "response_format.json_schema.name",
                "response_format.json_schema.strict": "response_format.json_schema.strict",
            },
        ),
        ({"reasoning_effort": ReasoningEffort.NONE}, {"reasoning_effort: none": "reasoning_effort"}),
        ({"reasoning_effort": ReasoningEffort.LOW}, {"reasoning_effort": "reasoning_effort"}),
        (
            {"reasoning_effort": ReasoningEffort.XHIGH},
            {"reasoning_effort": "reasoning_effort", "reasoning_effort: xhigh": "reasoning_effort"},
        ),
        (
            {"tools": TOOLS, "response_format": JsonFormat(), "tool_choice": ToolMode.REQUIRED},
            {
                "tools": "tools",
                "tool_choice: required": "tool_choice",
                "response_format: json_object": "response_format",
                "response_format: beside tools": "response_format",
                "response_format: beside a tool_choice": "response_format",
            },
        ),
        (
            {"tools": TOOLS, "response_format": JsonFormat(), "tool_choice": ToolMode.NONE},
            {"tools": "tools", "response_format: json_object": "response_format"},
        ),
        (
            {"tools": (Tool(name="look"), Tool(name="see", strict=True))},
            {"tools": "tools", "tools[].function.strict": "tools[1].function.strict"},
        ),
    ],
)
def test_a_field_of_the_request_asks_at_its_own_path(fields: dict[str, Any], expected: dict[str, str]) -> None:
    assert used(**fields) == expected


def test_messages_ask_for_images_and_tools_at_the_first_place() -> None:
    assert used(HELLO, PICTURE, PICTURE) == {"messages[].content, an image": "messages[1].content[1]"}
    assert used(HELLO, CALLING, CALLING) == {"messages[].tool_calls": "messages[1].tool_calls"}
    assert used(HELLO, ToolMessage(content=(), tool_call_id="1")) == {"messages[].tool_call_id": "messages[1].role"}
    assert used(UserMessage(content="Hi"), UserMessage(content="Hi", name="Ann")) == {NAMED: "messages[1].name"}


def test_media_of_a_tool_result_ask_for_a_place_there_and_for_their_kind() -> None:
    parts = (Text(text="Seen."), Image(data=b"x", mime_type="image/png", detail=Detail.LOW))
    result = ToolMessage(content=parts, tool_call_id="1", error=True)
    assert used(HELLO, CALLING, result) == {
        "messages[].tool_calls": "messages[1].tool_calls",
        "messages[].tool_call_id": "messages[2].role",
        "messages[].error": "messages[2].error",
        "messages[].content, media of a tool result": "messages[2].content[1]",
        "messages[].content, an image": "messages[2].content[1]",
        "messages[].content, an image's detail": "messages[2].content[1].detail",
    }


def test_only_a_last_answer_with_text_is_to_be_gone_on_with() -> None:
    assert used(HELLO, ANSWERED) == {"messages[].content, of a last answer": "messages[1].content"}
    assert used(ANSWERED, HELLO) == used(HELLO, AssistantMessage(content="")) == {}


def test_what_an_endpoint_leaves_out_is_refused_to_a_strict_client_only_labels_too() -> None:
    request = ChatRequest(messages=(UserMessage(content="Hi", name="Ann"),), sampling=Sampling(top_p=0.5))
    endpoint = Endpoint(id=EndpointId(provider="p", model="m"), locality=Locality.CLOUD)
    state = EndpointState(endpoint=endpoint, features=frozenset(), left_out=frozenset({"top_p", NAMED}))
    asked = fields_used(request)
    assert unable(request, asked, state) is None
    skip = unable(request, asked, state, strict=True)
    assert skip is not None
    assert skip.path == "top_p"
    label = fields_used(ChatRequest(messages=(UserMessage(content="Hi", name="Ann"),)))
    assert unable(request, label, state) is None
    skip = unable(request, label, state, strict=True)
    assert skip is not None
    assert (skip.path, skip.reason) == ("messages[0].name", "has no place for it")


@given(values_of(ChatRequest))
def test_every_feature_that_is_used_has_a_path(request: ChatRequest) -> None:
    assert all(fields_used(request).values())


def test_a_penalty_of_zero_asks_for_nothing() -> None:
    request = ChatRequest(messages=(), sampling=Sampling(presence_penalty=0.0, frequency_penalty=0.0))
    assert fields_used(request) == {}


def test_of_a_plain_request_with_one_thing_stated_the_same_is_used_as_by_a_walk_through_the_whole_table() -> None:
    plain = ChatRequest(messages=(HELLO,), sampling=Sampling(temperature=0.5), max_tokens=9)
    stated = [plain, *changes(plain, ChatRequest)]
    quickly = [fields_used(replace(request)) for request in stated]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llm_gateway.domain.features._NOTHING", None)
        assert [fields_used(replace(request)) for request in stated] == quickly
    assert len({tuple(used) for used in quickly}) > 20
