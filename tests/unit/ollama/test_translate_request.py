"""Requests on their way to Ollama: the bodies that the vendor documents, and what is refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.adapters.outbound.ollama.options import Options
from llm_gateway.adapters.outbound.ollama.translate_request import chat_request, encoded, load_body
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonSchemaFormat,
    Message,
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
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import EndpointId

GOLDEN = sorted(Path(__file__).parent.glob("golden/request_*.json"))
TO = EndpointId(provider="ollama", model="llama3.2")
HI = UserMessage(content=(Text(text="hi"),))


def sent(
    request: ChatRequest, *, harmony: bool = False, stream: bool = False, options: Options | None = None
) -> object:
    made = chat_request(TO, request, options or Options(), stream=stream, harmony=harmony)
    return json.loads(encoded(TO, made.body))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_request_becomes_the_vendors_body(path: Path) -> None:
    golden = json.loads(path.read_text())
    request = msgspec.convert(golden["ours"], ChatRequest)
    options = Options(num_ctx=golden.get("num_ctx"), keep_alive=golden.get("keep_alive"))
    assert sent(request, stream=golden.get("stream", False), options=options) == golden["body"]


@pytest.mark.parametrize(
    "arguments", ["[1]", "{", '"text"', "NaN", "{} {}", "null", '{"a":' * 100_000, "I would call it."]
)
def test_arguments_that_are_no_object_go_as_text_in_one(arguments: str) -> None:
    call = ToolCall(id="1", name="t", arguments=arguments)
    body: Any = sent(ChatRequest(messages=(HI, AssistantMessage(tool_calls=(call,)))))
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"raw_arguments": arguments}


def test_arguments_with_half_a_character_are_refused_with_their_place() -> None:
    call = ToolCall(id="1", name="t", arguments="\ud800")
    with pytest.raises(ProviderRejected, match=r"messages\[1\]\.tool_calls\[0\]\.function\.arguments"):
        sent(ChatRequest(messages=(HI, AssistantMessage(tool_calls=(call,)))))


def test_arguments_keep_their_order_and_their_digits() -> None:
    written = '{"b": 12345678901234567890123, "a": 1.10}'
    request = ChatRequest(messages=(AssistantMessage(tool_calls=(ToolCall(id="1", name="t", arguments=written),)),))
    assert written.encode() in encoded(TO, chat_request(TO, request, Options(), stream=False, harmony=False).body)


@pytest.mark.parametrize("arguments", ["", " \n"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    request = ChatRequest(messages=(AssistantMessage(tool_calls=(ToolCall(id="1", name="t", arguments=arguments),)),))
    body = sent(request)
    assert isinstance(body, dict)
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == {}


def test_the_results_of_a_turn_come_in_the_order_of_its_calls() -> None:
    turns: list[Message] = []
    for ids in ("ab", "cd"):
        turns.append(AssistantMessage(tool_calls=tuple(ToolCall(id=id, name="t", arguments="{}") for id in ids)))
        turns += [ToolMessage(content=(Text(text=id),), tool_call_id=id) for id in ("other", *reversed(ids))]
        turns.append(HI)
    body: Any = sent(ChatRequest(messages=tuple(turns)))
    told = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    assert told == ["a", "b", "other", "c", "d", "other"]
    assert [message["role"] for message in body["messages"]] == ["assistant", *["tool"] * 3, "user"] * 2


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


@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize(
    ("effort", "plain", "harmony"),
    [
        (None, 0, 4_096),
        (ReasoningEffort.NONE, 0, 4_096),
        (ReasoningEffort.MINIMAL, 0, 4_096),
        (ReasoningEffort.MEDIUM, 16_384, 16_384),
        (ReasoningEffort.HIGH, 32_768, 32_768),
    ],
)
def test_the_default_limit_leaves_thoughts_their_room_and_a_stated_one_is_exact(
    effort: ReasoningEffort | None, plain: int, harmony: int, by_default: bool
) -> None:
    request = ChatRequest(messages=(HI,), reasoning_effort=effort, max_tokens=512, max_tokens_by_default=by_default)
    for level, allowed in ((False, plain), (True, harmony)):
        body = sent(request, harmony=level)
        assert isinstance(body, dict)
        assert body["options"]["num_predict"] == 512 + (allowed if by_default else 0)


def test_gpt_oss_that_is_not_to_think_does_so_at_its_lowest_level_and_says_so() -> None:
    request = ChatRequest(messages=(HI,), reasoning_effort=ReasoningEffort.NONE)
    plain, harmony = [chat_request(TO, request, Options(), stream=False, harmony=harmony) for harmony in (False, True)]
    assert (plain.body["think"], plain.ignored) == (False, ())
    assert (harmony.body["think"], harmony.ignored) == ("low", ("reasoning_effort",))


@pytest.mark.parametrize(
    ("choice", "ignored"),
    [
        (None, ("tools[0].function.strict", "tools[1].function.parameters.minimum")),
        (ToolMode.AUTO, ("tools[0].function.strict", "tools[1].function.parameters.minimum")),
        (ToolMode.NONE, ()),
        (ToolMode.REQUIRED, ()),
        (NamedTool(name="a"), ()),
    ],
)
def test_strictness_and_limits_are_named_where_nothing_holds_the_model_to_them(
    choice: ToolChoice | None, ignored: tuple[str, ...]
) -> None:
    strict = Tool(name="a", strict=True)
    limited = Tool(name="b", strict=False, parameters={"properties": {"n": {"type": "integer", "minimum": 1}}})
    request = ChatRequest(messages=(HI,), tools=(strict, limited), tool_choice=choice)
    assert chat_request(TO, request, Options(), stream=False, harmony=False).ignored == ignored


def test_a_strict_schema_of_the_answer_is_honoured() -> None:
    wanted = JsonSchemaFormat(name="n", schema={"type": "object"}, strict=True)
    made = chat_request(TO, ChatRequest(messages=(HI,), response_format=wanted), Options(), stream=False, harmony=False)
    assert (made.body["format"], made.ignored) == ({"type": "object"}, ())


def test_a_tool_that_must_be_called_is_the_only_one_offered_and_its_schema_is_the_answers() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "minLength": 2}}, "required": ["city"]}
    tools = (Tool(name="other"), Tool(name="weather", parameters=schema))
    request = ChatRequest(messages=(HI,), tools=tools, tool_choice=NamedTool(name="weather"))
    body = sent(request)
    assert isinstance(body, dict)
    assert body["format"] == schema
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather"]


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


@pytest.mark.parametrize(("failed", "content"), [(False, "Seen."), (True, "Error: Seen.")])
def test_a_tools_result_holds_its_images_and_says_that_it_failed(failed: bool, content: str) -> None:
    call = ToolCall(id="1", name="look", arguments="{}")
    result = ToolMessage(
        content=(Text(text="Seen."), Image(data=b"png", mime_type="image/png")), tool_call_id="1", error=failed
    )
    body: Any = sent(ChatRequest(messages=(HI, AssistantMessage(tool_calls=(call,)), result)))
    assert body["messages"][2] == {
        "role": "tool",
        "content": content,
        "tool_call_id": "1",
        "tool_name": "look",
        "images": ["cG5n"],
    }
