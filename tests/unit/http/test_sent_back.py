"""Whatever the gateway answers, on either surface, may be sent back to either as it came; and what is beside it."""

import tracemalloc
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from llm_gateway.adapters.inbound.http.common.handling import ChatSurface
from llm_gateway.adapters.inbound.http.common.labels import MAX_LABELS, MAX_NAME
from llm_gateway.adapters.inbound.http.common.renderer import AnswerIdentity
from llm_gateway.adapters.inbound.http.native.handlers import NATIVE_CHATS
from llm_gateway.adapters.inbound.http.openai.handlers import OPENAI_CHATS
from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.cache_key import encoded
from llm_gateway.domain.chat import AssistantMessage, ChatCall, ChatReply, FinishReason, ToolCall, Usage
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.routing import EndpointId, Plan
from llm_gateway.domain.validation import check

SURFACES: dict[str, ChatSurface[Any]] = {"native": NATIVE_CHATS, "openai": OPENAI_CHATS}
each_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
HELLO = {"role": "user", "content": "Hello"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ARGUMENTS = st.one_of(
    TEXT, st.sampled_from(['{"a": 1}', '{"a": "x', "[1]", "null", "", "I call it.", '{"a": NaN}', " "])
)
CALLS = st.builds(ToolCall, id=TEXT.filter(bool), name=TEXT.filter(bool), arguments=ARGUMENTS)


def read(surface: ChatSurface[Any], *messages: object, **more: object) -> ChatCall:
    body = {"model": "local", "messages": [HELLO, *messages], **more}
    _, call = surface.read({}, 1_000, json.encode(body))
    return call


def said_in(call: ChatCall) -> AssistantMessage:
    message = call.request.messages[1]
    assert isinstance(message, AssistantMessage)
    return message


def calling(arguments: object, **more: object) -> dict[str, Any]:
    function = {"name": "look", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function, **more}]}


@each_surface
@pytest.mark.parametrize("answering", ["native", "openai"])
@given(
    calls=st.lists(CALLS, max_size=3, unique_by=lambda call: call.id),
    content=TEXT,
    reasoning=TEXT,
    reason=st.sampled_from(FinishReason),
)
def test_an_answer_is_taken_back(
    surface: ChatSurface[Any],
    answering: str,
    calls: list[ToolCall],
    content: str,
    reasoning: str,
    reason: FinishReason,
) -> None:
    reply = ChatReply(
        endpoint=EndpointId(provider="p", model="m"),
        model="m",
        finish_reason=reason,
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        content=content,
        reasoning=reasoning,
        tool_calls=tuple(calls),
    )
    identity = AnswerIdentity(id="1", created=0)
    answered = SURFACES[answering]
    _, plain = answered.read({}, 9, json.encode({"model": "local", "messages": [HELLO]}))
    body, _ = answered.labels.decode(answered.decoder, json.encode({"model": "local", "messages": [HELLO]}))
    assert plain.ignored == ()
    whole = json.decode(answered.renderer(identity, body).whole(reply, cast("Answer", Unread())))
    message = whole["choices"][0]["message"] if answering == "openai" else {"role": "assistant", **whole}

    call = read(surface, message)

    check(call)
    said = said_in(call)
    assert said.tool_calls == tuple(calls)
    assert "".join(part.text for part in said.content) == content


class Unread:
    """An answer of which a renderer reads no more than this."""

    cache = None
    ignored = ()
    microdollars = None
    plan = Plan(hint=None, pinned=True, endpoints=())


@each_surface
@pytest.mark.parametrize(
    ("sent", "held"),
    [
        ('{"a": "x', '{"a": "x'),
        ("I would look.", "I would look."),
        ("[1]", "[1]"),
        ("", ""),
        ("null", "null"),
        (None, ""),
        ({"a": 1}, '{"a":1}'),
        ([1], "[1]"),
        (5, "5"),
    ],
)
def test_arguments_are_carried_as_text(surface: ChatSurface[Any], sent: object, held: str) -> None:
    (call,) = said_in(read(surface, calling(sent))).tool_calls
    assert call.arguments == held


@each_surface
def test_arguments_that_differ_are_another_question(surface: ChatSurface[Any]) -> None:
    kinds = ("", "{", "[]", "null", "{}", '""', '{"raw_arguments":"{"}')
    keys = {encoded(read(surface, calling(arguments)).request).hashed.digest() for arguments in kinds}
    assert len(keys) == len(kinds)


