"""No request that is taken keeps the event loop from everybody else for long, whatever its shape."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret
from llm_gateway.domain.chat import ChatRequest, FinishReason, Grain, Text, Usage
from llm_gateway.domain.events import ChatEvent, Delta, Finished, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, Task

from .large_requests import ASKED, EMBED, EXPLAIN, NATIVE, OPENAI, SHAPES, Shape
from .served import KEY, Served, endpoint, serve, stopped_clock
from .turns import Measured, measured

MIB = 1 << 20
MAX_SECONDS = 0.05
"""Of a turn of the loop, beside a request of up to 1 MiB."""
MAX_SECONDS_A_MIB = 0.025
"""Beside one of more."""
REFUSED = {"too many": 413, "bad field": 400, "bad end": 400}
CLIENT = ClientSettings(
    name="measured",
    keys=(Secret(KEY),),
    requests=BucketSettings(capacity=1_000_000, refill_rate=1_000_000),
    tokens=BucketSettings(capacity=1_000_000_000, refill_rate=1_000_000),
    concurrency=100,
)
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="scripted-1")
TOKEN = TokenLogprob(token="abc", logprob=-0.5, raw=b"abc")


def _logprobs(number: int) -> tuple[ChosenLogprob, ...]:
    return tuple(ChosenLogprob(token=TOKEN, top=(TOKEN,) * 5) for _ in range(number))


ANSWERS: dict[str, tuple[Delta, ...]] = {
    "text": (TextDelta(text="a" * (4 * MIB)),),
    "words": tuple(TextDelta(text="word ") for _ in range(20_000)),
    "logprobs": (TextDelta(text="abc" * 5_000, logprobs=_logprobs(5_000)),),
    "calls": tuple(ToolCallDelta(index=n, id=f"{n}", name="f", arguments="{}") for n in range(10_000)),
    "arguments": (ToolCallDelta(index=0, id="0", name="f", arguments="a" * (4 * MIB)),),
}
EVENTS_A_READ = 500


class Prepared(ScriptedChatModel):
    """Gives answers whose events are there: what a model takes to make them is not the gateway's."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        asked = request.messages[0].content[0]
        deltas = ANSWERS.get(asked.text if isinstance(asked, Text) else "", (TextDelta(text="Well."),))
        events = (Started(endpoint=to.id), *deltas, END)
        at_once = len(events) if grain is Grain.WHOLE else EVENTS_A_READ
        for at in range(0, len(events), at_once):
            yield events[at : at + at_once]
            await asyncio.sleep(0)


def scripted() -> AbstractAsyncContextManager[Served]:
    state = replace(endpoint("gemini"), tasks=frozenset(Task), signs_calls=True)
    embedding = {"gemini": ScriptedEmbeddingModel(stopped_clock())}
    models = {"gemini": Prepared(stopped_clock())}
    return serve(models, endpoints=[state], overrides={"embedding_models": embedding}, api_keys=(), clients=(CLIENT,))


@pytest.fixture(scope="module", params=[scripted])
def gateway(request: pytest.FixtureRequest) -> Iterator[Measured]:
    """Over each kind of model, once what is made on first use is made."""
    serving: Callable[[], AbstractAsyncContextManager[Served]] = request.param
    with measured(serving) as gateway:
        for path in (NATIVE, OPENAI, EXPLAIN):
            for streamed in (False, True):
                assert gateway.ask(path, _body({"messages": [ASKED]}, stream=streamed)).status == 200
        assert gateway.ask(EMBED, _body({"input": "a"})).status == 200
        yield gateway


def _body(body: dict[str, Any], **fields: object) -> bytes:
    return json.dumps({"model": "gemini", **body, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def shapes(*paths: str) -> pytest.MarkDecorator:
    named = [(path, name, shape) for path in paths for name, shape in SHAPES[path].items()]
    ids = [f"{path.split('/')[-1]}-{name}" for path, name, _ in named]
    return pytest.mark.parametrize(("path", "name", "shape"), named, ids=ids)


@shapes(NATIVE, OPENAI, EXPLAIN, EMBED)
def test_a_request_of_a_mebibyte_holds_the_loop_for_a_moment(
    gateway: Measured, path: str, name: str, shape: Shape
) -> None:
    """Whole: a miss and then a hit."""
    body = _body(shape(MIB))
    for _ in range(2):
        asked = gateway.ask(path, body)
        assert asked.status == REFUSED.get(name, 200), asked.body[:500]
        assert asked.seconds < MAX_SECONDS


@shapes(NATIVE, OPENAI)
def test_a_stream_that_answers_it_holds_the_loop_no_longer(
    gateway: Measured, path: str, name: str, shape: Shape
) -> None:
    body = _body(shape(MIB), stream=True)
    asked = gateway.ask(path, body)
    assert asked.status == REFUSED.get(name, 200), asked.body[:500]
    assert asked.seconds < MAX_SECONDS


@pytest.mark.parametrize("name", ["turns", "rounds", "objects", "faces", "too many"])
def test_a_larger_request_holds_the_loop_by_its_size(gateway: Measured, name: str) -> None:
    body = _body(SHAPES[OPENAI][name](8 * MIB))
    asked = gateway.ask(OPENAI, body)
    assert asked.status == REFUSED.get(name, 200), asked.body[:500]
    assert asked.seconds < MAX_SECONDS_A_MIB * len(body) / MIB


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", [NATIVE, OPENAI])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_large_answer_holds_the_loop_for_a_moment(gateway: Measured, answer: str, path: str, streamed: bool) -> None:
    """However small the request: a miss, and then a hit where such a large one is kept."""
    body = _body({"messages": [{"role": "user", "content": answer}]}, stream=streamed)
    for _ in range(2):
        asked = gateway.ask(path, body)
        assert asked.status == 200, asked.body[:500]
        assert len(asked.body) > 20_000
        assert asked.seconds < MAX_SECONDS


def test_vectors_of_many_numbers_hold_the_loop_for_a_moment(gateway: Measured) -> None:
    body = _body({"input": [f"{number}" for number in range(100)]}, dimensions=3_072)
    gateway.ask(EMBED, body)
    stored = gateway.ask(EMBED, body)
    assert stored.status == 200
    assert stored.seconds < MAX_SECONDS
