"""A server of OpenAI's API keeps the contracts of the ports, over a real socket."""

from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.openai.chat_model import SpokenChatModel
from llm_gateway.adapters.outbound.openai.client import SpokenClient
from llm_gateway.adapters.outbound.openai.dialects import FILE, SpokenModels
from llm_gateway.adapters.outbound.openai.directory import SpokenDirectory
from llm_gateway.adapters.outbound.openai.embedding_model import SpokenEmbeddingModel
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

from ..scripted_vendor import Asked, Cut, Hold, Reaction, Script, whole
from ..served_contract import ServedContract
from .server import SpokenServer, delta, hello, message, spoken_server, stream, vectors

BUSY = {"error": {"message": "busy", "type": "server_error"}}


def said(vendor: Vendor, asked: Asked) -> Script:
    streamed = asked.body.get("stream", False)
    match vendor:
        case Vendor.ANSWERS:
            return hello(asked)
        case Vendor.CUTS_OFF:
            return stream(delta("Once"), then=[Cut()]) if streamed else whole(message("Once", None))
        case Vendor.FAILS:
            return whole(BUSY, 503)
        case Vendor.STAYS_SILENT:
            return [Hold()]
        case Vendor.STALLS:
            return stream(delta("Once"), then=[Hold()])


class AtServer(ServedContract):
    server: SpokenServer
    client: SpokenClient

    @pytest.fixture(autouse=True, params=FILE.dialects)
    async def _served(self, _closing: None, request: pytest.FixtureRequest) -> None:
        self.dialect = request.param
        self.server = await self.closing.enter_async_context(spoken_server(self.dialect))

    @cached_property
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="mine", model="able"), locality=Locality.ON_PREMISES)


class TestChatModel(AtServer, ChatModelContract):
    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.server.scripts = [lambda asked: said(vendor, asked)]
        client = SpokenClient(self.server.url, self.clock)
        self.closing.push_async_callback(client.aclose)
        return SpokenChatModel(client, self.clock, SpokenModels(self.dialect))


def made(*all_of_them: list[float]) -> Script:
    return whole({"data": [{"embedding": vector, "index": index} for index, vector in enumerate(all_of_them)]})


EMBEDDINGS: dict[EmbeddingVendor, Reaction] = {
    EmbeddingVendor.ANSWERS: vectors,
    EmbeddingVendor.MISSES_ONE: made([1, 2, 3]),
    EmbeddingVendor.IS_UNEVEN: made([1, 2, 3], [1, 2]),
    EmbeddingVendor.MAKES_NO_NUMBERS: made([1, 2, 3], [1, float("nan"), 3]),
    EmbeddingVendor.IGNORES_DIMENSIONS: made([1, 2, 3], [3, 2, 1]),
    EmbeddingVendor.FAILS: whole(BUSY, 503),
    EmbeddingVendor.STAYS_SILENT: [Hold()],
}


class TestEmbeddingModel(AtServer, EmbeddingModelContract):
    @pytest.fixture(autouse=True)
    @override
    async def _served(self, _closing: None) -> None:
        """In which all dialects are alike."""
        self.server = await self.closing.enter_async_context(spoken_server())

    @override
    def make(self, vendor: EmbeddingVendor) -> EmbeddingModel:
        self.server.embedding = EMBEDDINGS[vendor]
        client = SpokenClient(self.server.url, self.clock)
        self.closing.push_async_callback(client.aclose)
        return SpokenEmbeddingModel(client, self.clock)


class TestDirectory(EndpointDirectoryContract):
    @override
    def make(self) -> EndpointDirectory:
        clock = SystemClock()
        client = SpokenClient("http://127.0.0.1:1", clock)
        return SpokenDirectory(client, clock, SpokenModels(), provider="mine", model="able")
