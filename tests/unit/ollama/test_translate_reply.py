"""Answers on their way from Ollama: the payloads that the vendor documents, and ends that are none."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.adapters.outbound.ollama.refusals import ReportedError
from llm_gateway.adapters.outbound.ollama.translate_reply import OllamaReplyReader
from llm_gateway.adapters.outbound.ollama.wire import chat_part
from llm_gateway.domain.chat import MAX_COUNT, AssistantMessage, ChatReply, ToolCall, UserMessage
from llm_gateway.domain.errors import ProviderBroken, ProviderMisconfigured
from llm_gateway.domain.events import ChatEvent, Collector, Finished, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

GOLDEN = sorted(Path(__file__).parent.glob("golden/reply_*.json"))
LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.2"), locality=Locality.ON_PREMISES)
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "t", "arguments": {}}}]}


def read(
    parts: Sequence[dict[str, Any]], *, whole: bool = False, calls_before: int = 0, to: Endpoint = LOCAL
) -> list[ChatEvent]:
    call = ToolCall(id="earlier", name="t", arguments="{}")
    conversation = (UserMessage(content="Hello"), AssistantMessage(tool_calls=(call,) * calls_before))
    reader = OllamaReplyReader(to, conversation, whole=whole)
    return [event for part in parts for event in reader.events([chat_part.decode(json.dumps(part))])]


def folded(events: Sequence[ChatEvent]) -> ChatReply:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.reply()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_vendors_answer_becomes_a_reply(path: Path) -> None:
    golden = json.loads(path.read_text())
    reply = folded(read(golden["parts"], whole=golden.get("whole", False)))
    assert reply == msgspec.convert(golden["reply"], ChatReply)


def test_a_part_without_content_starts_nothing() -> None:
    assert read([{"message": {"role": "assistant", "content": ""}, "done": False}]) == []


def test_the_terminal_mark_alone_starts_and_finishes() -> None:
    events = read([{"done": True, "done_reason": "stop"}])
    assert [type(event) for event in events] == [Started, Finished]


def test_ids_of_our_own_are_unique_in_a_conversation() -> None:
    events = read([{"message": CALL}, {"message": CALL}], calls_before=3)
    assert [event.id for event in events if isinstance(event, ToolCallDelta)] == ["call_3", "call_4"]


def test_an_id_that_the_server_gives_twice_is_used_once() -> None:
    twice = {"message": CALL | {"tool_calls": [{"id": "x", "function": {"name": "t", "arguments": {}}}] * 2}}
    assert [event.id for event in read([twice]) if isinstance(event, ToolCallDelta)] == ["x", "call_1"]


@pytest.mark.parametrize("reason", ["load", "unload", "tired", "", None])
def test_an_end_for_no_good_reason_is_broken(reason: str | None) -> None:
    with pytest.raises(ProviderBroken):
        read([{"message": {"role": "assistant", "content": "a"}, "done": True, "done_reason": reason}])


def test_a_whole_answer_that_is_not_done_is_broken() -> None:
    with pytest.raises(ProviderBroken):
        read([{"message": {"role": "assistant", "content": "a"}, "done": False}], whole=True)


def test_an_answer_from_elsewhere_is_welcome_only_where_it_was_expected() -> None:
    part = {"remote_host": "https://elsewhere.example", "done": True, "done_reason": "stop"}
    with pytest.raises(ProviderMisconfigured):
        read([part])
    far = Endpoint(id=LOCAL.id, locality=Locality.CLOUD)
    assert isinstance(read([part], to=far)[-1], Finished)


def test_ids_that_look_like_ours_are_never_given_twice() -> None:
    tools = [{"id": id, "function": {"name": "t", "arguments": {}}} for id in ("call_1", "", "call_1", "")]
    deltas = [one for one in read([{"message": CALL | {"tool_calls": tools}}]) if isinstance(one, ToolCallDelta)]
    assert [delta.index for delta in deltas] == [0, 1, 2, 3]
    assert len({delta.id for delta in deltas}) == 4


@pytest.mark.parametrize(("count", "taken"), [(-5, 0), (7, 7), (10**40, MAX_COUNT)])
def test_a_count_that_is_none_is_held_to_what_a_count_can_be(count: int, taken: int) -> None:
    end = read([{"done": True, "done_reason": "stop", "prompt_eval_count": count, "eval_count": count}])[-1]
    assert isinstance(end, Finished)
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (taken, taken)


def test_half_a_character_in_the_models_name_is_no_text() -> None:
    with pytest.raises(msgspec.DecodeError):
        read([{"model": "\ud800", "done": True, "done_reason": "stop"}])


def test_what_was_said_before_a_fault_is_given_before_it() -> None:
    reader = OllamaReplyReader(LOCAL, (), whole=False)
    lines = [{"message": {"content": "a"}}, {"error": "SECRET"}]
    events = reader.events(chat_part.decode(json.dumps(line)) for line in lines)
    assert [type(event) for event in events] == [Started, TextDelta]
    assert isinstance(reader.failure, ReportedError)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('{ "n": 1.10, "of": [12345678901234567890123, 1E5] }', '{"n":1.10,"of":[12345678901234567890123,1E5]}'),
        ('{"z": 1, "a": "\\u003cb\\u003e \\u00e9"}', '{"z":1,"a":"<b> é"}'),
        ("{}", "{}"),
    ],
)
def test_arguments_keep_their_order_and_the_digits_of_their_numbers(given: str, told: str) -> None:
    line = '{"message":{"tool_calls":[{"function":{"name":"t","arguments":' + given + "}}]}}"
    (_, call) = OllamaReplyReader(LOCAL, (), whole=False).events([chat_part.decode(line)])
    assert isinstance(call, ToolCallDelta)
    assert call.arguments == told


@pytest.mark.parametrize("given", ["[1]", '"{}"', "null", '{"a": "\\ud800"}', '{"a": 01}'])
def test_arguments_that_are_no_object_are_malformed(given: str) -> None:
    line = '{"message":{"tool_calls":[{"function":{"name":"t","arguments":' + given + "}}]}}"
    with pytest.raises(msgspec.DecodeError):
        OllamaReplyReader(LOCAL, (), whole=False).events(chat_part.decode(text) for text in [line])
