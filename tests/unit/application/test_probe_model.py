"""What a probe makes of each answer: agreement, difference, nothing learnt, or an endpoint that can't answer."""

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.application.probe_model import Finding, ProbeModel, Verdict, questions_for
from llm_gateway.application.probe_questions import QUESTIONS
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderMisconfigured, ProviderRejected, ProviderThrottled, ProviderUnavailable
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Locality, Task

STATE = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="gemini", model="flash"), locality=Locality.CLOUD),
    features=frozenset(Feature),
)
BY_NAME = {question.name: question for question in QUESTIONS}
USAGE = Usage(prompt_tokens=3, completion_tokens=2)


def ended(reason: FinishReason, *deltas: TextDelta | ReasoningDelta | ToolCallDelta) -> Script:
    return [*deltas, Finished(reason=reason, usage=USAGE, model="flash-9")]


async def found(name: str, script: Script) -> Finding:
    clock = ScriptedClock()
    return await ProbeModel(clock).chat(BY_NAME[name], STATE, ScriptedChatModel(clock, script))


def test_only_what_is_known_of_an_endpoint_is_asked() -> None:
    assert questions_for(STATE) == list(QUESTIONS)
    bare = EndpointState(endpoint=STATE.endpoint, features=frozenset({Feature.TOOLS}))
    assert [question.name for question in questions_for(bare)] == ["answers", "tools"]
    assert not questions_for(
        EndpointState(endpoint=STATE.endpoint, features=frozenset(), tasks=frozenset({Task.EMBED}))
    )


@pytest.mark.parametrize(
    ("name", "script", "verdict"),
    [
        ("answers", answer("ok"), Verdict.AGREES),
        ("answers", ended(FinishReason.LENGTH), Verdict.AGREES),
        ("answers", ended(FinishReason.CONTENT_FILTER), Verdict.OPEN),
        ("answers", [ProviderUnavailable("gemini", "503")], Verdict.FAILS),
        ("tools", ended(FinishReason.TOOL_CALLS, ToolCallDelta(index=0, id="1", name="report")), Verdict.AGREES),
        ("tools", answer("canary"), Verdict.DIFFERS),
        ("tools", ended(FinishReason.LENGTH), Verdict.OPEN),
        ("tools", [ProviderRejected("gemini", "refused")], Verdict.DIFFERS),
        ("tools", [ProviderMisconfigured("gemini", "refused")], Verdict.DIFFERS),
        ("tools", [ProviderThrottled("gemini", "asks to wait")], Verdict.OPEN),
        ("response_format.json_schema", answer('{"word": "ok"}'), Verdict.AGREES),
        ("response_format.json_schema", answer("canary"), Verdict.DIFFERS),
        ("response_format.json_schema", ended(FinishReason.LENGTH, TextDelta(text='{"canary')), Verdict.OPEN),
        ("reasoning_effort.none", answer("ok"), Verdict.AGREES),
        ("reasoning_effort.none", ended(FinishReason.STOP, ReasoningDelta(text="canary")), Verdict.DIFFERS),
    ],
)
async def test_an_answer_shows_what_the_question_is_about(name: str, script: Script, verdict: Verdict) -> None:
    finding = await found(name, script)
    assert finding.verdict is verdict
    assert "canary" not in finding.words


async def test_a_model_that_does_not_chat_is_asked_for_one_vector() -> None:
    clock = ScriptedClock()
    finding = await ProbeModel(clock).embedding(STATE, ScriptedEmbeddingModel(clock))
    assert finding == Finding(question="embeds", verdict=Verdict.AGREES, words="vectors of 4")
    away = ScriptedEmbeddingModel(clock, ProviderUnavailable("gemini", "503"))
    assert (await ProbeModel(clock).embedding(STATE, away)).verdict is Verdict.FAILS
