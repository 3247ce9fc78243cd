"""Where a stream's terminal mark may stand, as real streams of the vendor have it."""

from typing import Any

import pytest

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import collect

from .calls import ask, served
from .payloads import said, stream

COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4}
USAGE = Usage(prompt_tokens=3, completion_tokens=6, reasoning_tokens=4)
TEXT = said({"text": "Hello"})
CALL = said({"functionCall": {"name": "look", "args": {}, "id": "c1"}, "thoughtSignature": "c2ln"})
METADATA = {"candidates": [{"index": 0, "groundingMetadata": {}}], "modelVersion": "gemini-3.5-flash"}

ENDINGS: dict[str, tuple[tuple[dict[str, Any], ...], FinishReason]] = {
    "on the last content": ((said({"text": "Hello"}, finish="STOP", usage=COUNTS),), FinishReason.STOP),
    "without parts": ((TEXT, said(finish="STOP", usage=COUNTS)), FinishReason.STOP),
    "before the counts": ((TEXT, said(finish="STOP"), {"usageMetadata": COUNTS}), FinishReason.STOP),
    "before metadata": ((TEXT, said(finish="STOP", usage=COUNTS), METADATA), FinishReason.STOP),
    "with the signature of an empty text": (
        (TEXT, said({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", usage=COUNTS)),
        FinishReason.STOP,
    ),
    "twice": (
        (said({"text": "Hel"}, finish="STOP"), said({"text": "lo"}, finish="STOP", usage=COUNTS)),
        FinishReason.STOP,
    ),
    "after a call": ((TEXT, CALL, said({"text": ""}, finish="STOP", usage=COUNTS)), FinishReason.TOOL_CALLS),
    "at the limit": ((TEXT, said(finish="MAX_TOKENS", usage=COUNTS)), FinishReason.LENGTH),
}


@pytest.mark.parametrize("name", ENDINGS)
async def test_a_stream_is_read_to_its_end_wherever_it_says_that_it_ends(name: str) -> None:
    chunks, reason = ENDINGS[name]
    async with served(stream(*chunks)) as (_, model):
        reply = await collect(ask(model))
    assert (reply.content, reply.finish_reason, reply.usage) == ("Hello", reason, USAGE)


@pytest.mark.parametrize("name", ENDINGS)
async def test_without_the_mark_it_is_broken(name: str) -> None:
    chunks = [
        chunk | {"candidates": [{**each, "finishReason": "FINISH_REASON_UNSPECIFIED"} for each in chunk["candidates"]]}
        if "candidates" in chunk
        else chunk
        for chunk in ENDINGS[name][0]
    ]
    async with served(stream(*chunks)) as (_, model):
        with pytest.raises(ProviderBroken):
            await collect(ask(model))


async def test_a_chunk_without_candidates_and_without_feedback_is_no_answer_and_worth_another_call() -> None:
    async with served(stream({"usageMetadata": COUNTS, "modelVersion": "gemini-3.5-flash"})) as (_, model):
        with pytest.raises(ProviderBroken) as caught:
            await collect(ask(model))
    assert not caught.value.doubtful
