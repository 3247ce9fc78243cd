"""A stream is read to its end wherever its terminal mark stands, and never finished without one."""

from dataclasses import replace

import pytest

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderThrottled, ProviderUnavailable
from llm_gateway.domain.events import ChatEvent, Finished, TextDelta, collect

from .calls import ask, served
from .endings import ENDINGS

pytestmark = pytest.mark.usefixtures("carrier")

REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
}


@pytest.mark.parametrize("name", [name for name, ending in ENDINGS.items() if ending.finish])
async def test_a_stream_is_read_to_its_end_wherever_it_says_that_it_ends(name: str) -> None:
    ending = ENDINGS[name]
    async with served(ending.answer) as (_, model):
        reply = await collect(ask(model))
    assert reply.content == ending.text
    assert reply.finish_reason is (FinishReason.TOOL_CALLS if ending.calls else REASONS[str(ending.finish)])
    assert reply.usage == Usage(prompt_tokens=3, completion_tokens=6, reasoning_tokens=4)


@pytest.mark.parametrize("name", [name for name, ending in ENDINGS.items() if ending.finish in ("STOP", "MAX_TOKENS")])
async def test_without_the_mark_it_is_broken(name: str) -> None:
    answer = ENDINGS[name].answer
    steps = [
        step.replace(f'"{ENDINGS[name].finish}"'.encode(), b'"FINISH_REASON_UNSPECIFIED"')
        for step in answer.steps
        if isinstance(step, bytes)
    ]
    assert steps != answer.steps
    async with served(replace(answer, steps=steps)) as (_, model):
        with pytest.raises(ProviderBroken):
            await collect(ask(model))


@pytest.mark.parametrize("name", [name for name, ending in ENDINGS.items() if not ending.finish])
async def test_a_stream_that_is_cut_off_or_fails_is_an_error_after_what_came(name: str) -> None:
    ending, seen = ENDINGS[name], list[ChatEvent]()

    async def read() -> None:
        async for event in ask(model):
            seen.append(event)

    async with served(ending.answer) as (_, model):
        with pytest.raises(ProviderError) as caught:
            await read()
    assert isinstance(caught.value, ProviderUnavailable | ProviderThrottled if ending.fails else ProviderBroken)
    assert "".join(event.text for event in seen if isinstance(event, TextDelta)) == ending.text
    assert not any(isinstance(event, Finished) for event in seen)


async def test_a_chunk_without_candidates_and_without_feedback_is_no_answer_and_worth_another_call() -> None:
    async with served(ENDINGS["neither candidates nor feedback"].answer) as (_, model):
        with pytest.raises(ProviderBroken) as caught:
            await collect(ask(model))
    assert not caught.value.doubtful
