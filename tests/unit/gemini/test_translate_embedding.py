"""Embeddings on their way to Gemini and back: golden payloads of the vendor's reference."""

import json
from pathlib import Path

import msgspec
import pytest

from llm_gateway.adapters.outbound.gemini.translate_embedding import (
    INPUTS_A_CALL,
    embed_batches,
    embed_reply,
    of_unit_length,
)
from llm_gateway.adapters.outbound.gemini.wire import EMBEDDINGS, ContentEmbedding, EmbedContentResponse, read
from llm_gateway.domain.chat import MAX_COUNT
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.routing import EndpointId

GOLDEN = json.loads((Path(__file__).parent / "golden" / "embedding.json").read_text())
REQUEST = msgspec.convert(GOLDEN["request"], EmbedRequest)
TO = EndpointId(provider="gemini", model=GOLDEN["model"])


def vendor(payload: object) -> EmbedContentResponse:
    return read(EMBEDDINGS, json.dumps(payload).encode())


def test_a_request_becomes_the_vendors_contents() -> None:
    (batch,) = embed_batches(REQUEST)
    assert [{"parts": [{"text": text}]} for text in batch] == [one["content"] for one in GOLDEN["body"]["requests"]]


def test_the_vendors_answer_becomes_a_reply() -> None:
    assert embed_reply(TO, REQUEST, [of_unit_length(vendor(GOLDEN["answer"]))]) == msgspec.convert(
        GOLDEN["reply"], EmbedReply
    )


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([3, 4], [0.6, 0.8]),
        ([1e-30, 0], [1.0, 0.0]),
        ([0.6, 0.8], [0.6, 0.8]),
        ([0, 0], [0.0, 0.0]),
        ([], []),
        (None, None),
        ([1e308, 1e308], [0.5**0.5, 0.5**0.5]),
        ([float("inf"), 1], [float("inf"), 1]),
    ],
)
def test_vectors_have_unit_length_whatever_the_vendor_does(
    values: list[float] | None, unit: list[float] | None
) -> None:
    answer = EmbedContentResponse(embeddings=[ContentEmbedding(values=values)])
    (made,) = of_unit_length(answer).embeddings or [ContentEmbedding()]
    assert made.values == (unit if unit is None else pytest.approx(unit))


@pytest.mark.parametrize("count", [1, INPUTS_A_CALL, INPUTS_A_CALL + 1, 2_048])
def test_the_batches_hold_every_input_once_and_in_order(count: int) -> None:
    inputs = tuple(str(number) for number in range(count))
    batches = list(embed_batches(EmbedRequest(inputs=inputs)))
    assert tuple(text for batch in batches for text in batch) == inputs
    assert all(0 < len(batch) <= INPUTS_A_CALL for batch in batches)


@pytest.mark.parametrize("usage", [{}, {"usageMetadata": {}}, {"usageMetadata": {"promptTokenCount": -5}}])
def test_what_is_not_counted_is_estimated_and_said_to_be(usage: dict[str, object]) -> None:
    counted = vendor({"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": 900}})
    reply = embed_reply(
        TO, EmbedRequest(inputs=("a", "b" * 32)), [counted, vendor({"embeddings": [{"values": [1]}], **usage})]
    )
    assert (reply.prompt_tokens, reply.estimated) == (13, True)


@pytest.mark.parametrize(("count", "taken"), [(7, 7), (10**40, MAX_COUNT)])
def test_a_count_that_is_none_is_held_to_what_a_count_can_be(count: int, taken: int) -> None:
    answer = vendor({"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": count}})
    reply = embed_reply(TO, EmbedRequest(inputs=("a",)), [answer])
    assert (reply.prompt_tokens, reply.estimated) == (taken, False)
