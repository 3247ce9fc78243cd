"""A vendor that claims what can't be: what the quota, the record, the reader and the cache are told instead."""

import logging

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script
from llm_gateway.domain.chat import MAX_COUNT, FinishReason, Grain, Usage
from llm_gateway.domain.credible_usage import TEMPLATE_TOKENS
from llm_gateway.domain.events import Finished, TextDelta

from .embedding_world import EmbeddingWorld
from .world import World, call_of, client_of


def claiming(prompt: int, completion: int, reasoning: int | None = None) -> Script:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, reasoning_tokens=reasoning)
    return [(TextDelta(text="Hello"), Finished(reason=FinishReason.STOP, usage=usage, model="m"))]


@pytest.mark.parametrize("grain", Grain)
async def test_all_are_told_the_same_and_none_more_than_can_be(grain: Grain) -> None:
    world = World(gemini=[claiming(MAX_COUNT, MAX_COUNT)])
    call = call_of(max_tokens=9, grain=grain)
    told = await world.ask(call, client_of(tokens=100_000))
    usage = told.reply.usage
    assert await world.at_rest()
    assert (usage.completion_tokens, usage.estimated) == (9, True)
    assert TEMPLATE_TOKENS < usage.prompt_tokens < TEMPLATE_TOKENS + 1_000
    assert told.record.usage == told.record.attempts[0].usage == usage
    assert world.limiter.settled == [usage.total_tokens]
    assert (await world.ask(call)).reply.usage == usage, "from the cache too"


async def test_thoughts_that_fit_are_told_as_they_were_counted() -> None:
    world = World(gemini=[claiming(3, 4_001, 4_000)], output_limit=8_192)
    told = await world.ask(call_of())
    assert told.reply.usage == Usage(prompt_tokens=3, completion_tokens=4_001, reasoning_tokens=4_000)


async def test_an_operator_reads_of_it_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "llm_gateway.providers")
    world = World(gemini=[claiming(MAX_COUNT, 1)], ollama=[claiming(3, 1)])
    for number in range(3):
        await world.ask(call_of(f"{number}"))
    await world.ask(call_of(model="ollama", hint=None))
    assert [record.getMessage() for record in caplog.records] == [
        f"gemini/flash: says that a prompt took {MAX_COUNT} tokens and its answer 1, which can't be"
    ]
    await world.clock.advance(3_601)
    await world.ask(call_of("later"))
    assert len(caplog.records) == 2


async def test_an_embedding_s_claim_is_held_too() -> None:
    world = EmbeddingWorld(tokens_per_input=MAX_COUNT)
    embedded = await world.ask(client=client_of(tokens=100_000))
    most = embedded.reply.prompt_tokens
    assert TEMPLATE_TOKENS < most < TEMPLATE_TOKENS + 100
    assert embedded.reply.estimated
    assert world.record.usage == world.record.attempts[0].usage
    assert (world.record.usage or Usage(prompt_tokens=0, completion_tokens=0)).prompt_tokens == most
    assert world.limiter.settled == [most]
