"""No request that is taken keeps the event loop from everybody else for long, whatever its shape."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret, TokenSettings
from llm_gateway.domain.chat import ChatRequest, FinishReason, Grain, Text, Usage
from llm_gateway.domain.events import ChatEvent, Delta, Finished, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, Task

from ..gemini.payloads import said, stream
from ..gemini.server import GeminiServer
from ..ollama.server import Model, OllamaServer, answer, end, line
from ..scripted_vendor import Answer, Asked, Script, whole
from ..workers.processes import client, workers
from .large_requests import ASKED, EMBED, EXPLAIN, NATIVE, OPENAI, SHAPES, Shape
from .served import KEY, Served, endpoint, serve, stopped_clock
from .turns import Asked as Measure
from .turns import Measured, health_asked, in_a_thread, measured

MIB = 1 << 20
MAX_SECONDS = 0.05
"""Of a turn of the loop, beside a request of up to 1 MiB."""
MAX_SECONDS_A_MIB = 0.025
"""Beside one of more."""
MAX_HEALTH_SECONDS = 0.1
"""For `/health`: a turn of the loop, and what a function in C has the interpreter for."""
REFUSED = {"too many": 413, "bad field": 400, "bad end": 400}
CLIENT = ClientSettings(
    name="measured",
    keys=(Secret(KEY),),
    requests=BucketSettings(capacity=1_000_000, refill_rate=1_000_000),
    tokens=TokenSettings(capacity=1_000_000_000, refill_rate=1_000_000),
    concurrency=100,
)
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="scripted-1")
HELLO = said({"text": "Hello"}, finish="STOP")
VECTOR = [0.6, 0.8, *[0.0] * 3_070]
EMBEDDING = {"gemini": "gemini/gemini-embedding-001", "ollama": "ollama/nomic"}
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
SOME = ("turns", "rules", "parts", "ascii", "calls", "tools", "deep", "image", "images")
"""Of the shapes: those that vendors take, each of its own kind."""


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


@contextmanager
def over_scripted() -> Iterator[Measured]:
    with measured(scripted) as gateway:
        yield warm(gateway, "gemini")


@contextmanager
def over_gemini(**settings: Any) -> Iterator[Measured]:
    """The vendor works in a thread of its own, and refuses nothing."""
    vendor = GeminiServer(_gemini, judges=False)
    with in_a_thread(vendor.running) as (_, __):
        own: dict[str, Any] = {"gemini_api_key": Secret("k"), "gemini_base_url": vendor.url}
        with measured(lambda: serve(None, api_keys=(), clients=(CLIENT,), **own, **settings)) as gateway:
            yield warm(gateway, "gemini")


@contextmanager
def over_ollama(**settings: Any) -> Iterator[Measured]:
    vendor = OllamaServer()
    vendor.scripts = [_ollama]
    vendor.models = [
        Model(name="llama3.1:latest", context_length=1 << 30, capabilities=("completion", "tools", "vision")),
        Model(name="nomic:latest", context_length=1 << 30, capabilities=("embedding",)),
    ]
    vendor.default_context = 1 << 30
    vendor.embedding = lambda asked: whole({"model": "nomic", "embeddings": [VECTOR] * len(asked.body["input"])})
    with in_a_thread(vendor.running) as (_, __):
        own: dict[str, Any] = {"ollama_base_url": vendor.url}
        with measured(lambda: serve(None, api_keys=(), clients=(CLIENT,), **own, **settings)) as gateway:
            yield warm(gateway, "ollama")


def _gemini(asked: Asked) -> Answer:
    if asked.method == "GET":
        return whole(
            {"models": [{"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]}]}
        )
    if "mbed" in asked.path:
        return whole({"embeddings": [{"values": VECTOR}] * len(asked.body["requests"])})
    return stream(HELLO) if "stream" in asked.path else whole(HELLO)


def _ollama(asked: Asked) -> Script:
    return answer("Hello") if asked.body.get("stream", True) else whole(end() | line("Hello") | {"done": True})


def warm(gateway: Measured, model: str) -> Measured:
    """Once what is made on first use is made."""
    gateway.model = model
    for path in (NATIVE, OPENAI, EXPLAIN):
        for streamed in (False, True):
            asked = gateway.ask(path, _body(gateway, {"messages": [ASKED]}, stream=streamed))
            assert asked.status == 200, asked.body
    return gateway


@pytest.fixture(scope="module")
def gateway() -> Iterator[Measured]:
    with over_scripted() as gateway:
        yield gateway


VENDORS: Mapping[str, Callable[[], AbstractContextManager[Measured]]] = {
    "gemini": over_gemini,
    "ollama": over_ollama,
    "gemini-sdk": partial(over_gemini, gemini_transport="sdk"),
    "ollama-sdk": partial(over_ollama, ollama_transport="sdk"),
}


@pytest.fixture(scope="module")
def over_vendor(request: pytest.FixtureRequest) -> Iterator[Measured]:
    with VENDORS[request.param]() as gateway:
        yield gateway


def _body(gateway: Measured, body: dict[str, Any], **fields: object) -> bytes:
    return json.dumps({"model": gateway.model, **body, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def hold_briefly(tries: Callable[[int], Iterator[Measure]], most: float = MAX_SECONDS) -> None:
    """The best of three tries, of which each asks something new: on a machine that does more than this, the same work
    takes several times the CPU time, and never less than it takes.
    """
    longest = []
    for number in range(3):
        longest.append(max(asked.seconds for asked in tries(number)))
        if longest[-1] < most:
            return
    pytest.fail(f"a turn of the loop took {min(longest):.3f} s of CPU time at best, and may take {most:.3f} s")


def shapes(*paths: str) -> pytest.MarkDecorator:
    named = [(path, name, shape) for path in paths for name, shape in SHAPES[path].items()]
    ids = [f"{path.split('/')[-1]}-{name}" for path, name, _ in named]
    return pytest.mark.parametrize(("path", "name", "shape"), named, ids=ids)


@shapes(NATIVE, OPENAI, EXPLAIN, EMBED)
def test_a_request_of_a_mebibyte_holds_the_loop_for_a_moment(
    gateway: Measured, path: str, name: str, shape: Shape
) -> None:
    """Whole: a miss and then a hit, where something is kept."""

    def tries(number: int) -> Iterator[Measure]:
        body = _body(gateway, shape(MIB - number * 1000))
        for _ in range(1 if path == EXPLAIN or name in REFUSED else 2):
            asked = gateway.ask(path, body)
            assert asked.status == REFUSED.get(name, 200), asked.body[:500]
            yield asked

    hold_briefly(tries)


@shapes(OPENAI)
def test_a_stream_that_answers_it_holds_the_loop_no_longer(
    gateway: Measured, path: str, name: str, shape: Shape
) -> None:
    def tries(number: int) -> Iterator[Measure]:
        asked = gateway.ask(path, _body(gateway, shape(MIB - number * 1000), stream=True))
        assert asked.status == REFUSED.get(name, 200), asked.body[:500]
        yield asked

    hold_briefly(tries)


@pytest.mark.parametrize("name", ["turns", "rounds", "objects", "faces", "too many"])
def test_a_larger_request_holds_the_loop_by_its_size(gateway: Measured, name: str) -> None:
    def tries(number: int) -> Iterator[Measure]:
        asked = gateway.ask(OPENAI, _body(gateway, SHAPES[OPENAI][name](8 * MIB - number * 1000)))
        assert asked.status == REFUSED.get(name, 200), asked.body[:500]
        yield asked

    hold_briefly(tries, MAX_SECONDS_A_MIB * 8)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", [NATIVE, OPENAI])
@pytest.mark.parametrize("large", ANSWERS)
def test_a_large_answer_holds_the_loop_for_a_moment(gateway: Measured, large: str, path: str, streamed: bool) -> None:
    """However small the request: a miss, and then a hit where such a large one is kept."""

    def tries(number: int) -> Iterator[Measure]:
        asking = {"messages": [{"role": "user", "content": large}], "max_tokens": 1_000 + number}
        body = _body(gateway, asking, stream=streamed)
        for _ in range(2):
            asked = gateway.ask(path, body)
            assert asked.status == 200, asked.body[:500]
            assert len(asked.body) > 20_000
            yield asked

    hold_briefly(tries)


def test_vectors_of_many_numbers_hold_the_loop_for_a_moment(gateway: Measured) -> None:
    body = _body(gateway, {"input": [f"{number}" for number in range(100)]}, dimensions=3_072)
    gateway.ask(EMBED, body)
    stored = gateway.ask(EMBED, body)
    assert stored.status == 200
    assert stored.seconds < MAX_SECONDS


ASKED_OF = [
    (vendor, name, streamed)
    for vendor in VENDORS
    for name in (SOME if vendor.endswith("-sdk") else SHAPES[OPENAI])
    for streamed in ((False, True) if name in SOME else (False,))
]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # the SDKs give aiohttp bytes
@pytest.mark.parametrize(("over_vendor", "name", "streamed"), ASKED_OF, indirect=["over_vendor"])
def test_what_is_translated_for_a_vendor_holds_the_loop_no_longer(
    over_vendor: Measured, name: str, streamed: bool
) -> None:
    """Whether the vendor could take it or not."""

    def tries(number: int) -> Iterator[Measure]:
        asked = over_vendor.ask(OPENAI, _body(over_vendor, SHAPES[OPENAI][name](MIB - number * 1000), stream=streamed))
        assert asked.status in (200, 400, 413), asked.body[:500]
        yield asked

    hold_briefly(tries)


@pytest.mark.parametrize("over_vendor", ["gemini", "ollama"], indirect=True)
def test_vectors_of_a_vendor_hold_the_loop_for_a_moment(over_vendor: Measured) -> None:
    """The SDKs read an answer on the loop."""

    def tries(number: int) -> Iterator[Measure]:
        inputs = [f"{number} {at}" for at in range(200)]
        body = {"model": EMBEDDING[over_vendor.model], "input": inputs, "dimensions": len(VECTOR)}
        asked = over_vendor.ask(EMBED, _body(over_vendor, body))
        assert asked.status == 200, asked.body[:500]
        yield asked

    hold_briefly(tries)


@pytest.mark.nightly
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_health_is_told_at_once_beside_requests_of_every_shape(tmp_path: Path, streamed: bool) -> None:
    """By the clock, of a gateway in a process of its own, as it serves: for a machine with nothing else to do."""
    vendor = GeminiServer(_gemini, judges=False)
    told: dict[str, float] = {}
    own = {"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": "", "RATE_LIMITER_CAPACITY": "1000"}
    with in_a_thread(vendor.running) as _:
        own["GEMINI_BASE_URL"] = vendor.url
        async with workers(tmp_path, **own) as running, client(running.url) as asking:
            port = urlsplit(running.url).port
            assert port is not None
            for name, shape in SHAPES[OPENAI].items():
                body = json.dumps({"model": "gemini", "stream": streamed, **shape(MIB)}, ensure_ascii=False).encode()
                with health_asked(port) as seconds:
                    answered = await asking.post(OPENAI, content=body, headers={"Content-Type": "application/json"})
                assert answered.status_code in (200, 400, 413)
                told[name] = max(seconds)
    assert {name: seconds for name, seconds in told.items() if seconds > MAX_HEALTH_SECONDS} == {}
