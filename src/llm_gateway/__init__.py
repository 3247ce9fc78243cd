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
    from .application.plan_route import PlanRoute
    from .application.ports import (
        Attempt,
        ChatModel,
        ClientDirectory,
        Clock,
        EmbeddingModel,
        EndpointDirectory,
        Entropy,
        Observation,
        Observer,
        RateLimiter,
        ReplyCache,
        RequestLog,
    )
    from .application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
    from .bootstrap.gateway import Gateway, open_gateway
    from .bootstrap.loading import SettingsError, load_settings
    from .bootstrap.settings import Secret, Settings
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
    from .domain.clients import Client, ClientId
    from .domain.embedding import EmbedCall, EmbedReply, EmbedRequest
    from .domain.errors import (
        ContextLengthExceeded,
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
        UnknownModel,
    )
    from .domain.events import (
        ChatEvent,
        Finished,
        ReasoningDelta,
        Started,
        TextDelta,
        ToolCallDelta,
        collect,
        replay,
    )
    from .domain.quota import Bucket, Quota
    from .domain.resilience import Deadline
    from .domain.routing import (
        Endpoint,
        EndpointId,
        EndpointState,
        Feature,
        Hint,
        Locality,
        Plan,
        Task,
    )

__all__ = [
    "Answer",
    "AnswerChat",
    "AssistantMessage",
    "Attempt",
    "AttemptRecord",
    "Authenticate",
    "Bucket",
    "CacheDirective",
    "CacheKey",
    "CacheMode",
    "CacheStatus",
    "ChatCall",
    "ChatEvent",
    "ChatModel",
    "ChatReply",
    "ChatRequest",
    "Client",
    "ClientDirectory",
    "ClientId",
    "Clock",
    "ContextLengthExceeded",
    "Deadline",
    "EmbedCall",
    "EmbedReply",
    "EmbedRequest",
    "EmbedTexts",
    "Embedded",
    "EmbeddingModel",
    "Endpoint",
    "EndpointDirectory",
    "EndpointId",
    "EndpointState",
    "Entropy",
    "ExplainChat",
    "Explanation",
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
    "LimiterUnavailable",
    "ListModels",
    "Locality",
    "NamedTool",
    "NoRoute",
    "Observation",
    "Observer",
    "Overloaded",
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
    "ReplyCache",
    "RequestId",
    "RequestLog",
    "RequestRecord",
    "Sampling",
    "Secret",
    "Settings",
    "SettingsError",
    "Started",
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
    "UnknownModel",
    "UsableModel",
    "Usage",
    "UserMessage",
    "collect",
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
    "application.plan_route": "PlanRoute",
    "application.ports": (
        "Attempt ChatModel ClientDirectory Clock EmbeddingModel EndpointDirectory Entropy Observation Observer "
        "RateLimiter ReplyCache RequestLog"
    ),
    "application.records": "AttemptRecord CacheStatus RequestId RequestRecord",
    "bootstrap.gateway": "Gateway open_gateway",
    "bootstrap.loading": "SettingsError load_settings",
    "bootstrap.settings": "Secret Settings",
    "domain.caching": "CacheDirective CacheKey CacheMode",
    "domain.chat": (
        "AssistantMessage ChatCall ChatReply ChatRequest FinishReason Grain Image JsonFormat JsonSchemaFormat "
        "NamedTool ReasoningEffort Sampling SystemMessage Text TextFormat Tool ToolCall ToolMessage ToolMode "
        "Usage UserMessage"
    ),
    "domain.clients": "Client ClientId",
    "domain.embedding": "EmbedCall EmbedReply EmbedRequest",
    "domain.errors": (
        "ContextLengthExceeded Forbidden GatewayError InvalidRequest LimiterUnavailable NoRoute Overloaded "
        "ProviderBroken ProviderError ProviderMisconfigured ProviderRefused ProviderRejected "
        "ProviderThrottled ProviderTimeout ProviderUnavailable QuotaExceeded UnknownModel"
    ),
    "domain.events": "ChatEvent Finished ReasoningDelta Started TextDelta ToolCallDelta collect replay",
    "domain.quota": "Bucket Quota",
    "domain.resilience": "Deadline",
    "domain.routing": "Endpoint EndpointId EndpointState Feature Hint Locality Plan Task",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
