"""The native surface's requests, as they stand on the wire."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from llm_gateway.domain.media import MAX_URL, PDF

from ..common.fields import SENT_BACK
from ..common.labels import labels_of
from ..common.wire import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    AssistantFields,
    CacheIn,
    ChatFields,
    FunctionCall,
    ImageDetail,
    In,
    MaxTokens,
    SystemFields,
    Temperature,
    TextPart,
    ToolCallIn,
    ToolDefinition,
)


class ImagePart(In, frozen=True, kw_only=True, tag="image"):
    """Base64, and what it is, such as `image/png`."""

    data: bytes
    mime_type: Annotated[str, Meta(pattern="^image/[A-Za-z0-9.+-]+$", max_length=64)]
    detail: ImageDetail | None = None


class ImageUrlPart(In, frozen=True, kw_only=True, tag="image_url"):
    """An image by its public `https:` URL, which the provider fetches. Its path ends as its type is called."""

    url: Annotated[str, Meta(max_length=MAX_URL)]
    detail: ImageDetail | None = None


class DocumentPart(In, frozen=True, kw_only=True, tag="document"):
    """A PDF, in base64."""

    data: bytes
    mime_type: Literal["application/pdf"] = PDF
    name: str | None = None


PartIn: TypeAlias = TextPart | ImagePart | ImageUrlPart | DocumentPart


class SystemIn(SystemFields, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """Instructions to the model."""


class DeveloperIn(SystemIn, frozen=True, kw_only=True, tag_field="role", tag="developer"):
    """A system message under its newer name."""


class UserIn(In, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """What the user says, in text, images and documents."""

    content: str | list[PartIn]
    name: str | None = None


class AssistantIn(AssistantFields, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """An earlier answer of the model, with the tools that it called. `extra_content` is sent back unchanged."""

    tool_calls: list[ToolCallIn] = field(default_factory=list)


class ToolIn(In, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    """The result of the tool call with this id, in text, images and documents. `error`: the tool failed."""

    content: str | list[PartIn]
    tool_call_id: str
    name: str | None = None
    error: bool = False


MessageIn: TypeAlias = SystemIn | DeveloperIn | UserIn | AssistantIn | ToolIn


class ChatBody(ChatFields, frozen=True, kw_only=True):
    """The body of `POST /api/v1/chat` and of `POST /api/v1/explain`."""

    messages: Annotated[list[MessageIn], Meta(min_length=1)]
    max_tokens: Annotated[MaxTokens, Meta(extra_json_schema={"default": DEFAULT_MAX_TOKENS})] | UnsetType = UNSET
    temperature: Annotated[Temperature, Meta(extra_json_schema={"default": DEFAULT_TEMPERATURE})] | UnsetType = UNSET
    tools: list[ToolDefinition] = field(default_factory=list)
    stream: bool = False
    cache: CacheIn = CacheIn()


LABELS = labels_of(
    SENT_BACK,
    {
        "messages[]": ("role", *AssistantIn.__struct_fields__),
        "messages[].content[]": ("type", *TextPart.__struct_fields__),
        "messages[].tool_calls[]": ToolCallIn.__struct_fields__,
        "messages[].tool_calls[].function": FunctionCall.__struct_fields__,
    },
)
