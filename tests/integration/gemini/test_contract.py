"""Gemini keeps the contracts of its ports, over a real socket."""

from collections.abc import AsyncIterator
from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.routing import Endpoint
from llm_gateway.testing import ChatModelContract, Vendor

from ..waiting import eventually
from .calls import HELLO, KEY, TO, WORLD
from .payloads import refusal, said, stream, whole
from .server import BEFORE_THE_HEAD, Answer, Asked, Cut, GeminiServer, Hold


def answered(vendor: Vendor, asked: Asked) -> Answer:
    streamed = "stream" in asked.path
    match vendor:
        case Vendor.ANSWERS:
            return stream(HELLO, WORLD) if streamed else whole(said({"text": "Hello"}, finish="STOP"))
        case Vendor.CUTS_OFF:
            return stream(HELLO, then=(Cut(),)) if streamed else whole(HELLO)
        case Vendor.FAILS:
            return refusal(503)
        case Vendor.STAYS_SILENT:
            return BEFORE_THE_HEAD
        case Vendor.STALLS:
            return stream(HELLO, then=(Hold(),))


class TestChatModel(ChatModelContract):
    @pytest.fixture(autouse=True)
    async def _served(self) -> AsyncIterator[None]:
        self.clients: list[GeminiClient] = []
        async with GeminiServer().running() as self.server:
            yield
            for client in self.clients:
                await client.aclose()

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return TO

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.server.scripts = [lambda asked: answered(vendor, asked)]
        client = GeminiClient(provider="gemini", api_key=KEY, base_url=self.server.url)
        self.clients.append(client)
        return GeminiChatModel(client, self.clock)

    @override
    async def until_asked(self) -> None:
        await eventually(lambda: self.server.open_calls)

    @override
    async def open_calls(self) -> int:
        return await self.server.quiet()
