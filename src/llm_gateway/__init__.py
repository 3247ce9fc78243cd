"""One door to many language models, as a library: the use cases, the domain's types, the ports, and one builder.

A name is imported when it is first asked for: importing the package costs next to nothing, and who only names types
does not pay for what builds a gateway.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adapters.outbound.memory.directories import FixedEndpoints
    from .application.answer_chat import Answer, AnswerChat
    from .application.authenticate import Authenticate
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
    from .bootstrap.gateway import Gateway
    from .bootstrap.loading import SettingsError, load_settings
    from .bootstrap.opening import Overrides, open_gateway
    from .bootstrap.settings import BucketSettings, ClientSettings, EndpointSettings, Secret, Settings
    from .domain.cache_key import CacheKey
    from .domain.cache_policy import CacheDirective, CacheMode
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
    "ReservationId",
    "Sampling",
    "Secret",
    "Settings",
    "SettingsError",
    "SharedStore",
    "Skip",
    "Standing",
    "Started",
    "StoreMeter",
    "SystemMessage",
    "Task",
    "Text",
    "TextDelta",
    "TextFormat",
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

_HOMES = {
    "adapters.outbound.memory.directories": "FixedEndpoints",
    "application.answer_chat": "Answer AnswerChat",
    "application.authenticate": "Authenticate",
    "application.embed_texts": "EmbedTexts Embedded",
    "application.explain_chat": "ExplainChat Explanation",
    "application.list_models": "ListModels UsableModel",
    "application.manage_clients": "ManageClients",
    "application.plan_route": "PlanRoute",
    "application.ports": (
        "Attempt ChatModel ClientDirectory ClientRegistry Clock EmbeddingModel EndpointDirectory Entropy "
        "Observation Observer RateLimiter ReplyCache RequestLog SharedStore StoreMeter TrafficMeter"
    ),
    "application.records": "AttemptRecord CacheStatus RequestId RequestRecord",
    "bootstrap.gateway": "Gateway",
    "bootstrap.loading": "SettingsError load_settings",
    "bootstrap.opening": "Overrides open_gateway",
    "bootstrap.settings": "BucketSettings ClientSettings EndpointSettings Secret Settings",
    "domain.cache_key": "CacheKey",
    "domain.cache_policy": "CacheDirective CacheMode",
    "domain.chat": (
        "AssistantMessage ChatCall ChatReply ChatRequest FinishReason Grain Image JsonFormat JsonSchemaFormat "
        "NamedTool ReasoningEffort Sampling SystemMessage Text TextFormat Tool ToolCall ToolMessage ToolMode "
        "Usage UserMessage"
    ),
    "domain.clients": "ApiKeyDigest Client ClientId RegisteredKey Registration digest_of",
    "domain.embedding": "EmbedCall EmbedReply EmbedRequest",
    "domain.errors": (
        "ContextLengthExceeded DirectoryUnavailable Draining Fault Forbidden GatewayError "
        "InvalidRequest LimiterUnavailable NoRoute Overloaded ProviderBroken ProviderError ProviderMisconfigured "
        "ProviderRefused ProviderRejected ProviderThrottled ProviderTimeout ProviderUnavailable QuotaExceeded "
        "Unauthenticated UnknownModel"
    ),
    "domain.events": "ChatEvent Finished ReasoningDelta Started TextDelta ToolCallDelta collect replay",
    "domain.quota": "Bucket Charge Decision LimiterMode Levels Quota ReservationId Standing",
    "domain.resilience": "BreakerState Deadline",
    "domain.routing": "Endpoint EndpointId EndpointState Feature Hint Locality Plan Skip Task",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
