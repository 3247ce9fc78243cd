"""Conversations on their way to Gemini: turns in their order, calls with their results, system messages in place."""

from typing import Any, cast

import pytest

from llm_gateway.adapters.outbound.gemini.contents import Contents
from llm_gateway.adapters.outbound.gemini.function_names import FunctionNames
from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import (
    AssistantMessage,
    Message,
    SystemMessage,
    Text,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.media import Document, Image

GO = UserMessage(content="Go.")
SIGNED = {"google": {"thought_signature": "c2ln"}}
STAND_IN = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="


def contents(*messages: Message, signatures: bool = True, call_ids: bool = True) -> Contents:
    facts = ModelFacts(names=("any",), signatures=signatures, call_ids=call_ids)
    return Contents("gemini", messages, FunctionNames(["a b"]), facts)


def test_a_model_without_system_messages_gets_them_as_marked_text_of_the_user() -> None:
    facts = ModelFacts(names=("any",), system=False)
    made = Contents("gemini", [SystemMessage(content="Be brief."), GO], FunctionNames([]), facts)
    assert made.system == []
    parts = [part for turn in made.turns for part in cast(list[object], turn["parts"])]
    assert parts == [{"text": "<system>\nBe brief.\n</system>"}, {"text": "Go."}]


def call(id: str, name: str = "f", arguments: str = "{}", *, signed: bool = False) -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments, extra_content=SIGNED if signed else None)


def calls(*made: ToolCall, text: str = "") -> AssistantMessage:
    return AssistantMessage(content=text, tool_calls=made)


def result(id: str, text: str = "1") -> ToolMessage:
    return ToolMessage(content=text, tool_call_id=id)


def turns(*messages: Message, **facts: bool) -> list[tuple[str, list[Any]]]:
    """Each turn's role, and of each part a text, a call's name or a result."""
    made: Any = contents(*messages, **facts).turns
    return [(turn["role"], [_short(part) for part in turn["parts"]]) for turn in made]


def _short(part: dict[str, Any]) -> Any:
    if "functionCall" in part:
        return part["functionCall"]["name"]
    return part["functionResponse"]["response"] if "functionResponse" in part else part.get("text")


def refusal(*messages: Message) -> str:
    with pytest.raises(ProviderRejected) as caught:
        contents(*messages)
    return caught.value.message


def test_results_come_in_the_order_of_the_calls_in_one_turn() -> None:
    sent = turns(GO, calls(call("a", "f"), call("b", "g")), result("b", "of b"), result("a", "of a"))
    assert sent == [("user", ["Go."]), ("model", ["f", "g"]), ("user", [{"output": "of a"}, {"output": "of b"}])]


def test_calls_that_come_in_an_answer_each_are_one_turn_where_their_results_come_together() -> None:
    messages = GO, calls(call("a", "f")), calls(call("b", "g")), result("a", "of a"), result("b", "of b")
    assert turns(*messages) == [
        ("user", ["Go."]),
        ("model", ["f", "g"]),
        ("user", [{"output": "of a"}, {"output": "of b"}]),
    ]


def test_calls_whose_results_come_between_them_are_steps() -> None:
    messages = GO, calls(call("a", "f")), result("a", "of a"), calls(call("b", "g")), result("b", "of b")
    assert [role for role, _ in turns(*messages)] == ["user", "model", "user", "model", "user"]


def test_calls_of_one_id_have_their_results_in_the_order_in_which_they_come() -> None:
    sent = turns(GO, calls(call("0"), call("0")), result("0", "first"), result("0", "second"))
    assert sent[2] == ("user", [{"output": "first"}, {"output": "second"}])


def test_an_id_may_come_again_in_a_later_step() -> None:
    messages = GO, calls(call("0", "f")), result("0", "of f"), calls(call("0", "g")), result("0", "of g")
    assert [parts for _, parts in turns(*messages)][2::2] == [[{"output": "of f"}], [{"output": "of g"}]]


