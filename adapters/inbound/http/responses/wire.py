"""OpenAI's requests for responses, as they stand on the wire.

What has no effect (`Label`) has its place here, as most requests are full of it: `ignored.py` names it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Raw, Struct, defstruct, field

from llm_gateway.domain.chat import ToolMode
from llm_gateway.domain.routing import Hint

from ..common.labels import is_assistants, labels_of
from ..common.message_count import is_response
from ..common.wire import CacheIn, In, JsonFormatIn, JsonObject, MaxTokens, NonEmpty, Temperature, TextFormatIn, TopP
from .fields import COUNT_TABLE, FIELDS, LEFT_OUT_TOOLS, REFUSED_TOOLS, TABLE

Label: TypeAlias = Any
_MESSAGE: Final = b'"message"'


class InputText(In, frozen=True, kw_only=True, tag="input_text"):
    """A text of the client's."""

    text: str
    prompt_cache_breakpoint: Label = None


class OutputTextBack(In, frozen=True, kw_only=True, tag="output_text"):
    """A text of an answer, sent back."""

    text: str
    annotations: Label = None
    logprobs: Label = None


class RefusalBack(In, frozen=True, kw_only=True, tag="refusal"):
    """A model's refusal, sent back."""

    refusal: str


class ThoughtBack(In, frozen=True, kw_only=True, tag="reasoning_text"):
    """Thoughts of an answer, sent back."""

    text: str


class InputImage(In, frozen=True, kw_only=True, tag="input_image"):
    """An image as a `data:` URL, or by a public `https:` URL, which the provider fetches."""

    image_url: str | None = None
    detail: Literal["auto", "low", "high", "original"] | None = None
    file_id: str | None = None
    prompt_cache_breakpoint: Label = None


class InputFile(In, frozen=True, kw_only=True, tag="input_file"):
    """A PDF as a `data:` URL."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    detail: Label = None
    prompt_cache_breakpoint: Label = None


InputPart: TypeAlias = InputText | OutputTextBack | RefusalBack | ThoughtBack | InputImage | InputFile


class _Offered(In, frozen=True, kw_only=True):
    """What functions and custom tools have alike."""

    name: NonEmpty
    description: str | None = None
    defer_loading: Label = None
    allowed_callers: Label = None
    run_async: Label = field(default=None, name="async")


class FunctionTool(_Offered, frozen=True, kw_only=True, tag="function"):
    """A function that the model may call. `parameters` is a JSON Schema."""

    parameters: JsonObject | None = None
    strict: bool | None = None
    output_schema: Label = None


class Grammar(In, frozen=True, kw_only=True, tag="grammar"):
    """A custom tool's input follows a grammar."""

    definition: str
    syntax: str


class CustomTool(_Offered, frozen=True, kw_only=True, tag="custom"):
    """A tool that the model calls with a text."""

    format: TextFormatIn | Grammar | None = None


class NamespaceTool(In, frozen=True, kw_only=True, tag="namespace"):
    """Tools that belong together, whose names are told apart by that of their namespace."""

    name: NonEmpty
    tools: list[FunctionTool | CustomTool]
    description: str | None = None


class HostedTool(Struct, frozen=True, kw_only=True, gc=False):
    """A tool that a vendor or a client runs by itself; nothing of it is read."""


HOSTED: Final[Any] = tuple(
    defstruct(
        f"{''.join(word.title() for word in kind.split('_'))}Tool",
        [],
        bases=(HostedTool,),
        namespace={"__doc__": f"A `{kind}` tool. {does}"},
        module=__name__,
        tag=kind,
        frozen=True,
        kw_only=True,
    )
    for does, kinds in (("The model does without.", LEFT_OUT_TOOLS), ("It is refused.", REFUSED_TOOLS))
    for kind in kinds
)
CallableTool: TypeAlias = FunctionTool | CustomTool
AnyTool: TypeAlias = FunctionTool | CustomTool | NamespaceTool | HostedTool
_ToolIn: Any = FunctionTool | CustomTool | NamespaceTool
for _kind in HOSTED:
    _ToolIn = _ToolIn | _kind


class ItemIn(In, frozen=True, kw_only=True):
    """An item of `input`, of any kind: the table `ITEMS` says which fields each has."""

    type: str = "message"
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[InputPart] | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[InputPart] | None = None
    encrypted_content: str | None = None
    summary: Label = None
    tools: list[_ToolIn] | None = None
    id: Label = None
    status: Label = None
    phase: Label = None
    caller: Label = None


class ForcedToolIn(In, frozen=True, kw_only=True):
    """A tool that the model must call."""

    type: str
    name: str | None = None
    mode: Label = None
    server_label: Label = None
    tools: Label = None


class ReasoningIn(In, frozen=True, kw_only=True):
    """How much the model reasons, and whether its thoughts are shown."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: Label = None
    mode: Literal["standard"] | None = None


class SchemaFormatIn(In, frozen=True, kw_only=True, tag="json_schema"):
    """The answer is JSON that conforms to a schema."""

    name: NonEmpty
    schema: JsonObject
    description: str | None = None
    strict: bool | None = None


class TextIn(In, frozen=True, kw_only=True):
    """What the answer's text is."""

    format: TextFormatIn | JsonFormatIn | SchemaFormatIn | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class StreamOptionsIn(In, frozen=True, kw_only=True):
    """Nothing here changes a stream."""

    include_obfuscation: Label = None


class ResponsePromptIn(In, frozen=True, kw_only=True):
    """What a model is asked: the fields that are honoured wherever there is a prompt."""

    input: str | list[ItemIn]
    model: NonEmpty | None = None
    instructions: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningIn | None = None
    text: TextIn | None = None
    tool_choice: ToolMode | ForcedToolIn | None = None
    tools: list[_ToolIn] | None = None
    model_hint: Hint | None = None


class ResponseIn(ResponsePromptIn, frozen=True, kw_only=True):
    """The fields of the body of `POST /v1/responses` that are honoured."""

    model: NonEmpty
    include: list[Literal["reasoning.encrypted_content"]] | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: dict[str, str] | None = None
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    cache: CacheIn | None = None


ResponseBody = TABLE.body("ResponseBody", ResponseIn, "The body of `POST /v1/responses`.")
"""The whole body: what is honoured, and the rest of the table."""
InputTokensBody = COUNT_TABLE.body(
    "InputTokensBody", ResponsePromptIn, "The body of `POST /v1/responses/input_tokens`."
)


def _is_sent_back(members: Mapping[str, Raw]) -> bool:
    """Whatever is no message of the client's own."""
    return bytes(members.get("type", _MESSAGE)) != _MESSAGE or is_assistants(members)


_IN_PARTS: Final = {"type", *(name for part in get_args(InputPart) for name in part.__struct_fields__)}
LABELS: Final = labels_of(
    [field for field in FIELDS if field.path.endswith(".*")],
    {
        "input[]": ItemIn.__struct_fields__,
        "input[].content[]": _IN_PARTS,
        "input[].output[]": _IN_PARTS,
    },
    items="input[]",
    is_sent_back=_is_sent_back,
    is_counted=is_response,
)
