"""For the tests of a host and of its adapters: the fakes, and for each port a suite that every implementation passes.

A suite is a class to subclass. It asks for the adapter through `make`, and for little else; its docstring says what:

    from llm_gateway.testing import ReplyCacheContract

    class TestMyCache(ReplyCacheContract):
        def make(self) -> ReplyCache:
            return MyCache(self.clock)

The extra `testing` brings what this needs: pytest, and pytest-asyncio in either of its modes. Time is `self.clock`, a
`ScriptedClock`, and passes where a suite calls `self.advance`; for an adapter that has a clock of its own, override
both.
"""
# ruff: noqa: E402

import pytest

pytest.register_assert_rewrite("llm_gateway.testing.contracts")  # a failed assertion shows its values

from llm_gateway.adapters.outbound.memory.client_registry import MemoryClientRegistry
from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints, MemoryClientDirectory
from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.memory.request_log import MemoryRequestLog
from llm_gateway.adapters.outbound.memory.signature_store import MemorySignatureStore
from llm_gateway.adapters.outbound.scripted.chat_model import (
    Cut,
    Script,
    ScriptedCall,
    ScriptedChatModel,
    Step,
    Wait,
    answer,
)
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbedCall, ScriptedEmbeddingModel
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.adapters.outbound.scripted.observer import RecordedAttempt, RecordedRequest, RecordingObserver

from .contracts.chat_model import ChatModelContract, Vendor
from .contracts.client_directory import ClientDirectoryContract
from .contracts.client_registry import ClientRegistryContract
from .contracts.clock import ClockContract
from .contracts.embedding_model import EmbeddingModelContract, EmbeddingVendor
from .contracts.endpoint_directory import EndpointDirectoryContract
from .contracts.entropy import EntropyContract
from .contracts.observer import AccessLogContract, ObserverContract, QueueMeterContract, TrafficMeterContract
from .contracts.price_list import PriceListContract
from .contracts.rate_limiter import RateLimiterContract
from .contracts.reply_cache import ReplyCacheContract
from .contracts.request_log import RequestLogContract
from .contracts.shared_store import SharedStoreContract, StoreMeterContract
from .contracts.signature_store import SignatureStoreContract

__all__ = [
    "AccessLogContract",
    "ChatModelContract",
    "ClientDirectoryContract",
    "ClientRegistryContract",
    "ClockContract",
    "Cut",
    "EmbeddingModelContract",
    "EmbeddingVendor",
    "EndpointDirectoryContract",
    "EntropyContract",
    "FixedEndpoints",
    "MemoryClientDirectory",
    "MemoryClientRegistry",
    "MemoryRateLimiter",
    "MemoryReplyCache",
    "MemoryRequestLog",
    "MemorySignatureStore",
    "ObserverContract",
    "PriceListContract",
    "QueueMeterContract",
    "RateLimiterContract",
    "RecordedAttempt",
    "RecordedRequest",
    "RecordingObserver",
    "ReplyCacheContract",
    "RequestLogContract",
    "Script",
    "ScriptedCall",
    "ScriptedChatModel",
    "ScriptedClock",
    "ScriptedEmbedCall",
    "ScriptedEmbeddingModel",
    "SeededEntropy",
    "SharedStoreContract",
    "SignatureStoreContract",
    "Step",
    "StoreMeterContract",
    "TrafficMeterContract",
    "Vendor",
    "Wait",
    "answer",
    "settle",
]
