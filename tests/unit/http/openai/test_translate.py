"""From OpenAI's bodies to calls: golden files, images, and that the native door would ask the same."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.common.requests import decode
from llm_gateway.adapters.inbound.http.native import translate as native_translate
from llm_gateway.adapters.inbound.http.native import wire as native_wire
from llm_gateway.adapters.inbound.http.openai import translate as openai_translate
from llm_gateway.adapters.inbound.http.openai.wire import LABELS, CompletionBody
from llm_gateway.domain.cache_policy import CacheMode
from llm_gateway.domain.chat import ChatCall, ChatRequest, ReasoningEffort, ToolMode, UserMessage
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import Hint

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "golden").glob("openai_request_*.json"))
}


def call_of(body: dict[str, Any]) -> ChatCall:
    decoded, _ = LABELS.decode(msgspec.json.Decoder(CompletionBody), json.dumps(body).encode())
    return openai_translate.to_call(decoded, decoded.model_hint, None)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_body_becomes_a_call(name: str) -> None:
    golden = GOLDEN[name]

    assert call_of(golden["body"]) == msgspec.convert(golden["call"], ChatCall)


def image_of(url: str) -> Image:
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    message = call_of({"model": "m", "messages": [{"role": "user", "content": content}]}).request.messages[0]
    assert isinstance(message, UserMessage)
    assert isinstance(message.content[1], Image)
    return message.content[1]


@pytest.mark.parametrize(
    ("url", "mime_type"),
    [
        ("data:image/png;base64,aGk=", "image/png"),
        ("DATA:IMAGE/PNG;BASE64,aGk=", "image/png"),
        ("data:image/svg+xml;charset=utf-8;base64,aGk=", "image/svg+xml"),
    ],
)
def test_a_data_url_is_an_image(url: str, mime_type: str) -> None:
    assert image_of(url) == Image(data=b"hi", mime_type=mime_type)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/cat.png",
        "https://me:secret@example.com/cat.png",
        "https:///cat.png",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "data:text/html;base64,aGk=",
        "data:image/png,hi",
        "data:image/png;base64,",
        "data:image/png;base64,a",
        "data:image/png;base64,aGk=\n",
        "data:image/png;base64,ü",
        " data:image/png;base64,aGk=",
        "aGk=",
        "",
    ],
)
def test_any_other_url_is_refused_by_name_and_nothing_is_fetched(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_of(url)

    assert [fault.path for fault in caught.value.faults] == ["messages[0].content[1].image_url.url"]
    assert not url or url not in str(caught.value)


def test_no_default_of_the_native_endpoint_applies() -> None:
    request = call_of({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).request

    assert request == ChatRequest(messages=request.messages)


def test_both_names_of_the_token_limit_are_one() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}

    assert call_of({**body, "max_tokens": 5}) == call_of({**body, "max_completion_tokens": 5})
    assert call_of({**body, "max_tokens": 5, "max_completion_tokens": 5}).request.max_tokens == 5
    with pytest.raises(InvalidRequest, match=r"^max_tokens: differs"):
        call_of({**body, "max_tokens": 5, "max_completion_tokens": 6})


TEXTS = st.text(max_size=6)
NAMES = st.text(min_size=1, max_size=6)
OBJECTS = st.dictionaries(TEXTS, TEXTS, max_size=2)
TEXT_PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=2)
IMAGES = st.builds(
    lambda data, kind: {"type": "image", "data": b64encode(data).decode(), "mime_type": kind},
    st.binary(min_size=1, max_size=5),
    st.sampled_from(["image/png", "image/svg+xml"]),
)
NAMED = {"name": TEXTS}
TOOL_CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": NAMES,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": NAMES, "arguments": TEXTS}),
        },
        optional={"extra_content": OBJECTS},
    ),
    max_size=2,
)
MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer"]), "content": TEXTS | TEXT_PARTS}, optional=NAMED
    ),
    st.fixed_dictionaries(
        {"role": st.just("user"), "content": TEXTS | st.builds(list.__add__, TEXT_PARTS, st.lists(IMAGES, max_size=2))},
        optional=NAMED,
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | TEXTS | TEXT_PARTS},
        optional={**NAMED, "tool_calls": TOOL_CALLS, "extra_content": OBJECTS},
    ),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "content": TEXTS | TEXT_PARTS, "tool_call_id": NAMES}, optional=NAMED
    ),
)
FUNCTIONS = st.fixed_dictionaries(
    {"name": NAMES}, optional={"description": TEXTS, "parameters": OBJECTS, "strict": st.booleans()}
)
FORMATS = st.one_of(
    st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
    st.fixed_dictionaries(
        {
            "type": st.just("json_schema"),
            "json_schema": st.fixed_dictionaries(
                {"name": NAMES, "schema": OBJECTS}, optional={"description": TEXTS, "strict": st.booleans()}
            ),
        }
    ),
)
SHARED = {
    "model_hint": st.sampled_from(Hint),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(1, 2**31 - 1),
    "stop": NAMES | st.lists(NAMES, max_size=3),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "presence_penalty": st.floats(-2, 2),
    "frequency_penalty": st.floats(-2, 2),
    "tools": st.lists(st.fixed_dictionaries({"type": st.just("function"), "function": FUNCTIONS}), max_size=2),
    "tool_choice": st.sampled_from(ToolMode)
    | st.fixed_dictionaries({"type": st.just("function"), "function": st.fixed_dictionaries({"name": NAMES})}),
    "response_format": FORMATS,
    "reasoning_effort": st.sampled_from(ReasoningEffort),
    "logprobs": st.booleans(),
    "top_logprobs": st.integers(0, 20),
    "stream": st.booleans(),
    "cache": st.fixed_dictionaries({"mode": st.sampled_from(CacheMode)}, optional={"ttl_seconds": st.integers(0, 9)}),
}
CONVERSATIONS = st.fixed_dictionaries(
    {
        "messages": st.lists(MESSAGES, min_size=1, max_size=4),
        "model": NAMES,
        "max_tokens": st.integers(1, 10_000_000),
        "temperature": st.floats(0, 2),
    },
    optional=SHARED,
)
"""Native bodies, with a value wherever the native door has a default of its own."""


def as_openai(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "messages": [_message(message) for message in body["messages"]]}


def _message(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] != "user" or isinstance(message["content"], str):
        return message
    return {**message, "content": [_part(part) for part in message["content"]]}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part
    return {"type": "image_url", "image_url": {"url": f"data:{part['mime_type']};base64,{part['data']}"}}


@given(CONVERSATIONS)
def test_the_same_conversation_is_the_same_call_through_both_doors(body: dict[str, Any]) -> None:
    native = decode(msgspec.json.Decoder(native_wire.ChatBody), json.dumps(body).encode())

    call = native_translate.to_call(native, native.model_hint, None)
    assert call_of(as_openai(body)) == replace(call, cache=replace(call.cache, own_samples=True))


def test_that_conversation_may_hold_every_field_of_the_native_door() -> None:
    required = {"messages", "model", "max_tokens", "temperature"}

    assert required | SHARED.keys() == {field.name for field in msgspec.structs.fields(native_wire.ChatBody)}
