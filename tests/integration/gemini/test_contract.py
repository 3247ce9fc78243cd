"""Gemini keeps the contracts of its ports, over a real socket."""

from functools import cached_property

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.routing import Endpoint
from llm_gateway.testing import ChatModelContract, Vendor

from ..scripted_vendor import BEFORE_THE_HEAD, Asked, Cut, Hold, Script, whole
from ..served_contract import ServedContract
from .calls import HELLO, TO, WORLD, client_at
from .payloads import refusal, said, stream
from .server import GeminiServer

pytestmark = pytest.mark.usefixtures("carrier")


def answered(vendor: Vendor, asked: Asked) -> Script:
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


class TestChatModel(ServedContract, ChatModelContract):
    server: GeminiServer

    @pytest.fixture(autouse=True)
    async def _served(self, _closing: None) -> None:
        self.server = await self.closing.enter_async_context(GeminiServer().running())

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return TO

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.server.scripts = [lambda asked: answered(vendor, asked)]
        client = client_at(self.server.url, self.clock)
        self.closing.push_async_callback(client.aclose)
        return GeminiChatModel(client, self.clock)
