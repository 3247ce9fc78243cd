"""Answers in OpenAI's words: golden files, whole and streamed, and that both say the same."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.renderer import AnswerIdentity
from llm_gateway.adapters.inbound.http.openai.renderer import CompletionOptions, OpenAIRenderer
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ChatEvent, Collector, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta

from .answers import TO, answer_of, chunks_of, folded

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "golden").glob("openai_reply_*.json"))
}
MARK = AnswerIdentity(id="chatcmpl-1", created=1_795_000_000)
PLAIN = CompletionOptions(include_usage=False, one_call=False, service_tier=False)
ANSWER = answer_of()


def whole(events: list[ChatEvent], wishes: CompletionOptions = PLAIN) -> Any:
    return json.loads(OpenAIRenderer(MARK, wishes).whole(_reply(events), ANSWER))


def streamed(events: list[ChatEvent], wishes: CompletionOptions = PLAIN) -> list[Any]:
    form = OpenAIRenderer(MARK, wishes)
    deltas = (event for event in events if not isinstance(event, Started | Finished))
    return chunks_of(b"".join(form.delta(event, ANSWER) for event in deltas) + form.done(_reply(events), ANSWER))


def _reply(events: list[ChatEvent]) -> Any:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.reply()


@pytest.mark.parametrize("name", GOLDEN)
def test_an_answer_becomes_a_completion_and_chunks(name: str) -> None:
    golden = GOLDEN[name]
    events = msgspec.convert(golden["events"], list[ChatEvent])
    wishes = msgspec.convert(golden["wishes"], CompletionOptions)

    assert whole(events, wishes) == golden["completion"]
    assert streamed(events, wishes) == golden["chunks"]


JSON = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
TEXTS = st.text(max_size=4)
CALLS = st.lists(st.tuples(TEXTS, TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.none() | JSON), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> list[ChatEvent]:
    texts = draw(st.lists(st.builds(TextDelta, text=TEXTS) | st.builds(ReasoningDelta, text=TEXTS), max_size=4))
    parts: list[list[ToolCallDelta]] = [
        [
            ToolCallDelta(index=index, id=id, name=name, arguments=arguments[0], extra_content=extra),
            *(ToolCallDelta(index=index, arguments=more) for more in arguments[1:]),
        ]
        for index, (id, name, arguments, extra) in enumerate(draw(CALLS))
    ]
    end = Finished(
        reason=draw(st.sampled_from(FinishReason)),
        usage=draw(st.builds(Usage)),
        model=draw(TEXTS),
        extra_content=draw(st.none() | JSON),
    )
    return [Started(endpoint=TO), *texts, *(delta for call in parts for delta in call), end]


@given(answers(), st.booleans(), st.booleans())
def test_a_stream_says_what_the_whole_answer_says(events: list[ChatEvent], one_call: bool, usage: bool) -> None:
    wishes = CompletionOptions(include_usage=usage, one_call=one_call, service_tier=False)
    completion, chunks = whole(events, wishes), streamed(events, wishes)

    assert chunks.pop() == "[DONE]"
    message = completion["choices"][0]["message"]
    assert message.pop("refusal") is None
    assert _said(folded(chunks)) == _said(message)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["system_fingerprint"]) for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    if usage:
        assert chunks[-1]["choices"] == []
        assert chunks.pop()["usage"] == completion["usage"]
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert reasons == [*[None] * (len(chunks) - 1), completion["choices"][0]["finish_reason"]]
    assert all(chunk.get("usage") is None and ("usage" in chunk) is usage for chunk in chunks)


def _said(message: dict[str, Any]) -> dict[str, Any]:
    """What is empty is not said by the one, and said by the other."""
    return {name: value for name, value in message.items() if value}


def test_of_several_calls_the_first_where_one_was_asked_for() -> None:
    events: list[ChatEvent] = [
        Started(endpoint=TO),
        ToolCallDelta(index=0, id="a", name="f", arguments="{}"),
        ToolCallDelta(index=1, id="b", name="g", arguments="{}"),
        Finished(reason=FinishReason.TOOL_CALLS, usage=Usage(prompt_tokens=1, completion_tokens=1), model="m"),
    ]
    wishes = CompletionOptions(include_usage=False, one_call=True, service_tier=False)

    assert [call["id"] for call in whole(events, wishes)["choices"][0]["message"]["tool_calls"]] == ["a"]
    assert [call["id"] for call in folded(streamed(events, wishes)[:-1])["tool_calls"]] == ["a"]


def test_an_error_in_mid_stream_is_a_frame_with_an_error_and_no_done() -> None:
    [frame] = chunks_of(OpenAIRenderer(MARK, PLAIN).failed(ProviderBroken("gemini", "broke off"), "id-1"))

    assert frame == {
        "error": {"message": "gemini: broke off", "type": "server_error", "param": None, "code": "provider_failed"}
    }


def test_the_fingerprint_changes_with_what_may_change_an_answer() -> None:
    def fingerprint(**changed: Any) -> str:
        end = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="m")
        reply = _reply([Started(endpoint=TO), end])
        return str(json.loads(OpenAIRenderer(MARK, PLAIN).whole(reply, answer_of(**changed)))["system_fingerprint"])

    assert fingerprint() == fingerprint()
    assert fingerprint().startswith("fp_")
    assert len({fingerprint(), fingerprint(fingerprint="num_ctx=4096")}) == 2
