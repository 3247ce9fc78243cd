"""Answers on their way from Gemini: golden payloads of the vendor's reference, and every way to end."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.genai import types

from llm_gateway.adapters.outbound.gemini.endings import BLOCKS, ENDINGS
from llm_gateway.adapters.outbound.gemini.function_names import FunctionNames
from llm_gateway.adapters.outbound.gemini.translate_reply import UNCARRIED, GeminiReplyReader, joined
from llm_gateway.adapters.outbound.gemini.wire import ANSWERS, GenerateContentResponse, read
from llm_gateway.domain.chat import MAX_COUNT, ChatReply, ChatRequest, FinishReason, Usage, UserMessage
from llm_gateway.domain.errors import FailureReason, ProviderBroken, ProviderError, ProviderMisconfigured
from llm_gateway.domain.events import ChatEvent, Delta, Started, TextDelta, ToolCallDelta, collect
from llm_gateway.domain.routing import EndpointId

GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("golden/reply_*.json"))}
TO = EndpointId(provider="gemini", model="gemini-flash-latest")

ASKED = ChatRequest(messages=(UserMessage(content="how are you today?"),))


def vendor(payload: Any) -> GenerateContentResponse:
    return read(ANSWERS, json.dumps(payload).encode())


def answer(*parts: dict[str, Any], finish: str | None = None) -> GenerateContentResponse:
    return vendor({"candidates": [{"content": {"parts": list(parts)}, "finishReason": finish}]})


async def reply_of(*chunks: GenerateContentResponse) -> ChatReply:
    async def events() -> AsyncIterator[ChatEvent]:
        reader = GeminiReplyReader(TO, ASKED, FunctionNames(()))
        yield Started(endpoint=TO)
        for chunk in chunks:
            for delta in reader.read(chunk):
                yield delta
        yield reader.finished()

    return await collect(events())


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_vendors_answer_becomes_a_reply(name: str) -> None:
    golden = GOLDEN[name]
    reply = await reply_of(*(vendor(chunk) for chunk in golden["chunks"]))
    assert reply == msgspec.convert(golden["reply"], ChatReply)


def test_every_finish_reason_of_the_sdk_has_a_meaning() -> None:
    assert set(ENDINGS) == set(types.FinishReason) | {"FUNCTION_CALL"}


async def test_an_answer_that_ends_for_its_function_call_ends_with_tool_calls() -> None:
    reply = await reply_of(answer({"functionCall": {"name": "add", "args": {}}}, finish="FUNCTION_CALL"))
    assert reply.finish_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("reason", types.FinishReason)
async def test_how_an_answer_ends(reason: types.FinishReason) -> None:
    meaning = ENDINGS[reason]
    chunk = answer({"text": "said"}, finish=reason.value)
    if isinstance(meaning, FinishReason):
        assert (await reply_of(chunk)).finish_reason is meaning
        return
    with pytest.raises(meaning or ProviderBroken) as caught:
        await reply_of(chunk)
    assert "said" not in str(caught.value)
    repeated = {types.FinishReason.OTHER, types.FinishReason.MALFORMED_RESPONSE}
    assert caught.value.doubtful is (meaning is ProviderBroken)
    assert caught.value.repeats == (1 if reason in repeated else 0)


@pytest.mark.parametrize(
    ("reason", "whose"),
    [
        ("PUP_LIMITED_DISABLED", FailureReason.CREDENTIALS),
        ("MISSING_THOUGHT_SIGNATURE", FailureReason.ADDED_FIELD),
    ],
)
async def test_an_ending_that_is_our_side_s_fault_is_no_fault_of_the_request(reason: str, whose: FailureReason) -> None:
    with pytest.raises(ProviderMisconfigured) as caught:
        await reply_of(answer(finish=reason))
    assert caught.value.reason is whose


async def test_an_unknown_finish_reason_is_broken_and_not_quoted() -> None:
    with pytest.raises(ProviderBroken) as caught:
        await reply_of(answer({"text": "a"}, finish="SAID_BY_THE_VENDOR"))
    assert "SAID" not in str(caught.value).upper()
    assert (caught.value.doubtful, caught.value.repeats) == (True, 0)


async def test_no_terminal_mark_is_broken() -> None:
    with pytest.raises(ProviderBroken) as caught:
        await reply_of(answer({"text": "a"}))
    assert not caught.value.doubtful
    with pytest.raises(ProviderBroken):
        await reply_of()


async def test_a_terminal_mark_with_content_after_it_does_not_count() -> None:
    with pytest.raises(ProviderBroken):
        await reply_of(answer({"text": "a"}, finish="STOP"), answer({"text": "b"}))
    reply = await reply_of(answer({"text": "a"}, finish="STOP"), answer({"text": "b"}, finish="STOP"))
    assert reply.content == "ab"


async def test_an_unspecified_block_reason_blocks_nothing() -> None:
    feedback = {"promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED", "safetyRatings": []}}
    with pytest.raises(ProviderBroken):
        await reply_of(vendor(feedback))


def test_every_block_reason_of_the_sdk_has_a_meaning() -> None:
    assert set(BLOCKS) == set(types.BlockedReason)


async def test_an_unknown_block_reason_is_broken_and_not_quoted() -> None:
    with pytest.raises(ProviderBroken) as caught:
        await reply_of(vendor({"promptFeedback": {"blockReason": "SAID_BY_THE_VENDOR"}}))
    assert "SAID" not in str(caught.value).upper()
    assert caught.value.doubtful


@pytest.mark.parametrize("reason", [each for each in types.BlockedReason if "UNSPECIFIED" not in each.value])
async def test_a_blocked_prompt_is_an_empty_answer(reason: types.BlockedReason) -> None:
    reply = await reply_of(vendor({"promptFeedback": {"blockReason": reason.value}}))
    assert (reply.finish_reason, reply.content) == (FinishReason.CONTENT_FILTER, "")


def test_every_kind_of_part_of_the_sdk_is_carried_refused_or_tells_of_another() -> None:
    carried = {"text", "thought", "thought_signature", "function_call"}
    of_others = {name for name in types.Part.model_fields if name.endswith("_metadata")}
    of_input = {"media_resolution", "media_processing"}
    assert {*UNCARRIED} | carried | of_others | of_input == set(types.Part.model_fields)


@pytest.mark.parametrize("kind", UNCARRIED)
async def test_a_part_of_another_kind_is_broken_never_dropped(kind: str) -> None:
    name = "".join(word.title() if number else word for number, word in enumerate(kind.split("_")))
    with pytest.raises(ProviderBroken, match=kind) as caught:
        await reply_of(answer({"text": "a"}, {name: {}}, finish="STOP"))
    assert caught.value.doubtful


@pytest.mark.parametrize(
    "part", [{"hologram": {"of": "a cat"}}, {"hologram": {}, "thought": True}, {"hologram": {}, "partMetadata": {}}]
)
async def test_a_part_of_a_kind_that_nobody_knows_is_broken_never_an_empty_answer(part: dict[str, Any]) -> None:
    for parts in ((part,), ({"text": "a"}, part)):
        with pytest.raises(ProviderBroken, match="unknown kind") as caught:
            await reply_of(answer(*parts, finish="STOP"))
        assert caught.value.doubtful


@pytest.mark.parametrize("part", [{"text": ""}, {"thoughtSignature": "c2ln"}, {"text": "", "thought": True}])
async def test_a_part_without_text_is_none_of_an_unknown_kind(part: dict[str, Any]) -> None:
    assert (await reply_of(answer({"text": "a"}, part, finish="STOP"))).content == "a"


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"functionCall": {"args": {}}},
        {"functionCall": {"name": "f", "args": {"a": "\ud800"}}},
        {"functionCall": {"name": "f", "args": {"a": float("inf")}}},
        {"text": "\ud800"},
    ],
)
async def test_what_cannot_be_carried_is_broken_never_dropped(part: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match=r"gemini: ") as caught:
        await reply_of(answer(part, finish="STOP"))
    assert isinstance(caught.value, ProviderBroken)
    assert caught.value.doubtful


@pytest.mark.parametrize("text", ["+/+/", "-_-_", "c2lnLQ", "c2lnLQ=="])
async def test_a_signature_is_read_in_both_alphabets_with_and_without_its_end(text: str) -> None:
    extra = (await reply_of(answer({"text": "a", "thoughtSignature": text}, finish="STOP"))).extra_content
    standard = {"-_-_": "+/+/", "c2lnLQ": "c2lnLQ=="}.get(text, text)
    assert extra == {"google": {"thought_signature": standard}}


async def test_a_signature_that_is_none_is_broken() -> None:
    with pytest.raises(ProviderBroken) as caught:
        await reply_of(answer({"text": "a", "thoughtSignature": "no base64!"}, finish="STOP"))
    assert not caught.value.doubtful


async def test_generated_ids_are_distinct_without_a_name_of_the_answer_too() -> None:
    call = {"functionCall": {"name": "f"}}
    reply = await reply_of(answer(call, call, finish="STOP"))
    assert [made.id for made in reply.tool_calls] == ["call_0", "call_1"]


async def test_arguments_keep_every_digit() -> None:
    call = {"functionCall": {"name": "f", "args": {"n": 2**70, "x": 1.0, "z": 0}}}
    reply = await reply_of(answer(call, finish="STOP"))
    assert reply.tool_calls[0].arguments == f'{{"n":{2**70},"x":1.0,"z":0}}'


def test_a_whole_answer_has_one_delta_of_each_kind() -> None:
    chunk = answer(
        {"text": "I ", "thought": True},
        {"text": "a"},
        {"functionCall": {"name": "f", "id": "1"}},
        {"text": "think", "thought": True},
        {"text": "b"},
    )
    deltas: list[Delta] = list(joined(GeminiReplyReader(TO, ASKED, FunctionNames(())).read(chunk)))
    assert [type(delta).__name__ for delta in deltas] == ["ReasoningDelta", "TextDelta", "ToolCallDelta"]
    assert deltas[1:] == [TextDelta(text="ab"), ToolCallDelta(index=0, id="1", name="f", arguments="{}")]


async def test_no_two_calls_of_an_answer_have_one_id_whatever_the_vendor_gives() -> None:
    calls = [{"functionCall": {"name": "f", "id": id}} for id in ("call_1", "", "call_1", "")]
    made = (await reply_of(answer(*calls, finish="STOP"))).tool_calls
    assert len({call.id for call in made}) == len(made) == 4


@pytest.mark.parametrize(("count", "taken"), [(7, 7), (10**40, MAX_COUNT)])
async def test_a_count_that_is_none_is_held_to_what_a_count_can_be(count: int, taken: int) -> None:
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount")
    chunk = answer({"text": "a"}, finish="STOP")
    chunk.usage_metadata = vendor({"usageMetadata": dict.fromkeys(names, count)}).usage_metadata
    usage = (await reply_of(chunk)).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (taken, 2 * taken)
    assert (usage.reasoning_tokens, usage.cached_tokens) == (taken, taken)


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({}, Usage(prompt_tokens=9, completion_tokens=2, estimated=True)),
        ({"totalTokenCount": 4}, Usage(prompt_tokens=9, completion_tokens=2, estimated=True)),
        ({"promptTokenCount": 4}, Usage(prompt_tokens=4, completion_tokens=2, estimated=True)),
        ({"candidatesTokenCount": 4}, Usage(prompt_tokens=9, completion_tokens=4, estimated=True)),
        ({"promptTokenCount": -4}, Usage(prompt_tokens=9, completion_tokens=2, estimated=True)),
        ({"promptTokenCount": 4, "candidatesTokenCount": 1}, Usage(prompt_tokens=4, completion_tokens=1)),
    ],
)
async def test_what_is_not_counted_is_estimated_and_said_to_be(counts: dict[str, int], usage: Usage) -> None:
    chunk = {"candidates": [{"content": {"parts": [{"text": "Hello!"}]}, "finishReason": "STOP"}]}
    assert (await reply_of(vendor(chunk | ({"usageMetadata": counts} if counts else {})))).usage == usage


async def test_an_empty_answer_has_a_prompt_all_the_same() -> None:
    usage = (await reply_of(vendor({"promptFeedback": {"blockReason": "SAFETY"}}))).usage
    assert usage == Usage(prompt_tokens=9, completion_tokens=0, estimated=True)


async def test_a_call_that_nobody_counts_is_part_of_the_estimate() -> None:
    call = {"functionCall": {"name": "look_up", "args": {"city": "Berlin"}}}
    assert (await reply_of(answer(call, finish="STOP"))).usage.completion_tokens == 6


async def test_the_last_counts_hold_with_what_the_vendor_s_tools_read() -> None:
    counts = [
        {"promptTokenCount": 9, "candidatesTokenCount": 1},
        {"promptTokenCount": 9, "toolUsePromptTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
    ]
    chunks = [
        vendor({"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": each}) for each in counts
    ]
    usage = (await reply_of(*chunks, answer(finish="STOP"))).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens) == (13, 5, 2)


@pytest.mark.parametrize("named", [{"model_version": "\ud800"}, {"response_id": "\ud800"}], ids=["model", "answer"])
async def test_names_that_are_no_text_are_broken(named: dict[str, str]) -> None:
    chunk = msgspec.structs.replace(answer({"functionCall": {"name": "f"}}, finish="STOP"), **named)
    with pytest.raises(ProviderBroken):
        await reply_of(chunk)


USUAL: dict[str, Any] = {"text": "word "}
CHUNKS: dict[str, Any] = {
    "usual": {"candidates": [{"content": {"parts": [USUAL]}}], "usageMetadata": {"promptTokenCount": 3}},
    "a thought": {"candidates": [{"content": {"parts": [USUAL | {"thought": True}]}}], "modelVersion": "m-1"},
    "beyond ASCII": {"candidates": [{"content": {"parts": [{"text": "W\u00f6rter"}]}}]},
    "several parts": {"candidates": [{"content": {"parts": [USUAL, USUAL]}}]},
    "signed": {"candidates": [{"content": {"parts": [USUAL | {"thoughtSignature": "c2ln"}]}}]},
    "called": {"candidates": [{"content": {"parts": [{"functionCall": {"name": "add", "args": {}}}]}}]},
    "empty": {"candidates": [{"content": {"parts": [{"text": ""}]}}]},
    "ended": {"candidates": [{"content": {"parts": [USUAL]}, "finishReason": "STOP"}]},
    "continued": {
        "candidates": [{"content": {"parts": [USUAL]}, "finishReason": "CONTINUATION", "continuationToken": "t"}]
    },
    "blocked": {"candidates": [{"content": {"parts": [USUAL]}}], "promptFeedback": {"blockReason": "SAFETY"}},
    "counts": {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
    "no content": {"candidates": [{"index": 0}]},
}


@pytest.mark.parametrize("before", ["usual", "ended", "continued"])
@pytest.mark.parametrize("name", CHUNKS)
def test_the_usual_chunk_is_read_quickly_as_any_other(name: str, before: str) -> None:
    one, other = (GeminiReplyReader(TO, ASKED, FunctionNames(())) for _ in range(2))
    chunks = [vendor(CHUNKS[before]), vendor(CHUNKS[name])]

    together = one.events(chunks)

    assert together == [delta for chunk in chunks for delta in other.read(chunk)]
    for reader in (one, other):
        reader.ending = reader.ending or FinishReason.STOP
    assert one.finished() == other.finished()
    assert (one.ending, one.continuation, one.model) == (other.ending, other.continuation, other.model)


def test_what_came_before_a_failure_is_given_first() -> None:
    reader = GeminiReplyReader(TO, ASKED, FunctionNames(()))
    assert reader.events([answer(USUAL), answer({"inlineData": {}})]) == [TextDelta(text="word ")]
    assert isinstance(reader.failure, ProviderBroken)
    with pytest.raises(ProviderBroken):
        reader.events([answer({"inlineData": {}})])
