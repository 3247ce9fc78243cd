"""What a client stated, field by field; everything else a vendor gets is the gateway's own."""

import pytest

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    ReasoningEffort,
    Sampling,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.stated import is_stated, stated_fields

ASKED = UserMessage(content="Hello")
CALL = ToolCall(id="1", name="f", arguments="{}")


@pytest.mark.parametrize(
    ("request_", "stated"),
    [
        (ChatRequest(messages=(ASKED,)), set()),
        (ChatRequest(messages=(ASKED,), max_tokens=5), {"max_tokens"}),
        (ChatRequest(messages=(ASKED,), sampling=Sampling(temperature=0.0)), {"temperature"}),
        (ChatRequest(messages=(ASKED,), sampling=Sampling(temperature=0.7, temperature_by_default=True)), set()),
        (ChatRequest(messages=(ASKED,), sampling=Sampling(stop=("a",), seed=0)), {"stop", "seed"}),
        (ChatRequest(messages=(ASKED,), reasoning_effort=ReasoningEffort.NONE), {"reasoning_effort"}),
        (ChatRequest(messages=(ASKED,), tools=(Tool(name="f"),), tool_choice=ToolMode.AUTO), {"tools", "tool_choice"}),
        (ChatRequest(messages=(AssistantMessage(tool_calls=(CALL,)),)), {"messages[].tool_calls"}),
        (ChatRequest(messages=(AssistantMessage(extra_content={"a": 1}),)), {"messages[].extra_content"}),
        (ChatRequest(messages=(ToolMessage(content="1", tool_call_id="1"),)), {"messages[].tool_call_id"}),
    ],
)
def test_the_stated_fields_are_those_of_the_request(request_: ChatRequest, stated: set[str]) -> None:
    assert stated_fields(request_) == stated | {"messages[].content"}


@pytest.mark.parametrize(
    ("path", "stated"),
    [
        ("messages", True),
        ("tools", True),
        ("tools[].function.name", True),
        ("tool_choice", False),
        ("messages[].extra_content", False),
        ("top_p", False),
        ("top_k", True),
    ],
)
def test_a_field_is_stated_with_those_above_and_below_it(path: str, stated: bool) -> None:
    assert is_stated(path, frozenset({"messages[].content", "tools", "top_k"})) is stated
