"""The native surface's requests, as they stand on the wire."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from llm_gateway.domain.caching import CacheMode
from llm_gateway.domain.chat import ReasoningEffort, ToolMode
from llm_gateway.domain.parameters import bounds
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.validation import MAX_STOPS

JsonObject: TypeAlias = dict[str, Any]
NonEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
MaxTokens: TypeAlias = Annotated[int, bounds("max_tokens")]
Temperature: TypeAlias = Annotated[float, bounds("temperature")]
Stop: TypeAlias = NonEmpty | Annotated[list[NonEmpty], Meta(max_length=MAX_STOPS)]


class In(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that clients send: a field that is not known is a fault, not ignored."""


class TextPart(In, frozen=True, kw_only=True, tag="text"):
    text: str


class ImagePart(In, frozen=True, kw_only=True, tag="image"):
    """Base64, and what it is, such as `image/png`."""

    data: bytes
    mime_type: Annotated[str, Meta(pattern="^image/[A-Za-z0-9.+-]+$", max_length=64)]


class FunctionCall(In, frozen=True, kw_only=True):
    name: str
    arguments: str


class ToolCallIn(In, frozen=True, kw_only=True):
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    extra_content: JsonObject | None = None


class SystemIn(In, frozen=True, kw_only=True, tag_field="role", tag="system"):
    content: str | list[TextPart]
    name: str | None = None


class DeveloperIn(In, frozen=True, kw_only=True, tag_field="role", tag="developer"):
    """A system message under its newer name."""

    content: str | list[TextPart]
    name: str | None = None


class UserIn(In, frozen=True, kw_only=True, tag_field="role", tag="user"):
    content: str | list[TextPart | ImagePart]
    name: str | None = None


class AssistantIn(In, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    content: str | list[TextPart] | None = None
    tool_calls: list[ToolCallIn] = []
    name: str | None = None
    extra_content: JsonObject | None = None


class ToolIn(In, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    content: str | list[TextPart]
    tool_call_id: str
    name: str | None = None


MessageIn: TypeAlias = SystemIn | DeveloperIn | UserIn | AssistantIn | ToolIn


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


class ParametersIn(In, frozen=True, kw_only=True):
    """What both surfaces ask of a model in the same words."""

    top_p: Annotated[float, bounds("top_p")] | None = None
    top_k: Annotated[int, bounds("top_k")] | None = None
    stop: Stop | None = None
    seed: Annotated[int, bounds("seed")] | None = None
    presence_penalty: Annotated[float, bounds("presence_penalty")] | None = None
    frequency_penalty: Annotated[float, bounds("frequency_penalty")] | None = None
    tool_choice: ToolMode | NamedChoice | None = None
    response_format: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn | None = None
    reasoning_effort: ReasoningEffort | None = None


class ChatBody(ParametersIn, frozen=True, kw_only=True):
    """The body of `POST /api/v1/chat` and of `POST /api/v1/explain`."""

    messages: Annotated[list[MessageIn], Meta(min_length=1)]
    model: NonEmpty | None = None
    model_hint: Hint | None = None
    max_tokens: MaxTokens = 512
    temperature: Temperature = 0.7
    tools: list[ToolDefinition] = []
    stream: bool = False
    cache: CacheIn = CacheIn()
