"""What the surfaces' requests and answers have in common, as it stands on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

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
TopP: TypeAlias = Annotated[float, bounds("top_p")]
DEFAULT_TEMPERATURE: Final = 0.7
DEFAULT_MAX_TOKENS: Final = 512
"""Of the native surface, where a request states none; the others have no default."""
Stop: TypeAlias = NonEmpty | Annotated[list[NonEmpty], Meta(max_length=MAX_STOPS)]


class In(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Something that clients send: a field that is not known is a fault, not ignored.

    What is decoded can't be part of a cycle, and is more than the garbage collector should look through.
    """


class TextPart(In, frozen=True, kw_only=True, tag="text"):
    """A part of a message that is text."""

    text: str


class FunctionCall(In, frozen=True, kw_only=True):
    """A function that the model called. `arguments` is JSON text as the model wrote it, which may be invalid."""

    name: str
    arguments: str = ""


class ToolCallIn(In, frozen=True, kw_only=True):
    """A tool call of an earlier answer, sent back. `extra_content` is sent back unchanged."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    extra_content: JsonObject | None = None


class SystemFields(In, frozen=True, kw_only=True):
    """Instructions to the model."""

    content: str | Sequence[TextPart]
    name: str | None = None


class AssistantFields(In, frozen=True, kw_only=True):
    """An earlier answer of the model, with the tools that it called. `extra_content` is sent back unchanged."""

    content: str | Sequence[TextPart] | None = None
    tool_calls: Sequence[ToolCallIn] | None = None
    name: str | None = None
    extra_content: JsonObject | None = None


class ToolFields(In, frozen=True, kw_only=True):
    """The result of the tool call with this id."""

    content: str | Sequence[TextPart]
    tool_call_id: str
    name: str | None = None


class FunctionIn(In, frozen=True, kw_only=True):
    """A function that the model may call. `parameters` is a JSON Schema."""

    name: NonEmpty
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


ImageDetail: TypeAlias = Literal["auto", "low", "high"]


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
    """How this request may use the cache. `ttl_seconds` bounds how long its answer is stored.

    With `use` it shares whatever is stored, also where its answers are samples of its own by default.
    """

    mode: CacheMode | UnsetType = UNSET
    ttl_seconds: Annotated[int, Meta(ge=0, le=2_592_000)] | None = None


class ChatFields(In, frozen=True, kw_only=True):
    """The fields that every surface's chats have by the same names. Where a surface takes less, it says so itself."""

    model: NonEmpty | None = None
    model_hint: Hint | None = None
    temperature: Temperature | UnsetType | None = UNSET
    top_p: TopP | None = None
    top_k: Annotated[int, bounds("top_k")] | None = None
    stop: Stop | None = None
    seed: Annotated[int, bounds("seed")] | None = None
    presence_penalty: Annotated[float, bounds("presence_penalty")] | None = None
    frequency_penalty: Annotated[float, bounds("frequency_penalty")] | None = None
    tool_choice: ToolMode | NamedChoice | None = None
    response_format: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn | None = None
    reasoning_effort: ReasoningEffort | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, bounds("top_logprobs")] | None = None
    tools: list[ToolDefinition] | None = None
    stream: bool | None = None
    cache: CacheIn | None = None


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


class TokenOut(Out, frozen=True, kw_only=True):
    """A token, the natural logarithm of its probability, and its bytes, null where the provider tells none."""

    token: str
    logprob: float
    bytes: list[int] | None


class ChosenTokenOut(TokenOut, frozen=True, kw_only=True):
    """A token of the answer. `top_logprobs` are the likeliest in its place, as many as were asked for."""

    top_logprobs: list[TokenOut]