@each_surface
@pytest.mark.parametrize("nothing", [None, False, [], {}, ""])
@pytest.mark.parametrize("name", ["cache_control", "reasoning", "refusal", "annotations", "audio_id", "id"])
def test_what_asks_for_nothing_is_not_named(surface: ChatSurface[Any], name: str, nothing: object) -> None:
    said = {"role": "assistant", "content": "Hi"}
    assert read(surface, {**said, name: nothing}) == read(surface, said)


@each_surface
def test_a_label_changes_no_question_and_is_named_once(surface: ChatSurface[Any]) -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    labelled = {**said, "reasoning": "Hm.", "content": [{**said["content"][0], "cache_control": {"a": 1}}]}  # type: ignore[dict-item]
    plain, call = read(surface, said, said), read(surface, labelled, labelled)
    assert call.request == plain.request
    assert call.ignored == ("messages[1].reasoning", "messages[1].content[0].cache_control")


@each_surface
def test_labels_are_bounded(surface: ChatSurface[Any]) -> None:
    many = {f"{number:03}{'x' * 1_000}": 1 for number in range(200)}
    call = read(surface, {"role": "assistant", "content": "Hi", **many})
    assert len(call.ignored) == MAX_LABELS
    assert max(map(len, call.ignored)) == len("messages[1].") + MAX_NAME


@each_surface
@pytest.mark.parametrize(
    ("messages", "more", "path"),
    [
        ([{**HELLO, "mood": 1}], {}, "messages[1].mood"),
        ([{"role": "system", "content": "Hi", "mood": 1}], {}, "messages[1].mood"),
        ([{"role": "tool", "tool_call_id": "c", "content": "Hi", "mood": 1}], {}, "messages[1].mood"),
        ([{"role": "user", "content": [{"type": "text", "text": "Hi", "mood": 1}]}], {}, "messages[1].content[0].mood"),
        ([{"role": "assistant", "content": "Hi", "reasoning": "Hm."}], {"mood": 1}, "mood"),
        ([], {"tools": [{"type": "function", "function": {"name": "f", "mood": 1}}]}, "tools[0].function.mood"),
    ],
)
def test_an_unknown_field_elsewhere_is_a_fault_at_its_path(
    surface: ChatSurface[Any], messages: list[object], more: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(surface, *messages, **more)
    assert [fault.path for fault in caught.value.faults] == [path]


@each_surface
def test_everything_else_stays_as_it_was_written(surface: ChatSurface[Any]) -> None:
    schema = b'{"type":"object","maximum":1.10,"x":12345678901234567890}'
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","x":1}],'
        b'"tools":[{"function":{"name":"f","parameters":%b}}]}' % schema
    )
    _, call = surface.read({}, 100, body)
    _, plain = surface.read({}, 100, body.replace(b',"x":1}]', b"}]"))
    assert call.request == plain.request


@each_surface
@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ('"content":"a","content":"b","mood":1', "messages[0].content", "twice"),
        ('"content":"a","mood":1,"mood":1', "messages[0].mood", "twice"),
        ('"content":"a","mood":{"a":1,"a":1}', "messages[0].mood.a", "twice"),
        ('"content":"a","mood":"\\ud800"', "messages[0].mood", "surrogate"),
        ('"content":"a","mood":"\xff"', "", "not valid"),
        ('"content":"a","mood":"\x01"', "", "not valid JSON"),
        ('"content":"a","mood":' + "[" * 200_000 + "]" * 200_000, "", "too deeply"),
    ],
)
def test_a_label_hides_no_fault_of_the_text(surface: ChatSurface[Any], said: str, path: str, message: str) -> None:
    body = b'{"model":"m","messages":[{"role":"assistant",%b}]}' % said.encode("latin-1")
    with pytest.raises(InvalidRequest) as refused:
        surface.read({}, 100, body)
    (fault,) = refused.value.faults
    assert fault.path == path
    assert message in fault.message


@each_surface
@pytest.mark.parametrize(
    "messages",
    [b"0,0,", b"[],0,", b'{"content":5},{},', b'{"role":"user","content":[0,0,', b'{"role":"user","tool_calls":[0,0,'],
)
def test_what_is_no_chat_is_not_looked_through_for_labels(surface: ChatSurface[Any], messages: bytes) -> None:
    """Its items are not counted: a body of 30 MB held the thread for long work for ten seconds."""
    said, _, item = messages[:-1].rpartition(b",")
    end = b"]" * said.count(b"[0") + b"}" * (said.count(b"{") - said.count(b"}"))
    body = b'{"messages":[%b]}' % (said + b"," + b",".join([item] * 200_000) + end)
    assert json.decode(body)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest):
            surface.read({}, 1_000_000, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(body)
