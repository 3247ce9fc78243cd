"""What the surfaces' requests have in common, as it stands on the wire."""

from abc import abstractmethod
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias

from msgspec import Meta, Struct, UnsetType

from llm_gateway.domain.cache_policy import CacheMode
from llm_gateway.domain.chat import ReasoningEffort, ToolMode
from llm_gateway.domain.validation import MAX_STOPS, MAX_TOKENS_LIMIT

JsonObject: TypeAlias = dict[str, Any]
NonEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
MaxTokens: TypeAlias = Annotated[int, Meta(gt=0, le=MAX_TOKENS_LIMIT)]
Temperature: TypeAlias = Annotated[float, Meta(ge=0, le=2)]
DEFAULT_TEMPERATURE: Final = 0.7
"""Of the native surface, where a request states none; the others have no default."""
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]
Seed: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Stop: TypeAlias = NonEmpty | Annotated[list[NonEmpty], Meta(max_length=MAX_STOPS)]


class In(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that clients send: a field that is not known is a fault, not ignored."""


class FunctionCall(In, frozen=True, kw_only=True):
    name: str
    arguments: str


class ToolCallIn(In, frozen=True, kw_only=True):
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    extra_content: JsonObject | None = None


class FunctionIn(In, frozen=True, kw_only=True):
    name: NonEmpty
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class ToolDefinition(In, frozen=True, kw_only=True):
    function: FunctionIn
    type: Literal["function"] = "function"


class NamedFunction(In, frozen=True, kw_only=True):
    name: str


class NamedChoice(In, frozen=True, kw_only=True):
    function: NamedFunction
    type: Literal["function"] = "function"


class TextFormatIn(In, frozen=True, kw_only=True, tag="text"):
    pass


class JsonFormatIn(In, frozen=True, kw_only=True, tag="json_object"):
    pass


class JsonSchemaIn(In, frozen=True, kw_only=True):
    name: NonEmpty
    schema: JsonObject
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormatIn(In, frozen=True, kw_only=True, tag="json_schema"):
    json_schema: JsonSchemaIn


class CacheIn(In, frozen=True, kw_only=True):
    mode: CacheMode = CacheMode.USE
    ttl_seconds: Annotated[int, Meta(ge=0, le=2_592_000)] | None = None


class ChatFields(Protocol):
    """The fields that are the same in every surface's chats."""

    @property
    @abstractmethod
    def model(self) -> str | None: ...
    @property
    @abstractmethod
    def temperature(self) -> float | UnsetType | None: ...
    @property
    @abstractmethod
    def top_p(self) -> float | None: ...
    @property
    @abstractmethod
    def stop(self) -> str | list[str] | None: ...
    @property
    @abstractmethod
    def seed(self) -> int | None: ...
    @property
    @abstractmethod
    def presence_penalty(self) -> float | None: ...
    @property
    @abstractmethod
    def frequency_penalty(self) -> float | None: ...
    @property
    @abstractmethod
    def tools(self) -> list[ToolDefinition] | None: ...
    @property
    @abstractmethod
    def tool_choice(self) -> ToolMode | NamedChoice | None: ...
    @property
    @abstractmethod
    def response_format(self) -> TextFormatIn | JsonFormatIn | JsonSchemaFormatIn | None: ...
    @property
    @abstractmethod
    def reasoning_effort(self) -> ReasoningEffort | None: ...
    @property
    @abstractmethod
    def stream(self) -> bool | None: ...
    @property
    @abstractmethod
    def cache(self) -> CacheIn | None: ...
