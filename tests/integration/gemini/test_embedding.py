"""Embeddings by Gemini through the real SDK on a real socket: what is sent, what comes of it, and of each fault."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from math import hypot
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
from llm_gateway.adapters.outbound.gemini.translate_embedding import INPUTS_A_CALL
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.framing import MAX_EVENT_BYTES
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import EmbeddingModelContract, EmbeddingVendor

from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Asked, Cut, Flood, Reaction, Reset, Script, whole
from ..served_contract import ServedContract
from ..waiting import HANG_SECONDS
from .calls import KEY, PROMPT, client_at
from .payloads import embedded, refusal
from .rules.models import Model
from .server import GeminiServer

pytestmark = pytest.mark.usefixtures("carrier")

OLD = "gemini-embedding-exp-03-07"
MODELS = ("gemini-embedding-001", "gemini-embedding-2", OLD)


def at(model: str = "gemini-embedding-001") -> Endpoint:
    return Endpoint(id=EndpointId(provider="gemini", model=model), locality=Locality.CLOUD)


@asynccontextmanager
async def served(
    *scripts: Reaction, clock: Clock | None = None
) -> AsyncIterator[tuple[GeminiServer, GeminiEmbeddingModel]]:
    async with GeminiServer(*scripts, models={OLD: Model()}).running() as server:
        client = client_at(server.url, clock)
        try:
            yield server, GeminiEmbeddingModel(client, clock or SystemClock())
        finally:
            await client.aclose()


async def embed(
    model: GeminiEmbeddingModel, *inputs: str, to: Endpoint | None = None, seconds: float = HANG_SECONDS
) -> EmbedReply:
    deadline = Deadline(SystemClock().monotonic() + seconds)
    request = EmbedRequest(inputs=inputs or (PROMPT,))
    return await model.embed(to or at(), request, deadline=deadline, headers={"traceparent": "00-1"})


def vectors(*made: object) -> Reaction:
    return Answer((json.dumps({"embeddings": [{"values": one} for one in made]}).encode(),))


VENDOR: dict[EmbeddingVendor, Reaction] = {
    EmbeddingVendor.ANSWERS: embedded,
    EmbeddingVendor.MISSES_ONE: vectors([1, 2, 3]),
    EmbeddingVendor.IS_UNEVEN: vectors([1, 2, 3], [1, 2]),
    EmbeddingVendor.MAKES_NO_NUMBERS: vectors([1, 2, 3], [1, float("nan"), 3]),
    EmbeddingVendor.IGNORES_DIMENSIONS: vectors([1, 2, 3], [3, 2, 1]),
    EmbeddingVendor.FAILS: refusal(503),
    EmbeddingVendor.STAYS_SILENT: BEFORE_THE_HEAD,
}


class TestContract(ServedContract, EmbeddingModelContract):
    server: GeminiServer

    @pytest.fixture(autouse=True)
    async def _served(self, _closing: None) -> None:
        self.server, self.model = await self.closing.enter_async_context(served(embedded, clock=self.clock))

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return at()

    @override
    def make(self, vendor: EmbeddingVendor) -> GeminiEmbeddingModel:
        self.server.scripts = [VENDOR[vendor]]
        return self.model


GOLDEN = json.loads((Path(__file__).parents[2] / "unit" / "gemini" / "golden" / "embedding.json").read_text())


@pytest.mark.parametrize("model", MODELS)
async def test_the_golden_request_reaches_the_wire_unchanged_for_every_family(model: str) -> None:
    async with served(embedded) as (server, made):
        deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
        request = msgspec.convert(GOLDEN["request"], EmbedRequest)
        await made.embed(at(model), request, deadline=deadline, headers={"traceparent": "00-1"})
        (asked,) = server.asked
        assert asked.path == f"/v1beta/models/{model}:batchEmbedContents"
        assert asked.body == {"requests": [{**one, "model": f"models/{model}"} for one in GOLDEN["body"]["requests"]]}
        assert (asked.headers["x-goog-api-key"], asked.headers["traceparent"]) == (KEY, "00-1")


async def test_the_golden_answer_is_read_also_with_fields_that_the_sdk_does_not_know() -> None:
    details = {"promptTokenDetails": [{"modality": "TEXT", "tokenCount": 14}]}
    usage = {**GOLDEN["answer"]["usageMetadata"], **details}
    async with served(whole({**GOLDEN["answer"], "usageMetadata": usage, "ofTomorrow": 1})) as (_, model):
        assert await embed(model, *GOLDEN["request"]["inputs"]) == msgspec.convert(GOLDEN["reply"], EmbedReply)


@pytest.mark.parametrize("model", MODELS)
async def test_many_texts_are_batches_of_what_the_vendor_takes_and_one_answer(model: str) -> None:
    async with served(embedded) as (server, made):
        inputs = tuple(str(number) for number in range(2 * INPUTS_A_CALL + 1))
        reply = await embed(made, *inputs, to=at(model))
        assert [
            round(vector[2] / vector[0] * len(text)) for text, vector in zip(inputs, reply.vectors, strict=True)
        ] == [ord(text[-1]) for text in inputs]
        assert all(hypot(*vector) == pytest.approx(1) for vector in reply.vectors)
        assert reply.prompt_tokens == 2 * len(inputs)
        assert [len(asked.body["requests"]) for asked in server.asked] == [INPUTS_A_CALL, INPUTS_A_CALL, 1]
        assert server.connections == 1


BODY = json.dumps({"embeddings": [{"values": [1, 2]}]}).encode()
FAULTS: dict[str, tuple[Script, type[ProviderError]]] = {
    "400": (refusal(400), ProviderRejected),
    "wrong key": (refusal(400, {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}), ProviderMisconfigured),
    "404": (refusal(404), ProviderMisconfigured),
    "429": (refusal(429), ProviderThrottled),
    "500": (refusal(500), ProviderUnavailable),
    "redirect": (Answer((), status=307, headers={"Location": "http://192.0.2.1/"}), ProviderMisconfigured),
    "reset": ((Reset(),), ProviderBroken),
    "reset within": (Answer((BODY[:9], Reset())), ProviderBroken),
    "cut within": (Answer((BODY[:-3], Cut())), ProviderBroken),
    "cut where nothing says so": (Answer((BODY[:-3], Cut()), framed=False), ProviderBroken),
    "nothing": (whole({}), ProviderBroken),
    "no values": (whole({"embeddings": [{}]}), ProviderBroken),
    "words": (whole({"embeddings": [{"values": [PROMPT]}]}), ProviderBroken),
    "no JSON": (Answer((b"<html>",)), ProviderBroken),
    "infinity": (Answer((b'{"embeddings": [{"values": [1, Infinity]}]}',)), ProviderBroken),
    "too large a number": (Answer((b'{"embeddings": [{"values": [1e999]}]}',)), ProviderBroken),
    "silence": (BEFORE_THE_HEAD, ProviderTimeout),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_is_its_class_of_error_and_tells_neither_text_nor_key(name: str) -> None:
    answer, kind = FAULTS[name]
    async with served(answer) as (server, model):
        with pytest.raises(ProviderError) as caught:
            await embed(model, seconds=0.5 if kind is ProviderTimeout else HANG_SECONDS)
        assert type(caught.value) is kind
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        assert PROMPT not in caught.value.message
        assert KEY not in caught.value.message
        assert await server.quiet() == 0


@pytest.mark.parametrize(
    ("field", "dimensions", "path"),
    [
        ("requests[0].content", None, "input"),
        ("requests[0].output_dimensionality", 64, "dimensions"),
        ("requests[0].output_dimensionality", None, None),
        ("requests[0].task_type", 64, None),
    ],
)
async def test_a_refused_field_is_the_clients_where_it_stated_it(
    field: str, dimensions: int | None, path: str | None
) -> None:
    async with served(refusal(400, {"fieldViolations": [{"field": field}]})) as (_, model):
        deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
        request = EmbedRequest(inputs=(PROMPT,), dimensions=dimensions)
        with pytest.raises(ProviderError) as caught:
            await model.embed(at(), request, deadline=deadline, headers={})
    if path is None:
        assert isinstance(caught.value, ProviderMisconfigured)
    else:
        assert isinstance(caught.value, ProviderRejected)
        assert caught.value.path == path


async def test_no_connection_is_a_refusal() -> None:
    client = client_at("http://127.0.0.1:1")
    with pytest.raises(ProviderRefused):
        await embed(GeminiEmbeddingModel(client, SystemClock()))
    await client.aclose()


async def test_an_answer_without_an_end_is_given_up_in_bounded_memory() -> None:
    async with served(Answer((b'{"embeddings": [', Flood(b"0.123456789," * 5_000)))) as (_, model):
        tracemalloc.start()
        try:
            with pytest.raises(ProviderBroken):
                await embed(model)
            assert tracemalloc.get_traced_memory()[1] < 6 * MAX_EVENT_BYTES
        finally:
            tracemalloc.stop()


async def test_who_leaves_between_two_batches_makes_no_further_call() -> None:
    def script(asked: Asked) -> Script:
        return embedded(asked) if len(server.asked) == 1 else BEFORE_THE_HEAD

    async with served(script) as (server, model):
        asking = asyncio.create_task(embed(model, *["text"] * (3 * INPUTS_A_CALL)))
        await server.parked.wait()
        asking.cancel()
        await asyncio.wait((asking,))
        await server.left.wait()
        assert len(server.asked) == 2
