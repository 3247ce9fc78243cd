"""Both transports over one vendor: the same events, errors and bytes asked. The SDK is the independent witness."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import Carrier, GeminiClient
from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, Grain, Sampling, Tool, UserMessage
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Answer, Asked, Reaction, whole
from ..waiting import HANG_SECONDS
from .calls import KEY, TO, WORLD, ask, request
from .endings import ENDINGS
from .modes import Pieces, Redirected, Thinking
from .payloads import SignedTools, embedded, said, stream
from .quotas import OVERLOADED, QUOTAS, REFUSED
from .rules.verdict import Vendor
from .server import GeminiServer
from .test_directory import FAILURES, MODELS, WRONG_KEY
from .test_embedding import FAULTS as EMBEDDING_FAULTS
from .test_faults import FAULTS


class Noon(SystemClock):
    """Of one day, so that waits until the next are the same."""

    @override
    def now(self) -> float:
        return datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()


CLOCK: Final = Noon()
FOLDER: Final = Path(__file__).parents[2] / "unit" / "gemini" / "golden"
GOLDEN: Final = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
REQUESTS: Final = {name: golden for name, golden in GOLDEN.items() if name.startswith("request_")}
REPLIES: Final = {name: golden for name, golden in GOLDEN.items() if name.startswith("reply_")}
CARRIERS: Final[tuple[Carrier, Carrier]] = ("rest", "sdk")
SENT: Final = ("x-goog-api-key", "traceparent", "content-type", "accept-encoding", "authorization")

Use: TypeAlias = Callable[[GeminiClient, list[object]], Awaitable[object]]
"""Uses an account, and tells what it saw."""


def chats(chat: ChatRequest | None = None, *, grain: Grain, to: Endpoint = TO) -> Use:
    async def use(client: GeminiClient, seen: list[object]) -> None:
        async with aclosing(ask(GeminiChatModel(client, CLOCK), chat, grain=grain, to=to)) as events:
            async for event in events:
                seen.append(event)

    return use


def embeds(asked: EmbedRequest, model: str = "gemini-embedding-001") -> Use:
    async def use(client: GeminiClient, seen: list[object]) -> None:
        to = Endpoint(id=EndpointId(provider="gemini", model=model), locality=Locality.CLOUD)
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        seen.append(await GeminiEmbeddingModel(client, CLOCK).embed(to, asked, deadline=deadline, headers={}))

    return use


async def lists(client: GeminiClient, seen: list[object]) -> None:
    directory = GeminiDirectory(client, CLOCK, model="gemini-flash-latest")
    seen.append(await directory.refresh())
    for state in directory.snapshot():
        seen.append(replace(state, endpoint=replace(state.endpoint, fingerprint="")))  # which holds the address


def told(error: ProviderError) -> dict[str, object]:
    names = ("status", "reason", "path", "retry_after", "out_until", "doubtful", "repeats", "limit")
    return {"kind": type(error)} | {name: getattr(error, name, None) for name in names}


def bytes_of(asked: Asked) -> tuple[object, ...]:
    headers = {name: asked.headers.get(name) for name in SENT}
    return asked.method, asked.path, headers, asked.body if asked.content else None


async def seen_by(carrier: Carrier, use: Use, script: Callable[[], Sequence[Reaction]], **vendor: Any) -> object:
    seen: list[object] = []
    async with GeminiServer(*script(), **vendor).running() as server:
        client = GeminiClient(provider="gemini", api_key=KEY, base_url=server.url, clock=CLOCK, carrier=carrier)
        async with aclosing(client):
            try:
                await use(client, seen)
            except ProviderError as error:
                seen.append(told(error))
        assert await server.quiet() == 0
        return seen, [bytes_of(asked) for asked in server.asked]


async def same(use: Use, *scripts: Reaction, again: Callable[[], Reaction] | None = None, **vendor: Any) -> None:
    """`again` makes a reaction that remembers what it was asked."""
    rest, sdk = [
        await seen_by(carrier, use, lambda: (again(),) if again else scripts, **vendor) for carrier in CARRIERS
    ]
    assert rest == sdk


def answered(grain: Grain, *chunks: Any) -> Answer:
    if grain is Grain.STREAM:
        return stream(*chunks)
    made = dict(chunks[-1])
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.get("candidates", ())[:1]
        for part in candidate.get("content", {}).get("parts", ())
    ]
    if parts:
        made["candidates"] = [{**made["candidates"][0], "content": {"role": "model", "parts": parts}}]
    return whole(made)


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("name", REQUESTS)
async def test_the_golden_requests(name: str, grain: Grain) -> None:
    golden = REQUESTS[name]
    to = Endpoint(id=EndpointId(provider="gemini", model=golden["model"]), locality=Locality.CLOUD)
    await same(chats(msgspec.convert(golden["request"], ChatRequest), grain=grain, to=to), answered(grain, WORLD))


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("name", REPLIES)
async def test_the_golden_replies(name: str, grain: Grain) -> None:
    await same(chats(grain=grain), answered(grain, *REPLIES[name]["chunks"]))


@pytest.mark.parametrize("name", ENDINGS)
async def test_every_ending(name: str) -> None:
    await same(chats(grain=Grain.STREAM), ENDINGS[name].answer)


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault(name: str, grain: Grain) -> None:
    await same(chats(grain=grain), FAULTS[name][0])


@pytest.mark.parametrize("name", [*QUOTAS, *REFUSED, "overloaded"])
async def test_every_refusal(name: str) -> None:
    await same(chats(grain=Grain.WHOLE), {**QUOTAS, **REFUSED, "overloaded": OVERLOADED}[name])


PENALTY = request(sampling=Sampling(presence_penalty=0.5))
MANY = request(tools=tuple(Tool(name=f"f{number}") for number in range(513)))


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("chat", [PENALTY, MANY], ids=["penalty", "tools"])
async def test_what_the_vendor_refuses_of_a_request(chat: ChatRequest, grain: Grain) -> None:
    await same(chats(chat, grain=grain), answered(grain, WORLD))


CALL = {"functionCall": {"id": "1", "name": "add", "args": {"n": 1, "none": None, "deep": {"a": [None, 1.0, 2**40]}}}}
ODD: Final[Mapping[str, Mapping[str, Any]]] = {
    "a part of another kind": {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
    "a part of no kind": {"hologram": {"of": "a cat"}},
    "a call without a name": {"functionCall": {"args": {}}},
    "a call": CALL | {"thoughtSignature": "-_-_"},
    "a signature": {"text": "a", "thoughtSignature": "c2lnLQ"},
    "no signature": {"text": "a", "thoughtSignature": "no base64!"},
    "a thought": {"text": "Hm.", "thought": True},
    "an empty text": {"text": ""},
    "no text": {"text": None},
    "a number": {"text": 1},
    "metadata": {"partMetadata": {"a": 1}},
}


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("name", ODD)
async def test_parts_of_every_kind(name: str, grain: Grain) -> None:
    await same(chats(grain=grain), answered(grain, said({"text": "a"}), said(ODD[name], finish="STOP")))


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("part", [{"text": "?"}, {"functionCall": {"name": "add", "args": {"a": "?"}}}])
async def test_half_a_surrogate_pair(part: Any, grain: Grain) -> None:
    answer = json.dumps(said(part, finish="STOP")).replace("?", "\\ud800").encode()
    await same(chats(grain=grain), stream(then=(b"data: " + answer,)) if grain is Grain.STREAM else whole(answer))


@pytest.mark.filterwarnings("ignore:.*is not a valid FinishReason")
@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("reason", ["STOP", "stop", "OTHER", "FUNCTION_CALL", "OF_TOMORROW", "CONTINUATION", None, 1])
async def test_reasons_of_every_kind(reason: Any, grain: Grain) -> None:
    await same(chats(grain=grain), answered(grain, said({"text": "a"}, finish=reason)))


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("count", [7, "7", 7.0, 10**40, None, -1, "odd", 7.5])
async def test_counts_of_every_kind(count: Any, grain: Grain) -> None:
    answer = said({"text": "a"}, finish="STOP") | {"usageMetadata": {"promptTokenCount": count}}
    await same(chats(grain=grain), answered(grain, answer))


@pytest.mark.parametrize("grain", Grain)
async def test_answers_of_several_requests(grain: Grain) -> None:
    to = Endpoint(id=EndpointId(provider="gemini", model="gemini-4-argon"), locality=Locality.CLOUD)
    await same(
        chats(grain=grain, to=to), again=lambda: Pieces([{"text": "One "}], [{"text": "two "}], [{"text": "three."}])
    )


@pytest.mark.parametrize("grain", Grain)
async def test_modes_of_the_vendor(grain: Grain) -> None:
    await same(chats(grain=grain), Redirected(Vendor()))
    await same(chats(request(max_tokens=600), grain=grain), Thinking("Hel", "lo"))
    loop = request(UserMessage(content="Go."), tools=(Tool(name="add"),))
    await same(chats(loop, grain=grain), again=lambda: SignedTools([[CALL]], "Done."))


@pytest.mark.parametrize("model", ["gemini-embedding-001", "gemini-embedding-2"])
async def test_embeddings(model: str) -> None:
    golden = GOLDEN["embedding"]
    await same(embeds(msgspec.convert(golden["request"], EmbedRequest), model), whole(golden["answer"]))
    await same(embeds(EmbedRequest(inputs=tuple(str(number) for number in range(201))), model), embedded)


@pytest.mark.parametrize("name", [name for name in EMBEDDING_FAULTS if name != "silence"])
async def test_every_fault_of_embeddings(name: str) -> None:
    await same(embeds(EmbedRequest(inputs=("a", "b"))), EMBEDDING_FAULTS[name][0])


async def test_the_list_of_models() -> None:
    await same(lists, whole({"models": MODELS[:1], "nextPageToken": "a/b+c="}), whole({"models": MODELS}))
    await same(lists, WRONG_KEY)


@pytest.mark.parametrize("name", FAILURES)
async def test_every_fault_of_the_list(name: str) -> None:
    await same(lists, FAILURES[name])
