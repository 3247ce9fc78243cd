"""Gemini keeps the contract of a chat model against llmock, a server that nobody here wrote."""

from functools import cached_property
from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import ChatModelContract, Vendor

from ..served_contract import ServedContract
from .processes import Foreign
from .relay import Relay

pytestmark = pytest.mark.external("llmock")

REPLY: dict[str, Any] = {"type": "reply", "text": "Once upon a time", "times": None}
# Its silence and its stall end after this time, and nobody here waits for it.
LONG_SECONDS = 60.0


def behaviors_of(vendor: Vendor) -> list[dict[str, Any]]:
    match vendor:
        case Vendor.ANSWERS:
            return [REPLY]
        case Vendor.CUTS_OFF:
            return [REPLY, {"type": "stream_fault", "kind": "truncate", "after_chunks": 1, "times": None}]
        case Vendor.FAILS:
            return [{"type": "fail", "status": 503, "times": None}]
        case Vendor.STAYS_SILENT:
            return [{"type": "delay", "seconds": LONG_SECONDS, "times": None}]
        case Vendor.STALLS:
            stall = {"type": "stream_fault", "kind": "stall", "stall_seconds": LONG_SECONDS, "times": None}
            return [REPLY, stall]


class TestGemini(ServedContract, ChatModelContract):
    @pytest.fixture(autouse=True)
    async def _arranged(self, llmock: Foreign, before_llmock: Relay) -> None:
        self.llmock, self.server = llmock, before_llmock

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD)

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.llmock.tell("POST", "/_llmock/reset")
        self.llmock.tell("POST", "/_llmock/scenario", {"behaviors": behaviors_of(vendor)})
        client = GeminiClient(provider="gemini", api_key="any", base_url=f"{self.server.url}/gemini", clock=self.clock)
        self.closing.push_async_callback(client.aclose)
        return GeminiChatModel(client, self.clock)

    @override
    @pytest.mark.parametrize("grain", [Grain.STREAM])
    async def test_an_answer_that_breaks_off_is_an_error_and_never_finishes(self, grain: Grain) -> None:
        """llmock breaks streams only: a whole answer of its is whole, or an error of the vendor's."""
        await super().test_an_answer_that_breaks_off_is_an_error_and_never_finishes(grain)
