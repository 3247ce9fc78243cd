"""Anthropic's requests for messages, as they stand on the wire.

What has no effect (`Label`) has its place here, as some clients' requests are full of it: `ignored.py` names it.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Raw

from llm_gateway.domain.parameters import bounds
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.validation import MAX_STOPS

from ..common.labels import labels_of
from ..common.wire import CacheIn, In, JsonObject, MaxTokens, NonEmpty
from .fields import COUNT_TABLE, FIELDS, TABLE

Label: TypeAlias = Any


class TextBlockIn(In, frozen=True, kw_only=True, tag="text"):
    """A block of text."""

    text: str
    cache_control: Label = None
    citations: Label = None


class Base64Image(In, frozen=True, kw_only=True, tag="base64"):
    """An image in base64."""

    data: bytes
    media_type: Annotated[str, Meta(pattern="^image/[A-Za-z0-9.+-]+$", max_length=64)]


class UrlImage(In, frozen=True, kw_only=True, tag="url"):
    """An image by its public `https:` address, which the provider fetches."""

    url: str


class ImageBlockIn(In, frozen=True, kw_only=True, tag="image"):
    """A block that is an image."""

    source: Base64Image | UrlImage
    cache_control: Label = None
    transformations: Label = None


class Base64Pdf(In, frozen=True, kw_only=True):
    """A PDF in base64."""

    data: bytes
    type: Literal["base64"] = "base64"
    media_type: Literal["application/pdf"] = "application/pdf"


class DocumentBlockIn(In, frozen=True, kw_only=True, tag="document"):
    """A block that is a PDF."""

    source: Base64Pdf
    title: str | None = None
    cache_control: Label = None
    citations: Label = None


class ToolReferenceIn(In, frozen=True, kw_only=True, tag="tool_reference"):
    """In the result of a search for tools: the name of one that was found, which stands in `tools` from then on."""

    tool_name: str
    cache_control: Label = None


ResultBlockIn: TypeAlias = TextBlockIn | ImageBlockIn | DocumentBlockIn | ToolReferenceIn


class ToolResultIn(In, frozen=True, kw_only=True, tag="tool_result"):
    """The result of the tool call with this id."""

    tool_use_id: str
    content: str | list[ResultBlockIn] | None = None
    is_error: bool | None = None
    cache_control: Label = None
    toolset_name: Label = None


class ToolUseIn(In, frozen=True, kw_only=True, tag="tool_use"):
    """A tool call of an earlier answer, sent back."""

    id: str
    name: str
    input: Raw
    cache_control: Label = None
    caller: Label = None
    toolset_name: Label = None


class ThinkingIn(In, frozen=True, kw_only=True, tag="thinking"):
    """Thoughts of an earlier answer, sent back. `signature` is to be as it was."""

    thinking: str
    signature: str = ""
    cache_control: Label = None


class RedactedThinkingIn(In, frozen=True, kw_only=True, tag="redacted_thinking"):
    """What went with an earlier answer, sent back as it was."""

    data: str
    cache_control: Label = None


UserBlockIn: TypeAlias = TextBlockIn | ImageBlockIn | DocumentBlockIn | ToolResultIn
AssistantBlockIn: TypeAlias = TextBlockIn | ToolUseIn | ThinkingIn | RedactedThinkingIn


class UserTurn(In, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """What the user says, and what tools gave."""

    content: str | list[UserBlockIn]


class AssistantTurn(In, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """An earlier answer of the model."""

    content: str | list[AssistantBlockIn]


class SystemTurn(In, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """Instructions to the model, from here on."""

    content: str | list[TextBlockIn]
    clear_at: Literal["never"] | None = None


TurnIn: TypeAlias = UserTurn | AssistantTurn | SystemTurn


class ClientTool(In, frozen=True, kw_only=True):
    """A tool that the model may call. `input_schema` is a JSON Schema."""

    name: NonEmpty
    input_schema: JsonObject
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    cache_control: Label = None
    defer_loading: Label = None
    eager_input_streaming: Label = None
    input_examples: Label = None
    allowed_callers: Label = None


class _Choice(In, frozen=True, kw_only=True):
    disable_parallel_tool_use: bool | None = None


class AutoChoice(_Choice, frozen=True, kw_only=True, tag="auto"):
    """The model calls tools as it likes."""


class AnyChoice(_Choice, frozen=True, kw_only=True, tag="any"):
    """The model must call a tool."""


class OneTool(_Choice, frozen=True, kw_only=True, tag="tool"):
    """The model must call this tool."""

    name: str


class NoneChoice(_Choice, frozen=True, kw_only=True, tag="none"):
    """The model must call no tool."""


AnyToolChoice: TypeAlias = AutoChoice | AnyChoice | OneTool | NoneChoice


class _Shown(In, frozen=True, kw_only=True):
    display: Literal["summarized", "omitted", "updates"] | None = None
    block_binding: Label = None


class ThinkingAdaptive(_Shown, frozen=True, kw_only=True, tag="adaptive"):
    """The model thinks as much as `output_config.effort` says, `high` where that says nothing."""


class ThinkingBetweenTools(_Shown, frozen=True, kw_only=True, tag="between_tools"):
    """As `adaptive`: no provider here tells thinking between tools from other."""


class ThinkingEnabled(_Shown, frozen=True, kw_only=True, tag="enabled"):
    """The model thinks, for about as many tokens."""

    budget_tokens: Annotated[int, Meta(ge=1)]


class ThinkingDisabled(In, frozen=True, kw_only=True, tag="disabled"):
    """The model does not think, or as little as it can."""


ThinkingConfig: TypeAlias = ThinkingAdaptive | ThinkingBetweenTools | ThinkingEnabled | ThinkingDisabled


class SchemaFormat(In, frozen=True, kw_only=True):
    """The answer is JSON that conforms to a schema."""

    type: Literal["json_schema"]
    schema: JsonObject


class OutputConfig(In, frozen=True, kw_only=True):
    """How the model is to answer."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: SchemaFormat | None = None
    task_budget: Label = None


class MessagesPrompt(In, frozen=True, kw_only=True):
    """What a model is asked: the fields that are honoured wherever there is a prompt."""

    model: NonEmpty
    messages: Annotated[list[TurnIn], Meta(min_length=1)]
    system: str | list[TextBlockIn] | None = None
    tools: list[ClientTool] | None = None
    tool_choice: AnyToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    model_hint: Hint | None = None


class MessagesIn(MessagesPrompt, frozen=True, kw_only=True):
    """The fields of the body of `POST /v1/messages` that are honoured."""

    max_tokens: MaxTokens
    stream: bool | None = None
    stop_sequences: Annotated[Sequence[NonEmpty], Meta(max_length=MAX_STOPS)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, bounds("top_p")] | None = None
    top_k: Annotated[int, bounds("top_k")] | None = None
    cache: CacheIn | None = None


MessagesBody = TABLE.body("MessagesBody", MessagesIn, "The body of `POST /v1/messages`.")
"""The whole body: what is honoured, and the rest of the table."""
CountBody = COUNT_TABLE.body("CountBody", MessagesPrompt, "The body of `POST /v1/messages/count_tokens`.")

LABELS = labels_of(
    [field for field in FIELDS if field.path.endswith(".*")],
    {
        "messages[]": ("role", "content"),
        "messages[].content[]": (
            "type",
            *TextBlockIn.__struct_fields__,
            *ToolUseIn.__struct_fields__,
            *ThinkingIn.__struct_fields__,
            *RedactedThinkingIn.__struct_fields__,
        ),
    },
)
