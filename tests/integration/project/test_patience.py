"""How long a vendor may say nothing: from a gateway's settings to a real socket, on a scripted clock."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from llm_gateway import Gateway, Settings, open_gateway
from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.ollama.first_part import SILENT_SECONDS
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import EndpointSettings, Secret
from llm_gateway.domain.chat import ChatCall, ChatReply, ChatRequest, Grain, Text, Tool, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import ProviderThrottled, ProviderTimeout
from llm_gateway.domain.events import Collector
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality

from ..gemini import payloads as gemini
from ..gemini.server import GeminiServer
from ..ollama import server as ollama
from ..scripted_vendor import LAST, Answer, Asked, Script, Wait, whole
from ..waiting import eventually

ME = Client(id=ClientId("me"), namespace="me", quota=Quota())
ASKED = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
WITH_TOOLS = replace(ASKED, tools=(Tool(name="look", parameters={"type": "object"}),))
MODELS = {"gemini": "gemini-flash-latest", "ollama": "llama3.1", "near": "llama3.1"}
ENDPOINTS = FixedEndpoints(
    EndpointState(
        endpoint=Endpoint(
            id=EndpointId(provider=provider, model=model),
            locality=Locality.CLOUD if provider == "gemini" else Locality.ON_PREMISES,
        ),
        features=frozenset(Feature),
    )
    for provider, model in MODELS.items()
)
VENDORS = pytest.mark.parametrize("vendor", ["gemini", "ollama"])


class Vendors:
    """Two vendors behind a gateway. Each is silent until `begin` is set, and in the middle until `go_on` is."""

    def __init__(self) -> None:
        self.clock = ScriptedClock()
        self.begin = asyncio.Event()
        self.go_on = asyncio.Event()
        self.asked = asyncio.Event()
        self.gemini = GeminiServer(self._of_gemini)
        self.ollama: ollama.OllamaServer
        self.gateway: Gateway

    async def ask(self, call: ChatCall) -> ChatReply:
        async with self.gateway.answer_chat(call, ME) as answer:
            return await answer.reply()

    async def answered(self, call: ChatCall, *, first: float = 0.0, then: float = 0.0) -> ChatReply:
        """By a vendor that is silent for so long before its first word, and in the middle of a stream."""
        collector = Collector()
        async with self.gateway.answer_chat(call, ME) as answer:
            reading = asyncio.ensure_future(anext(answer))
            await asyncio.wait_for(self.asked.wait(), 5)
            await self._silent(first)
            self.begin.set()
            collector.add(await reading)
            collector.add(await anext(answer))
            await self.clock.advance(then)
            self.go_on.set()
            async for event in answer:
                collector.add(event)
        return collector.reply()

    async def _silent(self, seconds: float) -> None:
        """Before its first word an Ollama is asked, after a second, whether it loads its model, and answers."""
        if seconds > SILENT_SECONDS and self.ollama.chats():
            loads = len(self.ollama.loads())
            await self.clock.advance(SILENT_SECONDS)
            await eventually(lambda: len(self.ollama.loads()) > loads and not _loading())
            seconds -= SILENT_SECONDS
        await self.clock.advance(seconds)

    def _of_gemini(self, asked: Asked) -> Script:
        if asked.method == "GET":
            return whole({"models": []})
        self.asked.set()
        if "stream" not in asked.path:
            return (Wait(self.begin), *whole(gemini.said({"text": "One two."}, finish="STOP")))
        one, two = gemini.said({"text": "One "}), gemini.said({"text": "two."}, finish="STOP")
        return Answer((Wait(self.begin), gemini.sse(one), Wait(self.go_on), gemini.sse(two)))

    def of_ollama(self, asked: Asked) -> Script:
        self.asked.set()
        if not asked.body["stream"]:
            told = ollama.end() | {"message": {"role": "assistant", "content": "One two."}}
            return [Wait(self.begin), *whole(told)]
        one = ollama.HEAD + ollama.chunk(ollama.line("One "))
        two = ollama.chunk(ollama.line("two.")) + ollama.chunk(ollama.end()) + LAST
        return [Wait(self.begin), one, Wait(self.go_on), two]


def _loading() -> bool:
    return any(task.get_name().startswith("load ") for task in asyncio.all_tasks())


@asynccontextmanager
async def vendors(**settings: Any) -> AsyncGenerator[Vendors, None]:
    made = Vendors()
    async with made.gemini.running(), ollama.ollama_server() as made.ollama:
        made.ollama.scripts = [made.of_ollama]
        row = EndpointSettings(name="near", kind="ollama", model="llama3.1", base_url=made.ollama.url)
        usual: dict[str, Any] = {
            "gemini_api_key": Secret("a key"),
            "gemini_base_url": made.gemini.url,
            "ollama_base_url": made.ollama.url,
            "endpoints": (replace(row, **settings.pop("near", {})),),
        }
        async with open_gateway(
            Settings(**usual | settings), first_look_seconds=0, clock=made.clock, endpoints=ENDPOINTS
        ) as made.gateway:
            try:
                yield made
            finally:
                made.begin.set()  # whom nobody waits for any more may end
                made.go_on.set()


def call(vendor: str, grain: Grain = Grain.STREAM, request: ChatRequest = ASKED, **more: Any) -> ChatCall:
    return ChatCall(request=request, model=vendor, grain=grain, **more)


@VENDORS
@pytest.mark.parametrize(
    ("chat", "first", "then"),
    [(ASKED, 119, 0), (ASKED, 0, 50), (WITH_TOOLS, 0, 200)],
    ids=["before the first event", "between events", "between events, with tools"],
)
async def test_a_silence_that_may_be_is_waited_for(vendor: str, chat: ChatRequest, first: float, then: float) -> None:
    async with vendors() as made:
        reply = await made.answered(call(vendor, request=chat), first=first, then=then)
    assert (reply.endpoint.provider, reply.content) == (vendor, "One two.")


@VENDORS
@pytest.mark.parametrize(
    ("chat", "first", "then"),
    [(ASKED, 121, 0), (ASKED, 0, 61), (WITH_TOOLS, 0, 301)],
    ids=["before the first event", "between events", "between events, with tools"],
)
async def test_a_longer_silence_is_a_timeout(vendor: str, chat: ChatRequest, first: float, then: float) -> None:
    async with vendors() as made:
        with pytest.raises(ProviderTimeout):
            await made.answered(call(vendor, request=chat), first=first, then=then)


@VENDORS
async def test_a_whole_answer_after_five_hundred_seconds_is_an_answer(vendor: str) -> None:
    async with vendors() as made:
        assert (await made.answered(call(vendor, Grain.WHOLE), first=500)).content == "One two."


@pytest.mark.parametrize(("grain", "seconds"), [(Grain.STREAM, 30), (Grain.WHOLE, 60)])
async def test_a_vendor_that_gives_nothing_is_left_where_another_can_be_asked(grain: Grain, seconds: float) -> None:
    async with vendors() as made:
        made.ollama.scripts = [ollama.answer("Me.") if grain is Grain.STREAM else whole(ollama.end())]
        asking = asyncio.create_task(made.ask(ChatCall(request=ASKED, hint=Hint.ONLINE, grain=grain)))
        await asyncio.wait_for(made.asked.wait(), 5)
        await made.clock.advance(seconds - 0.1)
        assert not made.ollama.chats()
        await made.clock.advance(0.1)
        assert (await asyncio.wait_for(asking, 5)).endpoint.provider == "ollama"


async def test_a_cold_models_load_does_not_count_where_another_can_be_asked() -> None:
    async with vendors(routes={Hint.FAST: ("ollama", "gemini")}) as made:
        made.ollama.loaded.clear()
        made.ollama.may_load.clear()
        asking = asyncio.create_task(made.ask(ChatCall(request=ASKED, hint=Hint.FAST, grain=Grain.STREAM)))
        await asyncio.wait_for(made.ollama.loading.wait(), 5)
        await made.clock.advance(200)
        made.ollama.may_load.set()
        await asyncio.wait_for(made.asked.wait(), 5)
        await made.clock.advance(29)
        made.begin.set()
        made.go_on.set()
        assert (await asyncio.wait_for(asking, 5)).endpoint.provider == "ollama"


@pytest.mark.parametrize(
    ("own", "chat", "first", "then"),
    [
        ({"first_token_timeout_seconds": 5}, ASKED, 6, 0),
        ({"idle_timeout_seconds": 5}, ASKED, 0, 6),
        ({"tool_silence_seconds": 5}, WITH_TOOLS, 0, 6),
        ({"stream_seconds": 5}, ASKED, 0, 6),
    ],
    ids=["first event", "between events", "tools", "in all"],
)
async def test_an_endpoint_may_have_limits_of_its_own(
    own: dict[str, float], chat: ChatRequest, first: float, then: float
) -> None:
    for name in ("near", "ollama"):
        async with vendors(near=own) as made:
            asking = made.answered(call(name, request=chat), first=first, then=then)
            if name == "near":
                with pytest.raises(ProviderTimeout):
                    await asking
            else:
                assert (await asking).content == "One two."


@pytest.mark.parametrize(("seconds", "own"), [(34, None), (20, timedelta(seconds=5))])
async def test_a_vendors_wait_is_told_at_once(seconds: int, own: timedelta | None) -> None:
    async with vendors() as made:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
        made.gemini.scripts = [gemini.refusal(429, info)]
        with pytest.raises(ProviderThrottled) as caught:
            await made.ask(call("gemini", timeout=own))
        assert caught.value.retry_after == timedelta(seconds=seconds)
        assert made.clock.monotonic() == 1_000
