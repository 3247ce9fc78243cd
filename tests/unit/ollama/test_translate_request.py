"""Requests on their way to Ollama: the bodies that the vendor documents, and what is refused."""

import json
from pathlib import Path

import msgspec
import pytest

from llm_gateway.adapters.outbound.ollama.options import Options
from llm_gateway.adapters.outbound.ollama.translate_request import chat_body, encoded, load_body
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    NamedTool,
    ReasoningEffort,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.routing import EndpointId

GOLDEN = sorted(Path(__file__).parent.glob("golden/request_*.json"))
TO = EndpointId(provider="ollama", model="llama3.2")
HI = UserMessage(content=(Text(text="hi"),))


def sent(
    request: ChatRequest, *, harmony: bool = False, stream: bool = False, options: Options | None = None
) -> object:
    return json.loads(encoded(TO, chat_body(TO, request, options or Options(), stream=stream, harmony=harmony)))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_request_becomes_the_vendors_body(path: Path) -> None:
    golden = json.loads(path.read_text())
    request = msgspec.convert(golden["ours"], ChatRequest)
    options = Options(num_ctx=golden.get("num_ctx"), keep_alive=golden.get("keep_alive"))
    assert sent(request, stream=golden.get("stream", False), options=options) == golden["body"]


def test_a_tools_schema_goes_out_as_it_came() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}], "minimum": 1}}, "x-own": [1]}
    body = sent(ChatRequest(messages=(HI,), tools=(Tool(name="t", parameters=schema),)))
    assert isinstance(body, dict)
    assert body["tools"][0]["function"]["parameters"] == schema


@pytest.mark.parametrize("choice", [ToolMode.REQUIRED, NamedTool(name="t")])
def test_a_tool_that_must_be_called_is_refused_and_never_dropped(choice: ToolChoice) -> None:
    with pytest.raises(ProviderRejected, match="tool_choice"):
        sent(ChatRequest(messages=(HI,), tools=(Tool(name="t"),), tool_choice=choice))


@pytest.mark.parametrize("arguments", ["[1]", "{", '"text"', "NaN", "{} {}", "\ud800"])
def test_arguments_that_are_no_object_are_refused_with_their_place(arguments: str) -> None:
    call = ToolCall(id="1", name="t", arguments=arguments)
    with pytest.raises(ProviderRejected, match=r"messages\[1\]\.tool_calls\[0\]\.function\.arguments"):
        sent(ChatRequest(messages=(HI, AssistantMessage(tool_calls=(call,)))))


def test_arguments_keep_their_order_and_their_digits() -> None:
    written = '{"b": 12345678901234567890123, "a": 1.10}'
    request = ChatRequest(messages=(AssistantMessage(tool_calls=(ToolCall(id="1", name="t", arguments=written),)),))
    assert written.encode() in encoded(TO, chat_body(TO, request, Options(), stream=False, harmony=False))


def test_no_arguments_are_an_empty_object() -> None:
    request = ChatRequest(messages=(AssistantMessage(tool_calls=(ToolCall(id="1", name="t", arguments=""),)),))
    body = sent(request)
    assert isinstance(body, dict)
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == {}


def test_a_result_is_named_by_the_latest_call_of_its_id() -> None:
    calls = [AssistantMessage(tool_calls=(ToolCall(id="1", name=name, arguments="{}"),)) for name in ("old", "new")]
    result = ToolMessage(content=(Text(text="r"),), tool_call_id="1")
    body = sent(ChatRequest(messages=(*calls, result)))
    assert isinstance(body, dict)
    assert body["messages"][2]["tool_name"] == "new"


@pytest.mark.parametrize(
    ("effort", "plain", "harmony"),
    [
        (None, False, "low"),
        (ReasoningEffort.MINIMAL, False, "low"),
        (ReasoningEffort.LOW, True, "low"),
        (ReasoningEffort.MEDIUM, True, "medium"),
        (ReasoningEffort.HIGH, True, "high"),
    ],
)
def test_effort_is_a_yes_or_no_but_for_gpt_oss(effort: ReasoningEffort | None, plain: bool, harmony: str) -> None:
    request = ChatRequest(messages=(HI,), reasoning_effort=effort)
    for level, expected in ((False, plain), (True, harmony)):
        body = sent(request, harmony=level)
        assert isinstance(body, dict)
        assert body["think"] == expected


def test_gpt_oss_can_not_be_kept_from_thinking() -> None:
    request = ChatRequest(messages=(HI,), reasoning_effort=ReasoningEffort.NONE)
    body = sent(request)
    assert isinstance(body, dict)
    assert body["think"] is False
    with pytest.raises(ProviderRejected, match="reasoning_effort"):
        sent(request, harmony=True)


@pytest.mark.parametrize(
    ("keep_alive", "said", "seconds"),
    [
        (None, None, float("inf")),
        ("10m", "10m", 600.0),
        ("1h30m", "1h30m", 5400.0),
        ("300", 300.0, 300.0),
        ("-1", -1.0, float("inf")),
        ("-1m", "-1m", float("inf")),
        ("0", 0.0, 0.0),
        ("0s", "0s", 0.0),
    ],
)
def test_keep_alive_is_said_as_the_api_takes_it(keep_alive: str | None, said: object, seconds: float) -> None:
    options = Options(keep_alive=keep_alive)
    assert (options.sent_keep_alive, options.loaded_seconds) == (said, seconds)


@pytest.mark.parametrize(("keep_alive", "kept"), [(None, False), ("10m", True), ("0", False), ("0m", False)])
def test_a_load_never_says_to_unload(keep_alive: str | None, kept: bool) -> None:
    body = load_body("llama3.2", Options(num_ctx=8192, keep_alive=keep_alive))
    assert (body["messages"], body["options"], body["shift"]) == ([], {"num_ctx": 8192}, False)
    assert ("keep_alive" in body) is kept
