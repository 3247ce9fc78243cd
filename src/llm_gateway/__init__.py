"""One door to many language models, as a library: the use cases, the domain's types, the ports, and one builder.

A name is imported when it is first asked for: importing the package costs next to nothing, and who only names types
does not pay for what builds a gateway.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adapters.outbound.memory.directories import FixedEndpoints
    from .adapters.outbound.memory.rate_limiter import MemoryRateLimiter
    from .adapters.outbound.memory.reply_cache import MemoryReplyCache
    from .adapters.outbound.memory.request_log import MemoryRequestLog
    from .adapters.outbound.memory.signature_store import MemorySignatureStore
    from .adapters.outbound.system import SystemClock, SystemEntropy
    from .adapters.outbound.telemetry.silent import SilentObserver
    from .application.answer_chat import Answer, AnswerChat
    from .application.answer_slots import AnswerSlots
    from .application.authenticate import Authenticate
    from .application.breakers import Breakers
    from .application.cache_lookup import CacheLookup, CacheView, Found
    from .application.call_provider import CallLimits, CallProvider
    from .application.count_tokens import Counted, CountTokens
    from .application.embed_texts import Embedded, EmbedTexts
    from .application.explain_chat import ExplainChat, Explanation
    from .application.kept_signatures import KeptSignatures
    from .application.list_models import ListModels, UsableModel
    from .application.manage_clients import ManageClients
    from .application.plan_route import PlanRoute
    from .application.ports.models import ChatModel, EmbeddingModel, EndpointDirectory
    from .application.ports.observation import CallObservation, Observation, Observer, StoreMeter, TrafficMeter
    from .application.ports.prices import PriceList
    from .application.ports.stores import (
        ClientDirectory,
        ClientRegistry,
        RateLimiter,
        ReplyCache,
        RequestLog,
        SharedStore,
        SignatureStore,
    )
    from .application.ports.system import Alarm, Clock, Entropy
    from .application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord, TraceIds
    from .application.request_recorder import RecordedRequests, RequestRecorder
    from .application.route_chat import ChatContext, Replay, RouteChat
    from .application.shared_answer import Reader
    from .application.single_flight import Flights
    from .application.throttle_client import Reservation, ThrottleClient
    from .bootstrap.asking import AskOptions
    from .bootstrap.gateway import Gateway
    from .bootstrap.loading import SettingsError, load_settings
    from .bootstrap.opening import Overrides, open_gateway
    from .bootstrap.settings import (
        BucketSettings,
        ClientSettings,
        EndpointSettings,
        ModelSettings,
        PriceSettings,
        ProviderSettings,
        Secret,
        Settings,
        TokenSettings,
    )
    from .domain.cache_key import CacheKey
    from .domain.cache_policy import CacheDirective, CacheMode, CacheSampled
    from .domain.cache_use import CacheUse
    from .domain.chat import (
        AssistantMessage,
        ChatCall,
        ChatReply,
        ChatRequest,
        FinishReason,
        Grain,
        JsonFormat,
        JsonSchemaFormat,
        NamedTool,
        ReasoningEffort,
        Sampling,
        SystemMessage,
        Text,
        TextFormat,
        Tool,
        ToolCall,
        ToolMessage,
        ToolMode,
        Usage,
        UserMessage,
    )
    from .domain.clients import ApiKeyDigest, Client, ClientId, RegisteredKey, Registration, digest_of
    from .domain.embedding import EmbedCall, EmbedReply, EmbedRequest
    from .domain.errors import (
        ContextLengthExceeded,
        DirectoryUnavailable,
        Draining,
        FailureReason,
        Fault,
        Forbidden,
        GatewayError,
        InvalidRequest,
        LimiterUnavailable,
        NoRoute,
        OutOfDescriptors,
        Overloaded,
        ProviderBroken,
        ProviderError,
        ProviderMisconfigured,
        ProviderOverloaded,
        ProviderRefused,
        ProviderRejected,
        ProviderThrottled,
        ProviderTimeout,
        ProviderUnavailable,
        QuotaExceeded,
        SlowReader,
        Unauthenticated,
        UnknownModel,
    )
    from .domain.events import (
        ChatEvent,
        Collector,
        Finished,
        ReasoningDelta,
        Started,
        TextDelta,
        ToolCallDelta,
        collect,
        flattened,
        replay,
    )
    from .domain.logprobs import ChosenLogprob, TokenLogprob
    from .domain.media import Detail, Document, Image, ImageUrl
    from .domain.prices import Price, Rates, RatesAbove
    from .domain.quota import (
        Bucket,
        Charge,
        Decision,
        Levels,
        Limit,
        LimiterMode,
        LimitStatus,
        Quota,
        ReservationId,
        Reserve,
    )
    from .domain.resilience import BreakerState, Deadline, RetryPolicy
    from .domain.routing import Alias, Endpoint, EndpointId, EndpointState, Feature, Hint, Locality, Plan, Skip, Task
    from .domain.signature_key import SignatureKey

__all__ = [
    "Alarm",
    "Alias",
    "Answer",
    "AnswerChat",
    "AnswerSlots",
    "ApiKeyDigest",
    "AskOptions",
    "AssistantMessage",
    "AttemptRecord",
    "Authenticate",
    "BreakerState",
    "Breakers",
    "Bucket",
    "BucketSettings",
    "CacheDirective",
    "CacheKey",
    "CacheLookup",
    "CacheMode",
    "CacheSampled",
    "CacheStatus",
    "CacheUse",
    "CacheView",
    "CallLimits",
    "CallObservation",
    "CallProvider",
    "Charge",
    "ChatCall",
    "ChatContext",
    "ChatEvent",
    "ChatModel",
    "ChatReply",
    "ChatRequest",
    "ChosenLogprob",
    "Client",
    "ClientDirectory",
    "ClientId",
    "ClientRegistry",
    "ClientSettings",
    "Clock",
    "Collector",
    "ContextLengthExceeded",
    "CountTokens",
    "Counted",
    "Deadline",
    "Decision",
    "Detail",
    "DirectoryUnavailable",
    "Document",
    "Draining",
    "EmbedCall",
    "EmbedReply",
    "EmbedRequest",
    "EmbedTexts",
    "Embedded",
    "EmbeddingModel",
    "Endpoint",
    "EndpointDirectory",
    "EndpointId",
    "EndpointSettings",
    "EndpointState",
    "Entropy",
    "ExplainChat",
    "Explanation",
    "FailureReason",
    "Fault",
    "Feature",
    "FinishReason",
    "Finished",
    "FixedEndpoints",
    "Flights",
    "Forbidden",
    "Found",
    "Gateway",
    "GatewayError",
    "Grain",
    "Hint",
    "Image",
    "ImageUrl",
    "InvalidRequest",
    "JsonFormat",
    "JsonSchemaFormat",
    "KeptSignatures",
    "Levels",
    "Limit",
    "LimitStatus",
    "LimiterMode",
    "LimiterUnavailable",
    "ListModels",
    "Locality",
    "ManageClients",
    "MemoryRateLimiter",
    "MemoryReplyCache",
    "MemoryRequestLog",
    "MemorySignatureStore",
    "ModelSettings",
    "NamedTool",
    "NoRoute",
    "Observation",
    "Observer",
    "OutOfDescriptors",
    "Overloaded",
    "Overrides",
    "Plan",
    "PlanRoute",
    "Price",
    "PriceList",
    "PriceSettings",
    "ProviderBroken",
    "ProviderError",
    "ProviderMisconfigured",
    "ProviderOverloaded",
    "ProviderRefused",
    "ProviderRejected",
    "ProviderSettings",
    "ProviderThrottled",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Quota",
    "QuotaExceeded",
    "RateLimiter",
    "Rates",
    "RatesAbove",
    "Reader",
    "ReasoningDelta",
    "ReasoningEffort",
    "RecordedRequests",
    "RegisteredKey",
    "Registration",
    "Replay",
    "ReplyCache",
    "RequestId",
    "RequestLog",
    "RequestRecord",
    "RequestRecorder",
    "Reservation",
    "ReservationId",
    "Reserve",
    "RetryPolicy",
    "RouteChat",
    "Sampling",
    "Secret",
    "Settings",
    "SettingsError",
    "SharedStore",
    "SignatureKey",
    "SignatureStore",
    "SilentObserver",
    "Skip",
    "SlowReader",
    "Started",
    "StoreMeter",
    "SystemClock",
    "SystemEntropy",
    "SystemMessage",
    "Task",
    "Text",
    "TextDelta",
    "TextFormat",
    "ThrottleClient",
    "TokenLogprob",
    "TokenSettings",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolMessage",
    "ToolMode",
    "TraceIds",
    "TrafficMeter",
    "Unauthenticated",
    "UnknownModel",
    "UsableModel",
    "Usage",
    "UserMessage",
    "collect",
    "digest_of",
    "flattened",
    "load_settings",
    "open_gateway",
    "replay",
]

_HOMES = (
    "domain.routing",
    "domain.quota",
    "domain.clients",
    "domain.cache_key",
    "domain.signature_key",
    "domain.cache_policy",
    "domain.cache_use",
    "domain.chat",
    "domain.logprobs",
    "domain.media",
    "domain.errors",
    "domain.events",
    "domain.embedding",
    "domain.resilience",
    "domain.prices",
    "bootstrap.settings",
    "bootstrap.asking",
    "application.records",
    "application.ports.models",
    "application.ports.stores",
    "application.ports.prices",
    "application.ports.observation",
    "application.ports.system",
    "adapters.outbound.system",
    "adapters.outbound.system",
    "adapters.outbound.memory.directories",
    "adapters.outbound.memory.rate_limiter",
    "adapters.outbound.memory.reply_cache",
    "adapters.outbound.memory.request_log",
    "adapters.outbound.memory.signature_store",
    "adapters.outbound.telemetry.silent",
    "application.authenticate",
    "application.manage_clients",
    "application.plan_route",
    "application.list_models",
    "application.shared_answer",
    "application.single_flight",
    "application.breakers",
    "application.throttle_client",
    "application.cache_lookup",
    "application.request_recorder",
    "application.call_provider",
    "application.kept_signatures",
    "application.route_chat",
    "application.answer_chat",
    "application.answer_slots",
    "application.count_tokens",
    "application.embed_texts",
    "application.explain_chat",
    "bootstrap.loading",
    "bootstrap.gateway",
    "bootstrap.opening",
)
"""The modules of these names, as a name is looked for in them: what costs least to import comes first."""


if not TYPE_CHECKING:  # a checker would take any name for one of these

    def __getattr__(name: str) -> object:
        if name in __all__:
            for home in _HOMES:
                module = import_module(f".{home}", __name__)
                if hasattr(module, name):
                    value = globals()[name] = getattr(module, name)
                    return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
