"""The native surface's requests, as they stand on the wire."""

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from llm_gateway.domain.routing import Hint

from ..common.wire import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    CacheIn,
    In,
    JsonObject,
    MaxTokens,
    NonEmpty,
    ParametersIn,
    Temperature,
    ToolCallIn,
    ToolDefinition,
)


class TextPart(In, frozen=True, kw_only=True, tag="text"):
    """A part of a message that is text."""

    text: str


class ImagePart(In, frozen=True, kw_only=True, tag="image"):
    """Base64, and what it is, such as `image/png`."""

    data: bytes
    mime_type: Annotated[str, Meta(pattern="^image/[A-Za-z0-9.+-]+$", max_length=64)]


class SystemIn(In, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """Instructions to the model."""

    content: str | list[TextPart]
    name: str | None = None


class DeveloperIn(In, frozen=True, kw_only=True, tag_field="role", tag="developer"):
    """A system message under its newer name."""

    content: str | list[TextPart]
    name: str | None = None


class UserIn(In, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """What the user says, in text and images."""

    content: str | list[TextPart | ImagePart]
    name: str | None = None


class AssistantIn(In, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """An earlier answer of the model, with the tools that it called. `extra_content` is sent back unchanged."""

    content: str | list[TextPart] | None = None
    tool_calls: list[ToolCallIn] = field(default_factory=list)
    name: str | None = None
    extra_content: JsonObject | None = None


class ToolIn(In, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    """The result of the tool call with this id."""

    content: str | list[TextPart]
    tool_call_id: str
    name: str | None = None


MessageIn: TypeAlias = SystemIn | DeveloperIn | UserIn | AssistantIn | ToolIn


class ChatBody(ParametersIn, frozen=True, kw_only=True):
    """The body of `POST /api/v1/chat` and of `POST /api/v1/explain`."""

    messages: Annotated[list[MessageIn], Meta(min_length=1)]
    model: NonEmpty | None = None
    model_hint: Hint | None = None
    max_tokens: Annotated[MaxTokens, Meta(extra_json_schema={"default": DEFAULT_MAX_TOKENS})] | UnsetType = UNSET
    temperature: Annotated[Temperature, Meta(extra_json_schema={"default": DEFAULT_TEMPERATURE})] | UnsetType = UNSET
    tools: list[ToolDefinition] = field(default_factory=list)
    stream: bool = False
    cache: CacheIn = CacheIn()
