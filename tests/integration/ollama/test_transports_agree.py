"""Both transports over one server: the same events, errors and bytes asked. The SDK is the independent witness."""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.ollama.transport import Connect
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, Grain, Text, ToolCall, UserMessage
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import EmbeddingVendor

from ..scripted_vendor import Asked, Reset, Script, whole
from ..waiting import HANG_SECONDS
from . import test_embedding
from .server import Model, OllamaServer, answer, end, line, ollama_server, stream, token
from .test_contract import EMBEDDINGS
from .test_faults import BROKEN, REFUSALS, STATUSES, of_the_runner
from .transports import TRANSPORTS

CLOCK: Final = SystemClock()
KEY: Final = "sk-own"
FOLDER: Final = Path(__file__).parents[2] / "unit" / "ollama" / "golden"
GOLDEN: Final = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
REQUESTS: Final = [name for name in GOLDEN if name.startswith("request_")]
REPLIES: Final = [name for name in GOLDEN if name.startswith("reply_")]
EMBED_REQUESTS: Final = [name for name in GOLDEN if name.startswith("embed_request_")]
GRAINS: Final = pytest.mark.parametrize("grain", Grain)
HELLO: Final = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
HEADERS: Final = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
COMPARED: Final = ("authorization", "content-type", "accept-encoding", "traceparent")
CAN: Final = ("completion", "tools", "vision", "thinking")

Use: TypeAlias = Callable[[str, Connect, list[object]], Awaitable[object]]
"""Asks a server at an address, by a transport, and tells what it saw."""
Prepare: TypeAlias = Callable[[OllamaServer], object]


def local(model: str) -> Endpoint:
    return Endpoint(id=EndpointId(provider="ollama", model=model), locality=Locality.ON_PREMISES)


def chats(request: ChatRequest = HELLO, *, grain: Grain, **settings: Any) -> Use:
    async def use(url: str, connect: Connect, seen: list[object]) -> None:
        model = OllamaChatModel(base_url=url, clock=CLOCK, connect=connect, api_key=KEY, **settings)
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        async with aclosing(model):
            batches = model.events(local("llama3.1"), request, grain=grain, deadline=deadline, headers=HEADERS)
            async for event in flattened(batches):
                seen.append(event)

    return use


def embeds(request: EmbedRequest, **settings: Any) -> Use:
    async def use(url: str, connect: Connect, seen: list[object]) -> None:
        model = OllamaEmbeddingModel(base_url=url, clock=CLOCK, connect=connect, api_key=KEY, **settings)
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        async with aclosing(model):
            seen.append(await model.embed(local("nomic"), request, deadline=deadline, headers=HEADERS))

    return use


async def looks(url: str, connect: Connect, seen: list[object]) -> None:
    directory = OllamaDirectory(model="llama3.1", clock=CLOCK, base_url=url, connect=connect, api_key=KEY)
    async with aclosing(directory):
        await directory.look()
    for state in directory.snapshot():
        seen.append(replace(state, endpoint=replace(state.endpoint, fingerprint="")))  # which holds the address


def told(error: ProviderError) -> dict[str, object]:
    names = ("status", "reason", "path", "retry_after", "doubtful", "repeats", "limit")
    return {"kind": type(error)} | {name: getattr(error, name, None) for name in names}


def asked_of(asked: Asked) -> tuple[object, ...]:
    return asked.method, asked.path, {name: asked.headers.get(name) for name in COMPARED}, asked.content


async def seen_by(connect: Connect, use: Use, prepare: Prepare) -> tuple[object, object]:
    seen: list[object] = []
    async with ollama_server() as server:
        prepare(server)
        try:
            await use(server.url, connect, seen)
        except ProviderError as error:
            seen.append(told(error))
        assert await server.quiet() == 0
        return seen, [asked_of(asked) for asked in server.asked]


async def both(use: Use, prepare: Prepare) -> list[object]:
    """What both saw."""
    (rest, asked), (sdk, by_sdk) = [await seen_by(connect, use, prepare) for connect in TRANSPORTS.values()]
    assert rest == sdk
    assert asked == by_sdk
    assert isinstance(rest, list)
    assert rest
    return rest


