"""Embeddings by Ollama over a real socket: what goes out, what comes back, a cold model, and what can go wrong."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncGenerator

import pytest

from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.ollama.translate_embedding import INPUTS_A_CALL
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain import errors
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Cut, Flood, Hold, Reset, Script, whole
from ..waiting import HANG_SECONDS
from .server import Model, OllamaServer, embedded, ollama_server, vector

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES)
SECRET = "a text that nobody may see"
ASKED = EmbedRequest(inputs=(SECRET,))


@pytest.fixture
async def server() -> AsyncGenerator[OllamaServer, None]:
    async with ollama_server() as scripted:
        scripted.models = [Model(name="nomic:latest", capabilities=("embedding",))]
        scripted.loaded = {"nomic:latest"}
        yield scripted


@pytest.fixture
async def model(server: OllamaServer) -> AsyncGenerator[OllamaEmbeddingModel, None]:
    made = OllamaEmbeddingModel(base_url=server.url, clock=SystemClock())
    yield made
    await made.aclose()


async def embed(
    model: OllamaEmbeddingModel,
    request: EmbedRequest = ASKED,
    *,
    to: Endpoint = LOCAL,
    seconds: float = HANG_SECONDS,
    clock: Clock | None = None,
) -> EmbedReply:
    deadline = Deadline((clock or SystemClock()).monotonic() + seconds)
    return await model.embed(to, request, deadline=deadline, headers={"traceparent": "00-1"})


async def test_texts_go_out_whole_and_come_back_as_vectors(server: OllamaServer, model: OllamaEmbeddingModel) -> None:
    reply = await embed(model, EmbedRequest(inputs=("ab", "key"), dimensions=2))
    assert reply == EmbedReply(
        endpoint=LOCAL.id, model="nomic", vectors=(vector("ab", 2), vector("key", 2)), prompt_tokens=4
    )
    (asked,) = server.embeds()
    assert asked.body == {"model": "nomic", "input": ["ab", "key"], "truncate": False, "dimensions": 2}
    assert asked.headers["traceparent"] == "00-1"


async def test_many_texts_are_several_calls_and_one_answer(server: OllamaServer, model: OllamaEmbeddingModel) -> None:
    inputs = tuple(f"{number}" for number in range(2 * INPUTS_A_CALL + 1))
    reply = await embed(model, EmbedRequest(inputs=inputs))
    assert reply.vectors == tuple(vector(text) for text in inputs)
    assert reply.prompt_tokens == 2 * len(inputs)
    assert [len(asked.body["input"]) for asked in server.embeds()] == [INPUTS_A_CALL, INPUTS_A_CALL, 1]


async def test_a_cold_model_is_loaded_once_however_many_wait_and_on_no_deadline(
    server: OllamaServer,
) -> None:
    clock = ScriptedClock()
    model = OllamaEmbeddingModel(base_url=server.url, clock=clock)
    server.loaded.clear()
    server.may_load.clear()
    asking = [asyncio.create_task(embed(model, seconds=10, clock=clock)) for _ in range(5)]
    await server.loading.wait()
    await clock.advance(20)
    server.may_load.set()
    assert len({(await task).vectors for task in asking}) == 1
    assert len(server.embed_loads()) == 1
    await model.aclose()


async def test_a_load_asks_for_what_the_embedding_will_ask_for(server: OllamaServer) -> None:
    server.loaded.clear()
    model = OllamaEmbeddingModel(base_url=server.url, clock=SystemClock(), num_ctx=8192, keep_alive="10m")
    await embed(model)
    await model.aclose()
    load, asked = server.embed_loads()[0].body, server.embeds()[0].body
    assert load == {**asked, "input": []}
    assert (load["keep_alive"], load["options"]) == ("10m", {"num_ctx": 8192})


async def test_a_model_that_is_not_pulled_says_how_to_get_it(server: OllamaServer, model: OllamaEmbeddingModel) -> None:
    server.models, server.loaded = [], set()
    with pytest.raises(errors.ProviderMisconfigured, match="run `ollama pull nomic`"):
        await embed(model)


@pytest.mark.parametrize(
    "elsewhere", [Model(name="nomic:latest", remote_host="https://ollama.example"), Model(name="nomic-cloud")]
)
async def test_a_model_hosted_elsewhere_gets_nothing_where_it_was_to_be_local(
    server: OllamaServer, model: OllamaEmbeddingModel, elsewhere: Model
) -> None:
    server.models, server.loaded = [elsewhere], set()
    to = Endpoint(id=EndpointId(provider="ollama", model=elsewhere.name), locality=Locality.ON_PREMISES)
    with pytest.raises(errors.ProviderMisconfigured, match="hosted elsewhere"):
        await embed(model, to=to)
    assert server.embeds() == []


async def test_nothing_is_sent_to_an_address_outside() -> None:
    model = OllamaEmbeddingModel(base_url="http://192.0.2.1:11434", clock=SystemClock())
    with pytest.raises(errors.ProviderRefused, match="neither loopback nor private"):
        await embed(model)
    await model.aclose()


WHOLE = json.dumps({"model": "nomic", "embeddings": [[1, 2, 3]]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)
FAULTS: dict[str, tuple[Script, type[errors.ProviderError]]] = {
    "400": (whole({"error": "the input length exceeds the context length"}, 400), errors.ContextLengthExceeded),
    "401": (whole({}, 401), errors.ProviderMisconfigured),
    "404": (whole({}, 404), errors.ProviderMisconfigured),
    "429": (whole({}, 429), errors.ProviderThrottled),
    "500": (whole({"error": SECRET}, 500), errors.ProviderUnavailable),
    "redirect": (whole({}, 307, {"Location": "http://192.0.2.1/"}), errors.ProviderBroken),
    "reset": ([Reset()], errors.ProviderBroken),
    "cut before": ([Cut()], errors.ProviderBroken),
    "cut within": ([HEAD + WHOLE[:-5], Cut()], errors.ProviderBroken),
    "no JSON": (whole(b"<html>"), errors.ProviderBroken),
    "no object": (whole([]), errors.ProviderBroken),
    "no vectors": (whole({"model": "nomic"}), errors.ProviderBroken),
    "words": (whole({"model": "nomic", "embeddings": [[SECRET]]}), errors.ProviderBroken),
    "infinity": (whole(b'{"embeddings": [[1, Infinity]]}'), errors.ProviderBroken),
    "too large a number": (whole(b'{"embeddings": [[1e999]]}'), errors.ProviderBroken),
    "no UTF-8": (whole(b'{"model": "\xff", "embeddings": [[1]]}'), errors.ProviderBroken),
    "silence": ([Hold()], errors.ProviderTimeout),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_is_its_class_of_error_and_tells_nothing_of_the_text(
    server: OllamaServer, model: OllamaEmbeddingModel, name: str
) -> None:
    script, kind = FAULTS[name]
    server.embedding = lambda _: script
    with pytest.raises(errors.ProviderError) as caught:
        await embed(model, seconds=0.3 if kind is errors.ProviderTimeout else HANG_SECONDS)
    assert type(caught.value) is kind
    assert SECRET not in caught.value.message
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert await server.quiet() == 0


async def test_an_answer_without_an_end_is_given_up_in_bounded_memory(
    server: OllamaServer, model: OllamaEmbeddingModel
) -> None:
    flood = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b'{"embeddings": [[0.1'
    server.embedding = lambda _: [flood, Flood(b",0.123456789" * 5_000)]
    tracemalloc.start()
    try:
        with pytest.raises(errors.ProviderBroken):
            await embed(model)
        assert tracemalloc.get_traced_memory()[1] < 96 << 20
    finally:
        tracemalloc.stop()


async def test_a_call_that_is_cancelled_between_two_batches_makes_no_further_one(
    server: OllamaServer, model: OllamaEmbeddingModel
) -> None:
    server.embedding = lambda asked: embedded(asked) if len(server.embeds()) == 1 else [Hold()]
    asking = asyncio.create_task(embed(model, EmbedRequest(inputs=("text",) * (3 * INPUTS_A_CALL))))
    await server.parked.wait()
    asking.cancel()
    await asyncio.wait((asking,))
    await server.left.wait()
    assert len(server.embeds()) == 2


async def test_no_text_follows_an_answer_from_elsewhere(server: OllamaServer, model: OllamaEmbeddingModel) -> None:
    server.embedding = lambda asked: whole({"embeddings": [[1.0]], "remote_host": "https://elsewhere.example"})
    for _ in range(2):
        with pytest.raises(errors.ProviderMisconfigured, match="hosted elsewhere"):
            await embed(model, EmbedRequest(inputs=("a text",) * (INPUTS_A_CALL + 1)))
    assert len(server.embeds()) == 1
