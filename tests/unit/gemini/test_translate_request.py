"""Requests on their way to Gemini: golden bodies of the vendor's REST reference, and what is refused."""

import json
from base64 import b64encode, urlsafe_b64decode
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.genai import types

from llm_gateway.adapters.outbound.gemini import translate_request
from llm_gateway.adapters.outbound.gemini.models import FILE, PACKAGED
from llm_gateway.adapters.outbound.gemini.translate_request import VendorRequest
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonSchemaFormat,
    Message,
    ReasoningEffort,
    Sampling,
    SystemMessage,
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
HELLO = UserMessage(content=(Text(text="hello"),))


NOW = datetime.combine(FILE.checked, time(), UTC).timestamp()


def to_vendor(to: EndpointId, request: ChatRequest) -> VendorRequest:
    return translate_request.to_vendor(to, request, PACKAGED.of(to.model, NOW))


def body_of(to: EndpointId, request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = to_vendor(to, request).body
    return body


def endpoint(model: str = "gemini-flash-latest") -> EndpointId:
    return EndpointId(provider="gemini", model=model)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_request_becomes_the_vendors_body(path: Path) -> None:
    golden = json.loads(path.read_text())
    request = msgspec.convert(golden["request"], ChatRequest)
    assert body_of(endpoint(golden["model"]), request) == golden["body"]


def test_nothing_that_was_not_asked_for_is_sent() -> None:
    body = body_of(endpoint("gemma-3-27b-it"), ChatRequest(messages=(HELLO,)))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "generationConfig": {}}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_sdk_knows_every_field_of_the_body(path: Path) -> None:
    golden = json.loads(path.read_text())
    body = body_of(endpoint(golden["model"]), msgspec.convert(golden["request"], ChatRequest))
    types.GenerateContentConfig.model_validate(body.pop("generationConfig"))
    for content in body.pop("contents"):
        types.Content.model_validate(content)
    for tool in body.pop("tools", ()):
        types.Tool.model_validate(tool)
    types.GenerateContentConfig.model_validate(body)


@pytest.mark.parametrize(
    ("choice", "mode"), [(ToolMode.AUTO, "AUTO"), (ToolMode.NONE, "NONE"), (ToolMode.REQUIRED, "ANY"), (None, None)]
)
def test_the_choice_of_a_tool(choice: ToolChoice | None, mode: str | None) -> None:
    request = ChatRequest(messages=(HELLO,), tools=(Tool(name="f"),), tool_choice=choice)
    config = body_of(endpoint(), request).get("toolConfig")
    assert config == ({"functionCallingConfig": {"mode": mode}} if mode else None)


@pytest.mark.parametrize(("own", "sent"), [({}, "A list."), ({"description": "Its own."}, "Its own.")])
def test_what_a_schema_is_for_stands_within_it_unless_it_says_so_itself(own: dict[str, str], sent: str) -> None:
    wanted = JsonSchemaFormat(name="list", description="A list.", schema={"type": "array", **own})
    body = body_of(endpoint(), ChatRequest(messages=(HELLO,), response_format=wanted))
    assert body["generationConfig"]["responseJsonSchema"] == {"type": "array", "description": sent}
    assert wanted.schema == {"type": "array", **own}


@pytest.mark.parametrize("signature", [bytes(range(256)), b"\xfb\xff\xfe>?", b"x" * 50_000])
@pytest.mark.parametrize("alphabet", [b"+/", b"-_"])
def test_signatures_go_back_byte_by_byte(signature: bytes, alphabet: bytes) -> None:
    given = {"google": {"thought_signature": b64encode(signature, alphabet).decode(), "more": 1}, "other": {}}
    call = ToolCall(id="1", name="f", arguments="{}", extra_content=given)
    message = AssistantMessage(tool_calls=(call,), extra_content=given)
    messages = (HELLO, message, ToolMessage(content="1", tool_call_id="1"))
    parts = body_of(endpoint(), ChatRequest(messages=messages))["contents"][1]["parts"]
    sent = [(part.get("text"), urlsafe_b64decode(part["thoughtSignature"])) for part in parts]
    assert sent == [("", signature), (None, signature)]


def test_only_the_last_text_of_a_message_bears_its_signature() -> None:
    message = AssistantMessage(
        content=(Text(text="a"), Text(text="b")), extra_content={"google": {"thought_signature": "c2ln"}}
    )
    parts = body_of(endpoint(), ChatRequest(messages=(message,)))["contents"][0]["parts"]
    assert parts == [{"text": "a"}, {"text": "b", "thoughtSignature": "c2ln"}]


SIGNED = {"google": {"thought_signature": "c2ln"}}


def texts(*contents: str) -> tuple[Text, ...]:
    return tuple(Text(text=content) for content in contents)


