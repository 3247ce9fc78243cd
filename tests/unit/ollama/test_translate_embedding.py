"""Embeddings on their way to Ollama and back: the bodies and answers that the vendor documents."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.adapters.outbound.ollama.options import Options
from llm_gateway.adapters.outbound.ollama.translate_embedding import (
    INPUTS_A_CALL,
    embed_bodies,
    embed_load_body,
    embed_reply,
)
from llm_gateway.adapters.outbound.ollama.translate_request import encoded
from llm_gateway.adapters.outbound.ollama.wire import Vectors, vectors
from llm_gateway.domain.chat import MAX_COUNT
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

FOLDER = Path(__file__).parent / "golden"
TO = Endpoint(id=EndpointId(provider="ollama", model="all-minilm"), locality=Locality.ON_PREMISES)


def sent(request: EmbedRequest, options: Options | None = None) -> list[Any]:
    return [json.loads(encoded(TO.id, body)) for body in embed_bodies(TO.id.model, request, options or Options())]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("embed_request_*.json")), ids=lambda path: path.stem)
def test_a_request_becomes_the_vendors_body(path: Path) -> None:
    golden = json.loads(path.read_text())
    options = Options(num_ctx=golden.get("num_ctx"), keep_alive=golden.get("keep_alive"))
    assert sent(msgspec.convert(golden["ours"], EmbedRequest), options) == [golden["body"]]


def test_the_vendors_answer_becomes_a_reply() -> None:
    golden = json.loads((FOLDER / "embed_reply.json").read_text())
    request = msgspec.convert(golden["ours"], EmbedRequest)
    assert embed_reply(TO, request, [vectors.decode(json.dumps(golden["answer"]))]) == msgspec.convert(
        golden["reply"], EmbedReply
    )


@pytest.mark.parametrize("count", [1, INPUTS_A_CALL, INPUTS_A_CALL + 1, 2_048])
def test_the_bodies_hold_every_input_once_and_in_order(count: int) -> None:
    inputs = tuple(str(number) for number in range(count))
    bodies = sent(EmbedRequest(inputs=inputs, dimensions=3))
    assert [text for body in bodies for text in body["input"]] == list(inputs)
    assert all(0 < len(body["input"]) <= INPUTS_A_CALL and body["dimensions"] == 3 for body in bodies)


def test_an_answer_that_is_not_counted_costs_nothing_known() -> None:
    assert embed_reply(TO, EmbedRequest(inputs=("a",)), [Vectors(embeddings=((1.0,),))]).prompt_tokens == 0


def test_a_load_never_unloads() -> None:
    assert embed_load_body("m", Options(keep_alive="0")) == {"model": "m", "truncate": False, "input": []}


@pytest.mark.parametrize(("count", "taken"), [(-5, 0), (10**40, MAX_COUNT)])
def test_a_count_that_is_none_is_held_to_what_a_count_can_be(count: int, taken: int) -> None:
    answer = Vectors(embeddings=((1.0,),), prompt_eval_count=count)
    assert embed_reply(TO, EmbedRequest(inputs=("a",)), [answer]).prompt_tokens == taken


def test_half_a_character_in_the_models_name_can_be_told() -> None:
    answer = Vectors(embeddings=((1.0,),), model="a\ud800")
    assert embed_reply(TO, EmbedRequest(inputs=("a",)), [answer]).model == "a?"
