"""Ollama and Gemini keep the contract of a chat model against aimock, a server that nobody here wrote."""

import json
from abc import abstractmethod
from contextlib import aclosing
from functools import cached_property
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.chat import AssistantMessage, FinishReason, Grain, Text, Tool, ToolMessage
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing import ChatModelContract, Vendor

from ..served_contract import ServedContract
from .processes import Foreign
from .relay import Relay

pytestmark = pytest.mark.external("node")
GRAINS = pytest.mark.parametrize("grain", list(Grain))

ANSWER = {"content": "Once upon a time"}
BY_PARTS = {"match": {}, "response": ANSWER, "chunkSize": 5}


def fixture_of(vendor: Vendor, grain: Grain) -> dict[str, Any]:
    """aimock can't cut a whole answer off: it says JSON there that ends too early. And its silence ends after 30 s,
    its stall after 100 s; nobody here waits for that.
    """
    match vendor:
        case Vendor.ANSWERS:
            return BY_PARTS
        case Vendor.CUTS_OFF:
            cut = {"truncateAfterChunks": 1} if grain is Grain.STREAM else {"chaos": {"malformedRate": 1.0}}
            return BY_PARTS | cut
        case Vendor.FAILS:
            return {"match": {}, "response": {"error": {"message": "Busy.", "type": "UNAVAILABLE"}, "status": 503}}
        case Vendor.STAYS_SILENT:
            return BY_PARTS | {"chaos": {"latencyMs": 30_000}}
        case Vendor.STALLS:
            return BY_PARTS | {"streamingProfile": {"ttft": 0, "tps": 0.01}}


class Contract(ServedContract, ChatModelContract):
    @pytest.fixture(autouse=True)
    async def _arranged(self, aimock: Foreign, before_aimock: Relay, request: pytest.FixtureRequest) -> None:
        self.aimock, self.server = aimock, before_aimock
        self.grain = getattr(request.node, "callspec", None) and request.node.callspec.params.get("grain")

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.arrange(fixture_of(vendor, self.grain or Grain.STREAM))
        return self.connected()

    def arrange(self, *fixtures: dict[str, Any]) -> None:
        self.aimock.tell("POST", "/__aimock/reset")
        added = self.aimock.tell("POST", "/__aimock/fixtures", {"fixtures": fixtures})
        assert added == {"added": len(fixtures)}

    @abstractmethod
    def connected(self) -> ChatModel: ...

    async def test_a_call_in_the_middle_of_its_answer_counts_as_open(self) -> None:
        async with aclosing(self._events(self.make(Vendor.STALLS), Grain.STREAM)) as events:
            await anext(events)
            assert self.server.open_calls == 1

    @pytest.mark.filterwarnings("ignore:FUNCTION_CALL is not a valid FinishReason")  # aimock's, as some users see it
    @GRAINS
    async def test_parallel_tool_calls_are_told_and_their_results_are_taken(self, grain: Grain) -> None:
        calls = [{"name": "add", "arguments": json.dumps({"n": n})} for n in (1, 2)]
        self.arrange(
            {"match": {"hasToolResult": False}, "response": {"toolCalls": calls}},
            {"match": {"hasToolResult": True}, "response": ANSWER},
        )
        model = self.connected()
        self.request = replace(self.request, tools=(Tool(name="add"),))

        asked = await self._reply(model, grain)

        assert asked.finish_reason is FinishReason.TOOL_CALLS
        assert [(call.name, call.arguments) for call in asked.tool_calls] == [("add", '{"n":1}'), ("add", '{"n":2}')]
        assert len({call.id for call in asked.tool_calls}) == 2
        results = (ToolMessage(content=(Text(text="3"),), tool_call_id=call.id) for call in asked.tool_calls)
        said = AssistantMessage(tool_calls=asked.tool_calls, extra_content=asked.extra_content)
        self.request = replace(self.request, messages=(*self.request.messages, said, *results))
        answered = await self._reply(model, grain)
        assert (answered.content, answered.finish_reason) == (ANSWER["content"], FinishReason.STOP)


class TestOllama(Contract):
    """aimock has no `/api/ps`, so the model counts as loaded, and no `/api/show`, so it may be hosted anywhere."""

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.CLOUD)

    @override
    def connected(self) -> ChatModel:
        model = OllamaChatModel(base_url=self.server.url, clock=self.clock)
        self.closing.push_async_callback(model.aclose)
        return model


class TestGemini(Contract):
    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD)

    @override
    def connected(self) -> ChatModel:
        client = GeminiClient(provider="gemini", api_key="any", base_url=self.server.url, clock=self.clock)
        self.closing.push_async_callback(client.aclose)
        return GeminiChatModel(client, self.clock)
