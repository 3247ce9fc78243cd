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
    from .adapters.outbound.system.clock import SystemClock
    from .adapters.outbound.system.entropy import SystemEntropy
    from .application.answer_chat import Answer, AnswerChat
    from .application.authenticate import Authenticate
    from .application.cache_lookup import CacheLookup
    from .application.embed_texts import Embedded, EmbedTexts
    from .application.explain_chat import ExplainChat, Explanation
    from .application.list_models import ListModels, UsableModel
    from .application.manage_clients import ManageClients
    from .application.plan_route import PlanRoute
    from .application.ports import (
        Attempt,
        ChatModel,
        ClientDirectory,
        ClientRegistry,
        Clock,
        EmbeddingModel,
        EndpointDirectory,
        Entropy,
        Observation,
        Observer,
        RateLimiter,
        ReplyCache,
        RequestLog,
        SharedStore,
        StoreMeter,
        TrafficMeter,
    )
    from .application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
    from .application.route_chat import RouteChat
    from .application.single_flight import Flights
    from .application.throttle_client import Reservation, ThrottleClient
    from .bootstrap.gateway import Gateway, Overrides, open_gateway
    from .bootstrap.loading import SettingsError, load_settings
    from .bootstrap.settings import BucketSettings, ClientSettings, EndpointSettings, Secret, Settings
    from .domain.caching import CacheDirective, CacheKey, CacheMode
    from .domain.chat import (
        AssistantMessage,
        ChatCall,
        ChatReply,
        ChatRequest,
        FinishReason,
        Grain,
        Image,
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
        Fault,
        Forbidden,
        GatewayError,
        InvalidRequest,
        LimiterUnavailable,
        NoRoute,
        Overloaded,
        ProviderBroken,
        ProviderError,
        ProviderMisconfigured,
        ProviderRefused,
        ProviderRejected,
        ProviderThrottled,
        ProviderTimeout,
        ProviderUnavailable,
        QuotaExceeded,
        Unauthenticated,
        UnknownModel,
    )
    from .domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, collect, replay
    from .domain.quota import Bucket, Charge, Decision, Levels, LimiterMode, Quota, ReservationId, Standing
    from .domain.resilience import BreakerState, Deadline
    from .domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality, Plan, Skip, Task

__all__ = [
    "Answer",
    "AnswerChat",
    "ApiKeyDigest",
    "AssistantMessage",
    "Attempt",
    "AttemptRecord",
    "Authenticate",
    "BreakerState",
    "Bucket",
    "BucketSettings",
    "CacheDirective",
    "CacheKey",
    "CacheLookup",
    "CacheMode",
    "CacheStatus",
    "Charge",
    "ChatCall",
    "ChatEvent",
    "ChatModel",
    "ChatReply",
    "ChatRequest",
    "Client",
    "ClientDirectory",
    "ClientId",
    "ClientRegistry",
    "ClientSettings",
    "Clock",
    "ContextLengthExceeded",
    "Deadline",
    "Decision",
    "DirectoryUnavailable",
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
    "Fault",
    "Feature",
    "FinishReason",
    "Finished",
    "FixedEndpoints",
    "Flights",
    "Forbidden",
    "Gateway",
    "GatewayError",
    "Grain",
    "Hint",
    "Image",
    "InvalidRequest",
    "JsonFormat",
    "JsonSchemaFormat",
    "Levels",
    "LimiterMode",
    "LimiterUnavailable",
    "ListModels",
    "Locality",
    "ManageClients",
    "MemoryRateLimiter",
    "MemoryReplyCache",
    "NamedTool",
    "NoRoute",
    "Observation",
    "Observer",
    "Overloaded",
    "Overrides",
    "Plan",
    "PlanRoute",
    "ProviderBroken",
    "ProviderError",
    "ProviderMisconfigured",
    "ProviderRefused",
    "ProviderRejected",
    "ProviderThrottled",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Quota",
    "QuotaExceeded",
    "RateLimiter",
    "ReasoningDelta",
    "ReasoningEffort",
    "RegisteredKey",
    "Registration",
    "ReplyCache",
    "RequestId",
    "RequestLog",
    "RequestRecord",
    "Reservation",
    "ReservationId",
    "RouteChat",
    "Sampling",
    "Secret",
    "Settings",
    "SettingsError",
    "SharedStore",
    "Skip",
    "Standing",
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
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolMessage",
    "ToolMode",
    "TrafficMeter",
    "Unauthenticated",
    "UnknownModel",
    "UsableModel",
    "Usage",
    "UserMessage",
    "collect",
    "digest_of",
    "load_settings",
    "open_gateway",
    "replay",
]

_HOMES = (
    "domain.routing",
    "domain.quota",
    "domain.clients",
    "domain.caching",
    "domain.chat",
    "domain.errors",
    "domain.events",
    "domain.embedding",
    "domain.resilience",
    "bootstrap.settings",
    "application.records",
    "application.ports",
    "adapters.outbound.system.clock",
    "adapters.outbound.system.entropy",
    "adapters.outbound.memory.directories",
    "adapters.outbound.memory.rate_limiter",
    "adapters.outbound.memory.reply_cache",
    "application.authenticate",
    "application.manage_clients",
    "application.plan_route",
    "application.list_models",
    "application.single_flight",
    "application.throttle_client",
    "application.cache_lookup",
    "application.route_chat",
    "application.answer_chat",
    "application.embed_texts",
    "application.explain_chat",
    "bootstrap.loading",
    "bootstrap.gateway",
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
