"""OpenAI's chat requests, as they stand on the wire."""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from ..common.labels import labels_of
from ..common.wire import (
    AssistantFields,
    ChatFields,
    FunctionCall,
    ImageDetail,
    In,
    MaxTokens,
    NonEmpty,
    SystemFields,
    Temperature,
    TextPart,
    ToolCallIn,
    ToolFields,
)
from .fields import FIELDS, TABLE

Label: TypeAlias = None
"""What states something here is taken out before decoding: see `labels.py`."""


class TextPartIn(TextPart, frozen=True, kw_only=True, tag="text"):
    """A part of a message that is text."""

    prompt_cache_breakpoint: Label = None


class ImageAddress(In, frozen=True, kw_only=True):
    """An image as a `data:` URL, or by a public `https:` URL, which the provider fetches."""

    url: str
    detail: ImageDetail | None = None


class FileIn(In, frozen=True, kw_only=True):
    """A PDF as a `data:` URL."""

    file_data: str
    filename: str | None = None


class FilePartIn(In, frozen=True, kw_only=True, tag="file"):
    """A part of a message that is a document."""

    file: FileIn
    prompt_cache_breakpoint: Label = None


class ImagePartIn(In, frozen=True, kw_only=True, tag="image_url"):
    """A part of a message that is an image."""

    image_url: ImageAddress
    prompt_cache_breakpoint: Label = None


PartIn: TypeAlias = TextPartIn | ImagePartIn | FilePartIn
Texts: TypeAlias = str | list[TextPartIn]


class System(SystemFields, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """Instructions to the model."""

    content: Texts


class Developer(System, frozen=True, kw_only=True, tag_field="role", tag="developer"):
    """A system message under its newer name."""


class User(In, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """What the user says, in text, images and documents."""

    content: str | list[PartIn]
    name: str | None = None


class FunctionCallBack(FunctionCall, frozen=True, kw_only=True):
    """A function call of an earlier answer, sent back."""

    parsed_arguments: Label = None


class ToolCallBack(ToolCallIn, frozen=True, kw_only=True):
    """What joined a stream's parts may have left their `index` in it, and what parsed them what it made of them."""

    function: FunctionCallBack
    index: Label = None


class Assistant(AssistantFields, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """Clients send an answer back with all that it held, nulls included, which is why these stand here."""

    content: Texts | None = None
    tool_calls: list[ToolCallBack] | None = None
    reasoning_content: Label = None
    annotations: Annotated[list[Any], Meta(max_length=0)] | None = None
    parsed: Label = None
    refusal: Label = None
    audio: None = None
    function_call: None = None


class ToolAnswer(ToolFields, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    """The result of the tool call with this id."""

    content: Texts


MessageIn: TypeAlias = System | Developer | User | Assistant | ToolAnswer


class StreamOptions(In, frozen=True, kw_only=True):
    """`include_usage` adds a last chunk with the tokens that were used."""

    include_usage: bool | None = None
    include_obfuscation: Label = None


class CompletionIn(ChatFields, frozen=True, kw_only=True):
    """The fields of the body of `POST /v1/chat/completions` that are honoured."""

    messages: Annotated[list[MessageIn], Meta(min_length=1)]
    model: NonEmpty
    max_completion_tokens: MaxTokens | None = None
    max_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    parallel_tool_calls: bool | None = None
    stream_options: StreamOptions | None = None


CompletionBody = TABLE.body("CompletionBody", CompletionIn, "The body of `POST /v1/chat/completions`.")
"""The whole body: what is honoured, and the rest of the table."""


LABELS = labels_of(
    FIELDS,
    {
        "messages[]": ("role", *Assistant.__struct_fields__),
        "messages[].content[]": ("type", *TextPartIn.__struct_fields__),
        "messages[].tool_calls[]": ToolCallBack.__struct_fields__,
        "messages[].tool_calls[].function": FunctionCallBack.__struct_fields__,
    },
)