def said(*messages: Message) -> list[tuple[str, list[str | None]]]:
    """Who says what, as it goes to the vendor."""
    body = body_of(endpoint(), ChatRequest(messages=messages))
    for content in body["contents"]:
        assert content["parts"]
        assert all(part.get("text") != "" or "thoughtSignature" in part for part in content["parts"])
    return [(content["role"], [part.get("text") for part in content["parts"]]) for content in body["contents"]]


@pytest.mark.parametrize("content", [(), texts(""), texts("", "")])
def test_an_empty_answer_is_left_out(content: tuple[Text, ...]) -> None:
    empty = AssistantMessage(content=content)

    assert said(HELLO, empty, HELLO) == [("user", ["hello"]), ("user", ["hello"])]
    assert said(empty, HELLO, empty) == [("user", ["hello"])]


def test_an_empty_answer_that_is_signed_goes_back() -> None:
    assert said(HELLO, AssistantMessage(extra_content=SIGNED))[1] == ("model", [""])
    assert said(HELLO, AssistantMessage(content=texts("", ""), extra_content=SIGNED))[1] == ("model", [""])


def test_an_empty_answer_does_not_part_the_results_of_parallel_calls() -> None:
    first, second = RESULTS

    sent = said(HELLO, AssistantMessage(tool_calls=CALLS), first, AssistantMessage(), second)

    assert sent == [("user", ["hello"]), ("model", [None, None]), ("user", [None, None])]


def test_empty_texts_beside_others_are_left_out() -> None:
    image = Image(data=b"a", mime_type="image/png")

    assert said(UserMessage(content=(*texts("", "a", ""), image))) == [("user", ["a", None])]
    assert said(HELLO, AssistantMessage(content=texts("", "a", ""), tool_calls=CALLS), *RESULTS)[1] == (
        "model",
        ["a", None, None],
    )
    system = SystemMessage(content=texts("", "a"))
    body = body_of(endpoint(), ChatRequest(messages=(system, HELLO)))
    assert body["systemInstruction"] == {"parts": [{"text": "a"}]}
    nothing = SystemMessage(content=texts(""))
    assert "systemInstruction" not in body_of(endpoint(), ChatRequest(messages=(nothing, HELLO)))


def test_an_empty_question_stays_one() -> None:
    """What follows rests on it: a call comes after a question, and signatures are asked for since the last one."""
    silence = UserMessage(content=texts(""))

    assert said(silence, AssistantMessage(content=texts("a"))) == [("user", [" "]), ("model", ["a"])]
    assert said(AssistantMessage()) == [("user", [" "])]


def call(arguments: str = "{}", **fields: Any) -> ChatRequest:
    return ChatRequest(
        messages=(HELLO, AssistantMessage(tool_calls=(ToolCall(id="1", name="f", arguments=arguments, **fields),)))
    )


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (call(), "messages[1].tool_calls[0]"),
        (
            call(extra_content={"google": {"thought_signature": "PRIVATE"}}),
            "messages[1].tool_calls[0].extra_content.google.thought_signature",
        ),
        (
            ChatRequest(messages=(AssistantMessage(content=(), extra_content={"google": {"thought_signature": 1}}),)),
            "messages[0].extra_content.google.thought_signature",
        ),
        (
            ChatRequest(messages=(ToolMessage(content=(Text(text="PRIVATE"),), tool_call_id="PRIVATE"),)),
            "messages[0].tool_call_id",
        ),
        (ChatRequest(messages=(SystemMessage(content=(Text(text="PRIVATE"),)),)), "messages"),
        (ChatRequest(messages=(HELLO,), sampling=Sampling(seed=2**31)), "seed"),
        (ChatRequest(messages=(HELLO,), sampling=Sampling(stop=tuple("abcdef"))), "stop"),
    ],
)
def test_what_gemini_cannot_be_told_is_refused_by_its_path(request_: ChatRequest, path: str) -> None:
    with pytest.raises(ProviderRejected) as caught:
        to_vendor(endpoint(), request_)
    assert caught.value.message.startswith(f"gemini: {path}: ")
    assert "PRIVATE" not in caught.value.message
    assert caught.value.__cause__ is None


def thinking(model: str, effort: ReasoningEffort | None) -> dict[str, Any] | None:
    request = ChatRequest(messages=(HELLO,), reasoning_effort=effort)
    config: dict[str, Any] | None = body_of(endpoint(model), request)["generationConfig"].get("thinkingConfig")
    return config