def says(*scripts: Script) -> Prepare:
    return lambda server: setattr(server, "scripts", list(scripts))


def embeds_with(script: Script) -> Prepare:
    def prepare(server: OllamaServer) -> None:
        server.models, server.loaded = [Model(name="nomic:latest", capabilities=("embedding",))], {"nomic:latest"}
        server.embedding = lambda _: script

    return prepare


@GRAINS
@pytest.mark.parametrize("name", REQUESTS)
async def test_the_golden_requests(name: str, grain: Grain) -> None:
    golden = GOLDEN[name]
    request = msgspec.convert(golden["ours"], ChatRequest)
    settings = {key: golden[key] for key in ("num_ctx", "keep_alive") if key in golden}
    hello = answer("Hello") if grain is Grain.STREAM else whole(end(content="Hello"))

    def prepare(server: OllamaServer) -> None:
        server.models = [Model(name="llama3.1:latest", capabilities=CAN)]
        server.scripts = [hello]

    await both(chats(request, grain=grain, **settings), prepare)


@pytest.mark.parametrize("name", REPLIES)
async def test_the_golden_replies(name: str) -> None:
    golden = GOLDEN[name]
    if golden.get("whole"):
        await both(chats(grain=Grain.WHOLE), says(whole(golden["parts"][0])))
    else:
        await both(chats(grain=Grain.STREAM), says(stream(*golden["parts"])))


@GRAINS
@pytest.mark.parametrize("status", [status for status, _ in STATUSES])
async def test_every_status(status: int, grain: Grain) -> None:
    for body in ({"error": "words"}, b"<html>"):
        await both(chats(grain=grain), says(whole(body, status, {"Retry-After": "7"})))


@GRAINS
@pytest.mark.parametrize("name", REFUSALS)
async def test_what_a_refusal_says(name: str, grain: Grain) -> None:
    script, kind = REFUSALS[name]
    assert {"kind": kind}.items() <= told_in(await both(chats(grain=grain), says(script))).items()


def told_in(seen: list[object]) -> dict[str, object]:
    assert isinstance(seen[-1], dict)
    return seen[-1]


@pytest.mark.parametrize(
    "name", sorted(BROKEN.keys() - {"reset in mid-stream"})
)  # what was on its way may be lost or not
async def test_every_broken_stream(name: str) -> None:
    await both(chats(grain=Grain.STREAM), says(BROKEN[name]))


@pytest.mark.parametrize("body", [line("cut"), b"[1]", b'{"message":', b"\xff", b"", b" \n", {"done": True}])
async def test_every_broken_whole_answer(body: object) -> None:
    await both(chats(grain=Grain.WHOLE), says(whole(body)))


@GRAINS
@pytest.mark.parametrize(
    "said", ["words", of_the_runner("exceed_context_size_error")["error"], '{"error": "words"}', {"code": 1}, 17, ""]
)
async def test_an_error_inside_an_answer(said: object, grain: Grain) -> None:
    reported = {"error": said}
    scripts = [stream(reported), stream(line("a"), reported)] if grain is Grain.STREAM else [whole(reported)]
    for script in scripts:
        await both(chats(grain=grain), says(script))


async def test_what_lines_may_hold() -> None:
    spelt = json.dumps(line("a\u2028b\u2029c\u0085d"), ensure_ascii=False).encode() + b"\n"
    (_, delta, _) = await both(chats(grain=Grain.STREAM), says(stream(spelt, end())))
    assert delta == msgspec.convert({"type": "text", "text": "a\u2028b\u2029c\u0085d"}, type(delta))


async def test_calls_of_tools() -> None:
    arguments = {"z": "<é>", "a": [1, 12345678901234567890123, 0.5, None, True], "m": {}}
    calls = [
        {"id": "x", "function": {"name": "t", "arguments": arguments}},
        {"function": {"name": "u", "arguments": {}}},
    ]
    seen: list[object] = []

    async def use(url: str, connect: Connect, told: list[object]) -> None:
        model = OllamaChatModel(base_url=url, clock=CLOCK, connect=connect)
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        async with aclosing(model):
            batches = model.events(local("llama3.1"), HELLO, grain=Grain.STREAM, deadline=deadline, headers={})
            told += (await collect(flattened(batches))).tool_calls

    seen = await both(use, says(stream(line(tool_calls=calls), end())))
    text = '{"z":"<é>","a":[1,12345678901234567890123,0.5,null,true],"m":{}}'
    assert seen == [ToolCall(id="x", name="t", arguments=text), ToolCall(id="call_1", name="u", arguments="{}")]