@pytest.mark.parametrize("after", [(), (GO,), (calls(text="Done."),), (calls(call("c")), result("c"))])
def test_a_call_without_a_result_is_refused_by_its_path(after: tuple[Message, ...]) -> None:
    said = refusal(GO, calls(call("a"), call("b")), result("a"), *after)
    assert said == (
        "gemini: messages[1].tool_calls[1]: has no result: "
        "a tool message for each call has to follow the answer that calls"
    )


def test_a_result_without_a_call_is_refused_by_its_path() -> None:
    unknown = "messages[2].tool_call_id: answers no tool call of the answer before it"
    assert refusal(GO, calls(call("a")), result("b")) == f"gemini: {unknown}"
    late = refusal(GO, calls(call("a")), result("a"), GO, result("a"))
    assert late == "gemini: messages[4].tool_call_id: answers no tool call of the answer before it"
    twice = refusal(GO, calls(call("a")), result("a"), result("a"))
    assert twice == "gemini: messages[3].tool_call_id: is a second result of its call"


def test_a_turn_that_calls_follows_one_of_the_users() -> None:
    assert turns(calls(call("a")), result("a"))[0] == ("user", [" "])
    assert turns(calls(text="Hi."), calls(call("a")), result("a"), GO)[:2] == [("user", [" "]), ("model", ["Hi.", "f"])]
    assert turns(calls(text="Hi."), GO)[0] == ("model", ["Hi."])


def test_leading_system_messages_are_the_instruction() -> None:
    made = contents(SystemMessage(content="One."), SystemMessage(content="Two."), GO)
    assert made.system == [{"text": "One."}, {"text": "Two."}]
    assert made.turns == [{"role": "user", "parts": [{"text": "Go."}]}]


def test_a_later_system_message_stays_in_its_place_as_marked_text() -> None:
    made = turns(GO, calls(text="Hi."), SystemMessage(content="In French."), GO)
    marked = "<system>\nIn French.\n</system>"
    assert made == [("user", ["Go."]), ("model", ["Hi."]), ("user", [marked]), ("user", ["Go."])]
    assert turns(GO, SystemMessage(content=""), GO) == [("user", ["Go."]), ("user", ["Go."])]


@pytest.mark.parametrize("at", [2, 3, 4])
def test_a_system_message_among_results_is_within_the_last_of_them(at: int) -> None:
    messages: list[Message] = [GO, calls(call("a"), call("b")), result("a"), result("b", '{"n": 1}')]
    messages.insert(at, SystemMessage(content="In French."))
    sent = turns(*messages)
    assert sent[2] == ("user", [{"output": "1"}, {"output": '{"n": 1}\n\n<system>\nIn French.\n</system>'}])
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('{"n": 1}', {"n": 1}),
        ("", {"output": ""}),
        ("noon", {"output": "noon"}),
        ("null", {"output": "null"}),
        ("[1]", {"output": "[1]"}),
        ('{"a": NaN}', {"output": '{"a": NaN}'}),
        ('{"$ref": "#/x"}', {"output": '{"$ref": "#/x"}'}),
        ('{"a": [{"b": {"$ref": "x"}}]}', {"output": '{"a": [{"b": {"$ref": "x"}}]}'}),
        ('{"a": "$ref"}', {"a": "$ref"}),
    ],
)
def test_a_result_is_data(text: str, sent: dict[str, object]) -> None:
    assert turns(GO, calls(call("a")), result("a", text))[2] == ("user", [sent])


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"n": 1}', {"n": 1}),
        ("", {}),
        (" \n", {}),
        *((text, {"raw_arguments": text}) for text in ("{", "[]", "null", '"a"', '{"a": NaN}', '{"a":' * 100_000)),
    ],
)
def test_arguments_that_are_no_object_go_as_text_in_one(arguments: str, sent: dict[str, object]) -> None:
    made: Any = contents(GO, calls(call("a", arguments=arguments)), result("a")).turns[1]
    assert made["parts"][0]["functionCall"]["args"] == sent


