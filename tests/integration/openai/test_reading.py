"""How answers are read that servers write in their own ways: each is whole, once, or is no answer at all."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from llm_gateway.adapters.outbound.openai import chat_model
from llm_gateway.domain import errors
from llm_gateway.domain.chat import (
    AssistantMessage,
    FinishReason,
    Grain,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.events import ChatEvent, Finished, TextDelta

from ..scripted_vendor import LAST, Cut, Flood, Hold, Script, chunk, whole
from .calls import SECRET, asking, events_of, provider_at, reply_of, texts, until_it_fails
from .server import COUNTS, DONE, HEAD, SpokenServer, called, counted, delta, event, message, spoken_server, stream

ADD = Tool(name="add", parameters={"type": "object"})
END = delta(finish="stop")


async def read(script: Script, grain: Grain = Grain.STREAM, dialect: str = "generic", **fields: Any) -> Any:
    async with spoken_server(dialect) as server, provider_at(server.url, dialect) as provider:
        server.scripts = [script]
        return await reply_of(provider, asking(**fields), grain)


@pytest.mark.parametrize(
    "parts",
    [
        [delta(reasoning="Hm"), delta(reasoning="m."), delta("Hi")],
        [delta(reasoning_content="Hm"), delta(reasoning_content="m."), delta("Hi")],
        [delta(reasoning="Hm", reasoning_content="Hm"), delta(reasoning="m.", reasoning_content="m."), delta("Hi")],
        [delta("", reasoning="Hmm."), delta("H"), delta("i")],
        [delta([{"type": "thinking", "thinking": [{"type": "text", "text": "Hmm."}]}, {"type": "text", "text": "Hi"}])],  # type: ignore[arg-type]
        [delta("Hi", reasoning_content="Hmm.")],
    ],
)
async def test_thoughts_are_read_under_each_name_and_once(parts: Sequence[bytes]) -> None:
    reply = await read(stream(*parts, END, DONE))
    assert (reply.reasoning, reply.content) == ("Hmm.", "Hi")


@pytest.mark.parametrize(
    ("content", "more", "reasoning"),
    [
        ("Hi", {"reasoning": "Hm"}, "Hm"),
        ("Hi", {"reasoning_content": "Hm", "reasoning": "Hm"}, "Hm"),
        ([{"type": "thinking", "thinking": [{"text": "Hm"}]}, {"type": "text", "text": "Hi"}], {}, "Hm"),
        (None, {"refusal": "Hi"}, ""),
    ],
)
async def test_a_whole_answer_is_read_in_each_form(content: object, more: Any, reasoning: str) -> None:
    reply = await read(whole(message(content, **more)), Grain.WHOLE)
    assert (reply.content, reply.reasoning, reply.model) == ("Hi", reasoning, "able-1")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (26, 8)


ONE, TWO = called(id="a"), called("sub", '{"m":2}', "b")


def piece(text: str, **more: object) -> bytes:
    return delta(tool_calls=[{**more, "function": {"arguments": text}}])


CALLS: dict[str, Sequence[bytes]] = {
    "by index": [
        delta(tool_calls=[{"index": 0, **called(arguments="", id="a")}]),
        piece('{"n"', index=0),
        piece(":1}", index=0),
        delta(tool_calls=[{"index": 1, **TWO}]),
    ],
    "in turns": [
        delta(tool_calls=[{"index": 0, **called(arguments="", id="a")}]),
        delta(tool_calls=[{"index": 1, **called("sub", "", "b")}]),
        piece('{"n":1}', index=0),
        piece('{"m":2}', index=1),
    ],
    "whole, without an index": [delta(tool_calls=[ONE, TWO])],
    "by id": [delta(tool_calls=[called(arguments="{", id="a")]), piece('"n":1}', id="a"), delta(tool_calls=[TWO])],
    "by neither": [delta(tool_calls=[called(arguments="{", id="a")]), piece('"n":1}'), delta(tool_calls=[TWO])],
    "each numbered 0": [delta(tool_calls=[{"index": 0, **ONE}]), delta(tool_calls=[{"index": 0, **TWO}])],
    "an id in each part": [
        delta(tool_calls=[{"index": 0, **called(arguments="{", id="a")}]),
        delta(tool_calls=[{"index": 0, "id": "other", "function": {"arguments": '"n":1}'}}]),
        delta(tool_calls=[{"index": 1, **TWO}]),
    ],
    "arguments as an object": [
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "add", "arguments": {"n": 1}}}]),
        delta(tool_calls=[{"index": 1, "id": "b", "function": {"name": "sub", "arguments": {"m": 2}}}]),
    ],
    "the name late": [
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"arguments": "{"}}]),
        delta(tool_calls=[{"index": 0, "function": {"name": "add", "arguments": '"n":1}'}}]),
        delta(tool_calls=[{"index": 1, **TWO}]),
    ],
}


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
@pytest.mark.parametrize("parts", CALLS.values(), ids=CALLS)
async def test_calls_are_put_together(parts: Sequence[bytes], finish: str) -> None:
    reply = await read(stream(*parts, delta(finish=finish), counted(), DONE), tools=(ADD,))
    assert [(call.id, call.name, json.loads(call.arguments)) for call in reply.tool_calls] == [
        ("a", "add", {"n": 1}),
        ("b", "sub", {"m": 2}),
    ]
    assert reply.finish_reason is FinishReason.TOOL_CALLS


async def test_calls_without_an_id_or_with_the_same_one_have_their_own() -> None:
    before = AssistantMessage(tool_calls=(ToolCall(id="call_0", name="add", arguments="{}"),))
    messages = (UserMessage(content="Go."), before, ToolMessage(tool_call_id="call_0", content="1"))
    async with spoken_server() as server, provider_at(server.url) as provider:
        calls = [{"function": ONE["function"]}, {"id": "x", **{"function": TWO["function"]}}, called(id="x")]
        server.scripts = [whole(message(None, "tool_calls", tool_calls=calls))]
        reply = await reply_of(provider, asking(*messages, tools=(ADD,)), Grain.WHOLE)
    assert len({call.id for call in reply.tool_calls} | {"call_0"}) == 4


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("tool_calls", FinishReason.STOP),
        ("eos", FinishReason.STOP),
    ],
)
async def test_an_end_in_the_servers_own_word(word: str, reason: FinishReason) -> None:
    assert (await read(stream(delta("Hi"), delta(finish=word), DONE))).finish_reason is reason


@pytest.mark.parametrize("word", ["abort", "aborted", "error", "insufficient_system_resource"])
async def test_an_answer_that_the_server_gave_up_is_none(word: str) -> None:
    seen: list[ChatEvent] = []
    async with spoken_server() as server, provider_at(server.url) as provider:
        server.scripts = [stream(delta("Hi"), delta(finish=word), DONE)]
        with pytest.raises(errors.ProviderUnavailable):
            await until_it_fails(events_of(provider), seen)
    assert texts(seen, TextDelta) == "Hi"


ENDS: dict[str, Script] = {
    "counts, then the mark": stream(delta("Hi"), END, counted(), DONE),
    "counts in the last part": stream(
        delta("Hi"), event({"index": 0, "delta": {}, "finish_reason": "stop"}, usage=COUNTS), DONE
    ),
    "counts with every part": stream(
        event({"index": 0, "delta": {"content": "Hi"}}, usage={"prompt_tokens": 26, "completion_tokens": 1}),
        event({"index": 0, "delta": {}, "finish_reason": "stop"}, usage=COUNTS),
        DONE,
    ),
    "text in the last part": stream(delta("Hi", "stop"), counted(), DONE),
    "counts at Groq": stream(
        delta("Hi"), event({"index": 0, "delta": {}, "finish_reason": "stop"}, x_groq={"usage": COUNTS}), DONE
    ),
    "counts with choices null": stream(
        delta("Hi"), END, b'data: {"choices": null, "usage": %b}\n\n' % json.dumps(COUNTS).encode(), DONE
    ),
    "no mark": stream(delta("Hi"), END, counted()),
    "no mark, and the connection cut": stream(delta("Hi"), END, counted(), then=[Cut()]),
    "no mark, and the connection held": stream(delta("Hi"), END, counted(), then=[Hold()]),
    "an empty reason before": stream(delta("Hi", ""), END, counted(), DONE),
    "comments and names": stream(
        b": OPENROUTER PROCESSING\n\n", b"event: message\n" + delta("Hi"), b": ping\n\n", END, counted(), DONE
    ),
    "padding": stream(delta("Hi"), event({"index": 0, "delta": {}}, obfuscation="xyz"), END, counted(), DONE),
    "whole, where a stream was asked for": whole(message("Hi")),
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
async def test_each_end_is_an_end(script: Script) -> None:
    reply = await read(script)
    assert (reply.content, reply.finish_reason) == ("Hi", FinishReason.STOP)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (26, 8)


@pytest.mark.parametrize("then", [[LAST], [Cut()], [chunk(DONE), LAST]], ids=["closed", "cut", "mark alone"])
async def test_an_answer_without_a_reason_is_broken(then: Any) -> None:
    with pytest.raises(errors.ProviderBroken):
        await read(stream(delta("Hi"), then=then))


ERRORS: dict[str, Any] = {
    "OpenRouter": {"error": {"code": 402, "message": SECRET}},
    "text": {"error": SECRET},
    "vLLM": {"object": "error", "message": SECRET, "code": 400},
    "context": {"error": {"message": "This model's maximum context length is 4096 tokens. However, you requested"}},
}
MEANT = {
    "OpenRouter": errors.ProviderMisconfigured,
    "text": errors.ProviderUnavailable,
    "vLLM": errors.ProviderUnavailable,
    "context": errors.ContextLengthExceeded,
}


@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_inside_a_200_is_one(name: str) -> None:
    body: dict[str, Any] = ERRORS[name]
    event = b"event: error\ndata: %b\n\n" % json.dumps(body).encode()
    for script, grain in (
        (whole({"choices": None} | body), Grain.WHOLE),
        (stream(event), Grain.STREAM),
        (stream(delta("Hi"), event, DONE), Grain.STREAM),
        (whole(body), Grain.STREAM),
    ):
        with pytest.raises(errors.ProviderError) as failed:
            await read(script, grain)
        assert type(failed.value) is MEANT[name]
        assert SECRET not in str(failed.value)


async def test_no_choices_and_no_error_is_the_servers_passing_trouble() -> None:
    bodies: list[dict[str, object]] = [{"choices": None}, {"choices": []}]
    for body in bodies:
        with pytest.raises(errors.ProviderUnavailable) as failed:
            await read(whole(body), Grain.WHOLE)
        assert (failed.value.doubtful, failed.value.repeats) == (True, 1)


async def test_a_call_that_had_to_be_made_and_was_not_is_no_answer() -> None:
    forced = {"tools": (ADD,), "tool_choice": ToolMode.REQUIRED}
    for script, grain in ((whole(message()), Grain.WHOLE), (stream(delta("Hi"), END, DONE), Grain.STREAM)):
        with pytest.raises(errors.ProviderBroken, match="was to call a tool"):
            await read(script, grain, "vllm", **forced)
    cut = await read(whole(message(finish="length")), Grain.WHOLE, "vllm", **forced)
    assert cut.finish_reason is FinishReason.LENGTH


async def test_details_of_the_counts() -> None:
    counts = COUNTS | {
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    usage = (await read(stream(delta("Hi"), END, event(usage=counts), DONE))).usage
    assert (usage.cached_tokens, usage.reasoning_tokens) == (5, 3)
    usage = (await read(stream(delta("Hi"), END, counted(prompt_cache_hit_tokens=7), DONE))).usage
    assert (usage.cached_tokens, usage.reasoning_tokens) == (7, None)


LONG = b"".join(
    (
        delta("", role="assistant"),
        delta(reasoning_content="Hm \u2013 "),
        delta("Grüße \U0001f600"),
        delta(tool_calls=[{"index": 0, **called(arguments='{"n":', id="a")}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '"ö"}'}}]),
        delta(finish="tool_calls"),
        counted(),
        DONE,
    )
)


async def test_cut_at_every_byte_it_is_the_same_answer() -> None:
    plain = await read(stream(LONG), tools=(ADD,))
    async with spoken_server() as server, provider_at(server.url) as provider:
        for at in range(1, len(LONG)):
            server.scripts = [[HEAD + chunk(LONG[:at]), chunk(LONG[at:]) + LAST]]
            assert await reply_of(provider, asking(tools=(ADD,))) == plain


async def test_ended_at_every_byte_it_is_whole_or_broken() -> None:
    """Whole from the reason of its end on."""
    server: SpokenServer
    reason = LONG.index(delta(finish="tool_calls")) + len(delta(finish="tool_calls").rstrip())
    async with spoken_server() as server, provider_at(server.url) as provider:
        for at in range(len(LONG)):
            server.scripts = [[HEAD + chunk(LONG[:at]) + LAST]]
            seen: list[ChatEvent] = []
            try:
                await until_it_fails(events_of(provider, asking(tools=(ADD,))), seen)
            except errors.ProviderBroken:
                assert not isinstance(seen[-1] if seen else None, Finished)
                within_the_counts = b"data: {" in LONG[reason:at] and not LONG[reason:at].endswith(b"}\n\n")
                assert at < reason or within_the_counts
            else:
                assert at >= reason
                assert isinstance(seen[-1], Finished)


@pytest.mark.parametrize("noise", [b": still here\n\n", event({"choices": []})])
async def test_an_answer_that_has_ended_is_not_held_open_by_what_says_nothing(
    noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_model, "TRAILING_SECONDS", 0.05)
    monkeypatch.setattr(chat_model, "DRAIN_SECONDS", 0.05)
    reply = await read(stream(delta("Hi"), END, then=[Flood(chunk(noise))]))
    assert reply.content == "Hi"