@GRAINS
async def test_log_probabilities_and_thoughts(grain: Grain) -> None:
    request = replace(HELLO, logprobs=True, top_logprobs=2)
    more: dict[str, Any] = {"thinking": "Hm", "logprobs": [token("Hm"), token("Hi", "Hi", "Ho")]}
    script = stream(line("Hi", **more), end()) if grain is Grain.STREAM else whole(end(content="Hi", **more))
    await both(chats(request, grain=grain), says(script))


@GRAINS
@pytest.mark.parametrize("version", ["0.12.10", "0.17.4", "0.33.0"])
async def test_a_cold_model_is_loaded_alike(version: str, grain: Grain) -> None:
    def prepare(server: OllamaServer) -> None:
        server.version = version
        server.loaded.clear()
        server.scripts = [answer("Hello") if grain is Grain.STREAM else whole(end(content="Hello"))]

    await both(chats(grain=grain), prepare)


@pytest.mark.parametrize("name", EMBED_REQUESTS)
async def test_the_golden_embeddings(name: str) -> None:
    golden = GOLDEN[name]
    settings = {key: golden[key] for key in ("num_ctx", "keep_alive") if key in golden}
    request = msgspec.convert(golden["ours"], EmbedRequest)
    await both(embeds(request, **settings), embeds_with(whole(GOLDEN["embed_reply"]["answer"])))
    await both(
        embeds(msgspec.convert(GOLDEN["embed_reply"]["ours"], EmbedRequest)),
        embeds_with(whole(GOLDEN["embed_reply"]["answer"])),
    )


@pytest.mark.parametrize("name", sorted(test_embedding.FAULTS.keys() - {"silence"}))
async def test_every_fault_of_an_embedding(name: str) -> None:
    script, _ = test_embedding.FAULTS[name]
    await both(embeds(EmbedRequest(inputs=("a",))), embeds_with(script))


@pytest.mark.parametrize("vendor", sorted(EMBEDDINGS.keys() - {EmbeddingVendor.STAYS_SILENT}))
async def test_every_odd_embedding(vendor: EmbeddingVendor) -> None:
    def prepare(server: OllamaServer) -> None:
        embeds_with([])(server)
        server.embedding = EMBEDDINGS[vendor]

    await both(embeds(EmbedRequest(inputs=("a", "b"))), prepare)


LOOKS: Final[dict[str, Prepare]] = {
    "as it is": lambda server: server.models.append(Model(name="big:latest", num_ctx=512, capabilities=CAN)),
    "without a list": lambda server: server.absent.add("/api/tags"),
    "without descriptions": lambda server: server.absent.add("/api/show"),
    "without what is loaded": lambda server: server.absent.add("/api/ps"),
    "without a version": lambda server: server.absent.add("/api/version"),
    "with a model of the cloud's": lambda server: server.models.append(Model(name="far:latest", remote_host="https://x")),
    "with half a character": lambda server: server.models.append(Model(name="half \ud800")),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
async def test_what_a_server_tells_of_itself(name: str) -> None:
    await both(looks, LOOKS[name])


@pytest.mark.parametrize("script", [[Reset()], whole(b"<html>"), whole([]), whole({}), whole({}, 500)])
@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/show", "/api/ps"])
async def test_what_a_server_tells_wrongly(path: str, script: Script) -> None:
    def prepare(server: OllamaServer) -> None:
        answer_to = server.answer_to

        async def wrong(asked: Asked, reader: Any) -> Script:
            return script if asked.path == path else await answer_to(asked, reader)

        server.answer_to = wrong  # type: ignore[method-assign]

    await both(looks, prepare)
    await both(chats(grain=Grain.STREAM), prepare)
