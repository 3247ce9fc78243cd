"""Every fault of a call is found at once, and named by the field's path."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from typing_extensions import override

from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatRequest,
    JsonSchemaFormat,
    NamedTool,
    Sampling,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import Fault, InvalidRequest
from llm_gateway.domain.media import Image
from llm_gateway.domain.parameters import MAX_TOKENS_LIMIT
from llm_gateway.domain.validation import MAX_FAULTS, MAX_STOPS, check

from .generated import values_of

HELLO = UserMessage(content=(Text(text="Hello"),))
LOOK = Tool(name="look")
BEYOND_JSON: dict[str, Any] = {"key": float("nan")}


def found(call: ChatCall) -> tuple[Fault, ...]:
    try:
        check(call)
    except InvalidRequest as error:
        return error.faults
    return ()


def faults(call: ChatCall) -> list[str]:
    return [fault.path for fault in found(call)]


def of_request(**fields: Any) -> list[str]:
    return faults(ChatCall(request=ChatRequest(**{"messages": (HELLO,), **fields})))


def of_sampling(**fields: Any) -> list[str]:
    return of_request(sampling=Sampling(**fields))


def of_message(message: Any) -> list[str]:
    return of_request(messages=(HELLO, message))


def test_a_plain_call_has_no_fault() -> None:
    assert of_request() == []


@given(values_of(ChatCall))
def test_a_call_is_taken_or_refused_with_a_path_and_a_reason_for_each_fault(call: ChatCall) -> None:
    assert all(fault.path and fault.message for fault in found(call))


def test_no_messages_is_a_fault() -> None:
    assert of_request(messages=()) == ["messages"]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (SystemMessage(content=()), "messages[1].content"),
        (UserMessage(content=()), "messages[1].content"),
        (UserMessage(content=(Text(text=""), Image(data=b"", mime_type="image/png"))), "messages[1].content[1].data"),
        (ToolMessage(content=(Text(text="4"),), tool_call_id="nobody's"), "messages[1].tool_call_id"),
        (AssistantMessage(content=(Text(text="a"),), extra_content=BEYOND_JSON), "messages[1].extra_content"),
        (AssistantMessage(tool_calls=(ToolCall(id="", name="a", arguments=""),)), "messages[1].tool_calls[0].id"),
        (
            AssistantMessage(tool_calls=(ToolCall(id="1", name="", arguments=""),)),
            "messages[1].tool_calls[0].function.name",
        ),
        (
            AssistantMessage(tool_calls=(ToolCall(id="1", name="a", arguments="", extra_content=BEYOND_JSON),)),
            "messages[1].tool_calls[0].extra_content",
        ),
    ],
)
def test_a_fault_of_a_message_is_named_by_its_path(message: Any, path: str) -> None:
    assert of_message(message) == [path]


@pytest.mark.parametrize("content", [(), (Text(text=""),), (Text(text=""), Text(text=""))])
def test_an_answer_may_be_empty(content: tuple[Text, ...]) -> None:
    assert of_message(AssistantMessage(content=content)) == []


def test_a_tool_message_answers_a_call_of_an_earlier_message_only() -> None:
    asked = AssistantMessage(tool_calls=(ToolCall(id="1", name="look", arguments="{}"),))
    answered = ToolMessage(content=(), tool_call_id="1")

    assert of_request(messages=(HELLO, asked, answered)) == []
    assert of_request(messages=(HELLO, answered, asked)) == ["messages[1].tool_call_id"]


@pytest.mark.parametrize("tokens", [0, -1, MAX_TOKENS_LIMIT + 1])
def test_max_tokens_out_of_range_is_a_fault(tokens: int) -> None:
    assert of_request(max_tokens=tokens) == ["max_tokens"]


@pytest.mark.parametrize("tokens", [None, 1, MAX_TOKENS_LIMIT])
def test_max_tokens_may_be_absent_or_in_range(tokens: int | None) -> None:
    assert of_request(max_tokens=tokens) == []


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("temperature", 0.0, 2.0),
        ("top_p", 0.0, 1.0),
        ("top_k", 1, 2**31 - 1),
        ("presence_penalty", -2.0, 2.0),
        ("frequency_penalty", -2.0, 2.0),
        ("seed", -(2**63), 2**63 - 1),
    ],
)
def test_sampling_is_bounded_and_its_bounds_are_allowed(field: str, low: float, high: float) -> None:
    assert of_sampling(**{field: low}) == of_sampling(**{field: high}) == of_sampling(**{field: None}) == []
    step = 1 if isinstance(low, int) else 0.001
    for value in (low - step, high + step, float("nan"), float("inf"), float("-inf")):
        assert of_sampling(**{field: value}) == [field], value


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"logprobs": True, "top_logprobs": 20}, []),
        ({"logprobs": True, "top_logprobs": 21}, ["top_logprobs"]),
        ({"logprobs": True, "top_logprobs": -1}, ["top_logprobs"]),
        ({"top_logprobs": 1}, ["top_logprobs"]),
        ({"top_logprobs": 0}, []),
    ],
)
def test_the_likeliest_tokens_are_told_beside_log_probabilities_only(fields: dict[str, Any], told: list[str]) -> None:
    assert of_request(**fields) == told


def test_stop_sequences_are_bounded_and_not_empty() -> None:
    assert of_sampling(stop=("end",) * MAX_STOPS) == []
    assert of_sampling(stop=("end",) * (MAX_STOPS + 1)) == ["stop"]
    assert of_sampling(stop=("end", "")) == ["stop"]


def test_tools_have_distinct_names_and_json_schemas() -> None:
    assert of_request(tools=(LOOK, Tool(name=""))) == ["tools[1].function.name"]
    assert of_request(tools=(LOOK, LOOK)) == ["tools[1].function.name"]
    assert of_request(tools=(Tool(name="a", parameters=BEYOND_JSON),)) == ["tools[0].function.parameters"]


def test_a_tool_choice_chooses_among_the_tools() -> None:
    assert of_request(tools=(LOOK,), tool_choice=NamedTool(name="look")) == []
    assert of_request(tools=(LOOK,), tool_choice=ToolMode.REQUIRED) == []
    assert of_request(tools=(LOOK,), tool_choice=NamedTool(name="find")) == ["tool_choice.function.name"]
    assert of_request(tool_choice=ToolMode.REQUIRED) == ["tool_choice"]
    assert of_request(tool_choice=ToolMode.NONE) == []


def test_a_response_schema_has_a_name_and_is_json() -> None:
    wrong = JsonSchemaFormat(name="", schema=BEYOND_JSON)

    assert of_request(response_format=wrong) == [
        "response_format.json_schema.name",
        "response_format.json_schema.schema",
    ]


@pytest.mark.parametrize(("seconds", "paths"), [(0.001, []), (0, ["timeout"]), (-1, ["timeout"])])
def test_a_timeout_is_above_zero(seconds: float, paths: list[str]) -> None:
    call = ChatCall(request=ChatRequest(messages=(HELLO,)), timeout=timedelta(seconds=seconds))

    assert faults(call) == paths


@pytest.mark.parametrize(("seconds", "right"), [(0, True), (2_592_000, True), (2_592_001, False), (-1, False)])
def test_a_ttl_is_bounded_as_in_the_settings(seconds: int, right: bool) -> None:
    directive = CacheDirective(ttl=timedelta(seconds=seconds))

    call = ChatCall(request=ChatRequest(messages=(HELLO,)), cache=directive)

    assert faults(call) == ([] if right else ["cache.ttl_seconds"])


def test_all_faults_are_reported_at_once() -> None:
    assert of_request(messages=(), max_tokens=0, sampling=Sampling(top_p=2.0)) == ["messages", "max_tokens", "top_p"]


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert of_message(UserMessage(content=(Text(text="\ud83d"),))) == ["messages[1].content"]
    assert of_message(UserMessage(content=(Text(text="\U0001f600 ü"),))) == []


def called(*ids: str) -> AssistantMessage:
    return AssistantMessage(tool_calls=tuple(ToolCall(id=id, name="look", arguments="{}") for id in ids))


def test_no_two_calls_of_a_message_have_one_id_as_a_result_would_answer_either() -> None:
    assert of_message(called("a", "b", "a")) == ["messages[1].tool_calls[2].id"]


def test_an_id_may_come_again_in_a_later_message() -> None:
    assert of_request(messages=(HELLO, called("a"), HELLO, called("a"))) == []


def test_of_a_great_many_faults_some_are_told() -> None:
    assert len(of_request(messages=(SystemMessage(content=()),) * 10_000)) == MAX_FAULTS


class CountedName(str):
    """A name that counts how often it is compared."""

    compared = 0

    @override
    def __eq__(self, other: object) -> bool:
        CountedName.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_as_many_tools_as_fit_into_a_body_are_not_compared_each_with_each() -> None:
    tools = tuple(Tool(name=CountedName(f"tool-{number}")) for number in range(500))
    assert of_request(tools=tools) == []
    assert CountedName.compared < 2 * len(tools)