LOW = [*["LOW"] * 4, "MEDIUM", "HIGH", "HIGH"]
MINIMAL = [*["MINIMAL"] * 3, "LOW", "MEDIUM", "HIGH", "HIGH"]
MINIMAL_OR_OFF = ["MINIMAL", 0, *MINIMAL[2:]]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-flash-latest", LOW),
        ("gemini-3.7-flash", LOW),
        ("gemini-3.8-flash", LOW),
        ("gemini-flash-lite-latest", LOW),
        ("gemini-pro-latest", LOW),
        ("gemini-4-argon", LOW),
        ("gemini-4-carbon", LOW),
        ("gemini-4-neon", [*LOW[:6], "XHIGH"]),
        ("gemini-4-hydrogen", [*LOW[:6], "XHIGH"]),
        ("gemini-5-unheard-of", LOW),
        ("gemini-3.1-pro-preview", LOW),
        ("gemini-3-flash-preview", MINIMAL_OR_OFF),
        ("gemini-3.1-flash-lite", MINIMAL_OR_OFF),
        ("gemini-3.5-flash-lite", MINIMAL),
        ("gemini-3.5-flash", MINIMAL_OR_OFF),
        ("gemini-3.6-flash", MINIMAL_OR_OFF),
        ("gemini-2.5-flash", [0, 0, 1024, 1024, 8192, 24576, 24576]),
        ("gemini-2.5-flash-lite", [0, 0, 1024, 1024, 8192, 24576, 24576]),
        ("gemini-2.5-pro", [128, 128, 1024, 1024, 8192, 24576, 24576]),
    ],
)
def test_thinking_by_model(model: str, expected: list[str | int]) -> None:
    asked: list[ReasoningEffort | None] = [None, *ReasoningEffort]
    for effort, wanted in zip(asked, expected, strict=True):
        config: dict[str, Any] = {"thinkingLevel" if isinstance(wanted, str) else "thinkingBudget": wanted}
        if effort not in (None, ReasoningEffort.NONE):
            config["includeThoughts"] = True
        assert thinking(model, effort) == config


@pytest.mark.parametrize("model", ["gemma-3-27b-it", "gemma-4-31b-it", "gemini-2.0-flash"])
def test_no_thinking_is_asked_of_models_that_do_not_take_it(model: str) -> None:
    assert thinking(model, None) is None


@pytest.mark.parametrize(
    ("model", "by_default", "stated"),
    [
        ("gemini-flash-latest", None, None),
        ("gemini-3.1-pro-preview", None, 0.7),
        ("gemini-3.5-flash-lite", None, None),
        ("gemini-4-hydrogen", None, None),
        ("gemini-5-unheard-of", None, None),
        ("gemini-2.5-flash", 0.7, 0.7),
        ("gemma-4-31b-it", 0.7, 0.7),
    ],
)
def test_a_temperature_goes_only_to_who_samples_and_a_default_one_only_to_who_has_no_better(
    model: str, by_default: float | None, stated: float | None
) -> None:
    for unstated, expected in ((True, by_default), (False, stated)):
        sampling = Sampling(temperature=0.7, temperature_by_default=unstated)
        config = body_of(endpoint(model), ChatRequest(messages=(HELLO,), sampling=sampling))
        assert config["generationConfig"].get("temperature") == expected


CALLS = (ToolCall(id="a", name="now", arguments="{}"), ToolCall(id="b", name="now", arguments="{}"))
RESULTS = tuple(ToolMessage(content=(Text(text="1"),), tool_call_id=call.id) for call in CALLS)
PLACEHOLDER = b64encode(b"skip_thought_signature_validator").decode()


def signatures(model: str, *messages: AssistantMessage | ToolMessage | UserMessage) -> list[object]:
    body = body_of(endpoint(model), ChatRequest(messages=(HELLO, *messages)))
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]


@pytest.mark.parametrize(
    ("model", "first"),
    [("gemini-flash-latest", PLACEHOLDER), ("gemini-3-flash-preview", PLACEHOLDER), ("gemini-2.5-pro", None)],
)
def test_a_call_that_nobody_signed_goes_as_such_to_who_would_refuse_it(model: str, first: str | None) -> None:
    assert signatures(model, AssistantMessage(tool_calls=CALLS), *RESULTS) == [first, None]


def test_a_signature_that_is_there_is_never_replaced() -> None:
    signed = msgspec.structs.replace(CALLS[0], extra_content={"google": {"thought_signature": "c2ln"}})
    assert signatures("gemini-3-flash-preview", AssistantMessage(tool_calls=(signed, CALLS[1])), *RESULTS) == [
        "c2ln",
        None,
    ]


def test_what_was_called_before_the_last_question_needs_no_signature() -> None:
    calls = AssistantMessage(tool_calls=CALLS)
    assert signatures("gemini-3-flash-preview", calls, *RESULTS, HELLO, calls, *RESULTS) == [
        None,
        None,
        PLACEHOLDER,
        None,
    ]
