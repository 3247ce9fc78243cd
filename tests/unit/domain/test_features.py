"""What a request asks of a model, and where it asks."""

from typing import Any

import pytest
from hypothesis import given

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    Image,
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
from llm_gateway.domain.features import features_used
from llm_gateway.domain.routing import Feature

from .generated import values_of

HELLO = UserMessage(content=(Text(text="Hello"),))
PICTURE = UserMessage(content=(Text(text="What is it?"), Image(data=b"x", mime_type="image/png")))
CALLING = AssistantMessage(tool_calls=(ToolCall(id="1", name="look", arguments="{}"),))


def used(*messages: Message, **fields: Any) -> dict[Feature, str]:
    return features_used(ChatRequest(messages=messages or (HELLO,), **fields))


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
    assert used(sampling=sampling) == {feature: feature.value}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tools": (Tool(name="look"),)}, {Feature.TOOLS: "tools"}),
        ({"tool_choice": ToolMode.AUTO}, {}),
        ({"tool_choice": ToolMode.NONE}, {}),
        ({"tool_choice": ToolMode.REQUIRED}, {Feature.TOOL_CHOICE: "tool_choice"}),
        ({"tool_choice": NamedTool(name="look")}, {Feature.TOOL_CHOICE: "tool_choice"}),
        ({"response_format": JsonFormat()}, {Feature.JSON_OBJECT: "response_format"}),
        ({"response_format": JsonSchemaFormat(name="a", schema={})}, {Feature.JSON_SCHEMA: "response_format"}),
        ({"reasoning_effort": ReasoningEffort.NONE}, {Feature.REASONING_EFFORT: "reasoning_effort"}),
    ],
)
def test_a_field_of_the_request_asks_at_its_own_path(fields: dict[str, Any], expected: dict[Feature, str]) -> None:
    assert used(**fields) == expected


def test_messages_ask_for_images_and_tools_at_the_first_place() -> None:
    assert used(HELLO, PICTURE, PICTURE) == {Feature.IMAGES: "messages[1].content[1]"}
    assert used(HELLO, CALLING, CALLING) == {Feature.TOOLS: "messages[1].tool_calls"}
    assert used(HELLO, ToolMessage(content=(), tool_call_id="1")) == {Feature.TOOLS: "messages[1].role"}
    assert used(CALLING, tools=(Tool(name="look"),)) == {Feature.TOOLS: "tools"}


@given(values_of(ChatRequest))
def test_every_feature_that_is_used_has_a_path(request: ChatRequest) -> None:
    assert all(features_used(request).values())


def test_a_penalty_of_zero_asks_for_nothing() -> None:
    request = ChatRequest(messages=(), sampling=Sampling(presence_penalty=0.0, frequency_penalty=0.0))
    assert features_used(request) == {}
