"""Ollama keeps the contracts of its ports, over a real socket."""

import json
from collections.abc import Callable
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

from ..scripted_vendor import Asked, Cut, Hold, Script, whole
from ..served_contract import ServedContract
from ..waiting import eventually
from .server import Model, OllamaServer, answer, embedded, end, line, ollama_server, stream

pytestmark = pytest.mark.usefixtures("each_transport")


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


class AtOllama(ServedContract):
    server: OllamaServer

    @pytest.fixture(autouse=True)
    async def _served(self, _closing: None) -> None:
        self.server = await self.closing.enter_async_context(ollama_server())

    @override
    async def until_asked(self) -> None:
        """By more than what loads the model, for which no deadline runs."""
        await eventually(lambda: self.server.chats() or self.server.embeds())
        await super().until_asked()


class TestChatModel(AtOllama, ChatModelContract):
    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.server.scripts = [lambda asked: said(vendor, asked)]
        model = OllamaChatModel(base_url=self.server.url, clock=self.clock)
        self.closing.push_async_callback(model.aclose)
        return model


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


class TestEmbeddingModel(AtOllama, EmbeddingModelContract):
    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES)

    @override
    def make(self, vendor: EmbeddingVendor) -> EmbeddingModel:
        self.server.models = [Model(name="nomic:latest", capabilities=("embedding",))]
        self.server.loaded = {"nomic:latest"}
        self.server.embedding = EMBEDDINGS[vendor]
        model = OllamaEmbeddingModel(base_url=self.server.url, clock=self.clock)
        self.closing.push_async_callback(model.aclose)
        return model


class TestDirectory(EndpointDirectoryContract):
    @override
    def make(self) -> EndpointDirectory:
        return OllamaDirectory(model="llama3.1", clock=SystemClock())