def test_an_alias_stands_for_its_name_in_the_call_and_in_the_result() -> None:
    _, said, answered = contents(GO, calls(call("a", "a b")), result("a")).turns
    sent = FunctionNames(["a b"]).sent("a b")
    assert sent != "a b"
    assert [said["parts"][0]["functionCall"]["name"]] == [sent]  # type: ignore[index]
    assert [answered["parts"][0]["functionResponse"]["name"]] == [sent]  # type: ignore[index]


def ids(*messages: Message, call_ids: bool = True) -> list[str | None]:
    """Of each call and each result, as they go out."""
    made: Any = contents(*messages, call_ids=call_ids).turns
    parts = [part for turn in made for part in turn["parts"]]
    found = [part.get("functionCall") or part.get("functionResponse") for part in parts]
    return [each.get("id") for each in found if each is not None]


def test_ids_go_back_where_a_signature_shows_that_gemini_gave_them() -> None:
    step = calls(call("a", signed=True), call("b")), result("b"), result("a")
    assert ids(GO, *step) == ["a", "b", "a", "b"]
    assert ids(GO, *step, call_ids=False) == [None] * 4


def test_ids_of_another_vendors_calls_are_left_out_on_both_sides() -> None:
    assert ids(GO, calls(call("call_abc123"), call("toolu_1")), result("toolu_1"), result("call_abc123")) == [None] * 4
    stood_in = ToolCall(id="a", name="f", arguments="{}", extra_content={"google": {"thought_signature": STAND_IN}})
    assert ids(GO, calls(stood_in), result("a")) == [None, None]


def test_one_stand_in_a_step_on_its_first_call() -> None:
    messages = GO, calls(call("a")), calls(call("b")), result("a"), result("b"), calls(call("c")), result("c")
    made: Any = contents(*messages).turns
    signed = [part.get("thoughtSignature") for turn in made for part in turn["parts"] if "functionCall" in part]
    assert signed == [STAND_IN, None, STAND_IN]


PNG = Image(data=b"png", mime_type="image/png")


def response_to(message: ToolMessage) -> Any:
    made: Any = contents(GO, calls(call("a")), message).turns
    return made[-1]["parts"][0]["functionResponse"]


def test_an_image_of_a_result_is_a_part_of_it() -> None:
    sent = response_to(ToolMessage(content=(Text(text="Seen."), PNG, Document(data=b"%PDF")), tool_call_id="a"))
    assert sent["response"] == {"output": "Seen."}
    assert sent["parts"] == [
        {"inlineData": {"data": "cG5n", "mimeType": "image/png"}},
        {"inlineData": {"data": "JVBERg==", "mimeType": "application/pdf"}},
    ]
    assert "parts" not in response_to(result("a"))


def test_an_image_of_a_kind_that_no_result_takes_is_refused_by_its_path() -> None:
    heic = ToolMessage(content=(Text(text="Seen."), Image(data=b"x", mime_type="image/heic")), tool_call_id="a")
    with pytest.raises(ProviderRejected, match=r"takes .*image/png.*, not image/heic") as caught:
        contents(GO, calls(call("a")), heic)
    assert caught.value.path == "messages[2].content[1]"


@pytest.mark.parametrize("text", ["no such file", '{"output": "2"}'])
def test_a_failed_tools_result_is_its_error(text: str) -> None:
    failed = ToolMessage(content=text, tool_call_id="a", error=True)
    assert response_to(failed)["response"] == {"error": text}


def test_a_remark_stays_with_a_failed_result() -> None:
    failed = ToolMessage(content="no such file", tool_call_id="a", error=True)
    made: Any = contents(GO, calls(call("a")), failed, SystemMessage(content="Hurry.")).turns
    response = made[-1]["parts"][0]["functionResponse"]["response"]
    assert response == {"error": "no such file\n\n<system>\nHurry.\n</system>"}
