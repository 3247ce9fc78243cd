"""What the surfaces' requests and answers have in common, as it stands on the wire."""

from abc import abstractmethod
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from llm_gateway.domain.cache_policy import CacheMode
from llm_gateway.domain.chat import ReasoningEffort, ToolMode
from llm_gateway.domain.parameters import bounds
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.validation import MAX_STOPS

JsonObject: TypeAlias = dict[str, Any]
NonEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
MaxTokens: TypeAlias = Annotated[int, bounds("max_tokens")]
Temperature: TypeAlias = Annotated[float, bounds("temperature")]
DEFAULT_TEMPERATURE: Final = 0.7
DEFAULT_MAX_TOKENS: Final = 512
"""Of the native surface, where a request states none; the others have no default."""
Stop: TypeAlias = NonEmpty | Annotated[list[NonEmpty], Meta(max_length=MAX_STOPS)]


class In(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that clients send: a field that is not known is a fault, not ignored."""


class FunctionCall(In, frozen=True, kw_only=True):
    """A function that the model called. `arguments` is JSON text as the model wrote it, which may be invalid."""

    name: str
    arguments: str


class ToolCallIn(In, frozen=True, kw_only=True):
    """A tool call of an earlier answer, sent back. `extra_content` is sent back unchanged."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    extra_content: JsonObject | None = None


class FunctionIn(In, frozen=True, kw_only=True):
    """A function that the model may call. `parameters` is a JSON Schema."""

    name: NonEmpty
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class ToolDefinition(In, frozen=True, kw_only=True):
    """A tool that the model may call."""

    function: FunctionIn
    type: Literal["function"] = "function"


class NamedFunction(In, frozen=True, kw_only=True):
    """A function by its name."""

    name: str


class NamedChoice(In, frozen=True, kw_only=True):
    """The model must call this tool."""

    function: NamedFunction
    type: Literal["function"] = "function"


class TextFormatIn(In, frozen=True, kw_only=True, tag="text"):
    """The answer is plain text."""


class JsonFormatIn(In, frozen=True, kw_only=True, tag="json_object"):
    """The answer is any JSON object."""


class JsonSchemaIn(In, frozen=True, kw_only=True):
    """A JSON Schema with its name."""

    name: NonEmpty
    schema: JsonObject
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormatIn(In, frozen=True, kw_only=True, tag="json_schema"):
    """The answer is JSON that conforms to a schema."""

    json_schema: JsonSchemaIn


class CacheIn(In, frozen=True, kw_only=True):
    """How this request may use the cache. `ttl_seconds` bounds how long its answer is stored."""

    mode: CacheMode = CacheMode.USE
    ttl_seconds: Annotated[int, Meta(ge=0, le=2_592_000)] | None = None


class ParametersIn(In, frozen=True, kw_only=True):
    """The parameters that every surface has by the same names."""

    top_p: Annotated[float, bounds("top_p")] | None = None
    top_k: Annotated[int, bounds("top_k")] | None = None
    stop: Stop | None = None
    seed: Annotated[int, bounds("seed")] | None = None
    presence_penalty: Annotated[float, bounds("presence_penalty")] | None = None
    frequency_penalty: Annotated[float, bounds("frequency_penalty")] | None = None
    tool_choice: ToolMode | NamedChoice | None = None
    response_format: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn | None = None
    reasoning_effort: ReasoningEffort | None = None


class Out(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the gateway sends."""


class FunctionOut(Out, frozen=True, kw_only=True):
    """A function that the model called. `arguments` is JSON text as the model wrote it, which may be invalid."""

    name: str
    arguments: str


class ToolCallOut(Out, frozen=True, kw_only=True):
    """A tool call of the answer. `extra_content`, such as Gemini's signature, is to be sent back unchanged."""

    id: str
    function: FunctionOut
    type: Literal["function"]
    extra_content: JsonObject | UnsetType = UNSET


class ChatFields(Protocol):
    """What every surface's chats have, beside the numbers of `ParametersIn`."""

    @property
    @abstractmethod
    def model(self) -> str | None: ...
    @property
    @abstractmethod
    def model_hint(self) -> Hint | None: ...
    @property
    @abstractmethod
    def temperature(self) -> float | UnsetType | None: ...
    @property
    @abstractmethod
    def stop(self) -> str | list[str] | None: ...
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
