"""Ollama keeps the contracts of its ports, over a real socket."""

from collections.abc import AsyncGenerator
from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.system.clock import SystemClock
from llm_gateway.application.ports import ChatModel, Clock, EndpointDirectory
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import ChatModelContract, EndpointDirectoryContract, Vendor

from .ollama_server import Asked, Cut, Hold, Script, answer, end, line, ollama_server, stream, whole


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
    patience = 0.2

    @pytest.fixture(autouse=True)
    async def _served(self) -> AsyncGenerator[None, None]:
        self.models: list[OllamaChatModel] = []
        async with ollama_server() as self.server:
            yield
            for model in self.models:
                await model.aclose()

    @cached_property
    @override
    def clock(self) -> Clock:
        return SystemClock()

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
    async def open_calls(self) -> int:
        return await self.server.quiet()


class TestDirectory(EndpointDirectoryContract):
    @override
    def make(self) -> EndpointDirectory:
        return OllamaDirectory(model="llama3.1", clock=SystemClock())
