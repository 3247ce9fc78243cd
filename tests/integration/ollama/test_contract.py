"""Ollama keeps the contracts of its ports, over a real socket."""

import json
from collections.abc import AsyncGenerator, Callable
from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.models import ChatModel, EmbeddingModel, EndpointDirectory
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import (
    ChatModelContract,
    EmbeddingModelContract,
    EmbeddingVendor,
    EndpointDirectoryContract,
    Vendor,
)

from ..waiting import eventually
from .server import Asked, Cut, Hold, Model, Script, answer, embedded, end, line, ollama_server, stream, whole


def said(vendor: Vendor, asked: Asked) -> Script:
    streamed = asked.body["stream"]
    match vendor:
        case Vendor.ANSWERS:
            text = {"message": {"role": "assistant", "content": "Once upon"}}
            return answer("Once ", "upon") if streamed else whole(end() | text)
        case Vendor.CUTS_OFF:
            return stream(line("Once"), then=[Cut()]) if streamed else whole(line("Once"))
        case Vendor.FAILS:
            return whole({"error": "busy"}, 503)
        case Vendor.STAYS_SILENT:
            return [Hold()]
        case Vendor.STALLS:
            return stream(line("Once"), then=[Hold()])


class TestChatModel(ChatModelContract):
    @pytest.fixture(autouse=True)
    async def _served(self) -> AsyncGenerator[None, None]:
        self.models: list[OllamaChatModel] = []
        async with ollama_server() as self.server:
            yield
            for model in self.models:
                await model.aclose()

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.server.scripts = [lambda asked: said(vendor, asked)]
        model = OllamaChatModel(base_url=self.server.url, clock=self.clock)
        self.models.append(model)
        return model

    @override
    async def until_asked(self) -> None:
        await eventually(lambda: self.server.open_calls)

    @override
    async def open_calls(self) -> int:
        return await self.server.quiet()


def vectors(*made: object) -> Callable[[Asked], Script]:
    return lambda _: whole(json.dumps({"model": "nomic", "embeddings": made}).encode())


EMBEDDINGS: dict[EmbeddingVendor, Callable[[Asked], Script]] = {
    EmbeddingVendor.ANSWERS: embedded,
    EmbeddingVendor.MISSES_ONE: vectors([1, 2, 3]),
    EmbeddingVendor.IS_UNEVEN: vectors([1, 2, 3], [1, 2]),
    EmbeddingVendor.MAKES_NO_NUMBERS: vectors([1, 2, 3], [1, float("nan"), 3]),
    EmbeddingVendor.IGNORES_DIMENSIONS: vectors([1, 2, 3], [3, 2, 1]),
    EmbeddingVendor.FAILS: lambda _: whole({"error": "busy"}, 503),
    EmbeddingVendor.STAYS_SILENT: lambda _: [Hold()],
}


class TestEmbeddingModel(EmbeddingModelContract):
    @pytest.fixture(autouse=True)
    async def _served(self) -> AsyncGenerator[None, None]:
        async with ollama_server() as self.server:
            self.server.models = [Model(name="nomic:latest", capabilities=("embedding",))]
            self.server.loaded = {"nomic:latest"}
            self.model = OllamaEmbeddingModel(base_url=self.server.url, clock=self.clock)
            yield
            await self.model.aclose()

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES)

    @override
    def make(self, vendor: EmbeddingVendor) -> EmbeddingModel:
        self.server.embedding = EMBEDDINGS[vendor]
        return self.model

    @override
    async def until_asked(self) -> None:
        await eventually(lambda: self.server.open_calls)

    @override
    async def open_calls(self) -> int:
        return await self.server.quiet()


class TestDirectory(EndpointDirectoryContract):
    @override
    def make(self) -> EndpointDirectory:
        return OllamaDirectory(model="llama3.1", clock=SystemClock())
