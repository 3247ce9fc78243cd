"""Ollama's requests, as they stand on the wire."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, defstruct, field

from llm_gateway.domain.parameters import bounds
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.validation import MAX_DIMENSIONS, MAX_INPUTS

from ..common.labels import labels_of
from ..common.wire import In, JsonObject, NonEmpty, Stop, ToolDefinition
from .fields import CHAT_FIELDS, CHAT_TABLE, IDLE_OPTIONS, PROMPT_TABLE, REFUSED_OPTIONS

Images: TypeAlias = list[bytes]


class CalledIn(In, frozen=True, kw_only=True):
    """A function that the model called. `arguments` are an object, or its JSON as text."""

    name: str
    arguments: JsonObject | str = field(default_factory=dict)
    index: int | None = None


class CallIn(In, frozen=True, kw_only=True):
    """A tool call of an earlier answer, sent back; most clients leave its id out."""

    function: CalledIn
    id: str | None = None
    type: Literal["function"] = "function"


class _Said(In, frozen=True, kw_only=True, tag_field="role"):
    content: str = ""


class SystemSaid(_Said, frozen=True, kw_only=True, tag="system"):
    """Instructions to the model."""


class UserSaid(_Said, frozen=True, kw_only=True, tag="user"):
    """What the user says, and shows."""

    images: Images | None = None


class AssistantSaid(_Said, frozen=True, kw_only=True, tag="assistant"):
    """An earlier answer of the model, with the tools that it called."""

    tool_calls: list[CallIn] | None = None
    thinking: None = None


class ToolSaid(_Said, frozen=True, kw_only=True, tag="tool"):
    """A tool's result. Without an id it is that of the next call that has none yet."""

    images: Images | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
    name: str | None = None


class SamplingOptions(In, frozen=True, kw_only=True):
    """The options that are honoured."""

    temperature: Annotated[float, bounds("temperature")] | None = None
    top_p: Annotated[float, bounds("top_p")] | None = None
    top_k: Annotated[int, bounds("top_k")] | None = None
    seed: Annotated[int, bounds("seed")] | None = None
    stop: Stop | None = None
    presence_penalty: Annotated[float, bounds("presence_penalty")] | None = None
    frequency_penalty: Annotated[float, bounds("frequency_penalty")] | None = None
    num_predict: int | None = None


AskedOptions: Any = defstruct(
    "AskedOptions",
    [(name, Any, None) for name in (*IDLE_OPTIONS, *REFUSED_OPTIONS)],
    bases=(SamplingOptions,),
    module=__name__,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)
"""All options: the honoured ones, those without effect, and those that are refused unless they ask for nothing."""


class Asked(In, frozen=True, kw_only=True):
    """What both kinds of question state."""

    model: NonEmpty
    stream: bool | None = None
    think: bool | Literal["low", "medium", "high", "max"] | None = None
    format: Literal["", "json"] | JsonObject | None = None
    options: AskedOptions | None = None

    @property
    def model_hint(self) -> Hint | None:
        """Only the header states one."""
        return None


class ChatAsked(Asked, frozen=True, kw_only=True):
    """The fields of `POST /api/chat` that are honoured."""

    messages: list[SystemSaid | UserSaid | AssistantSaid | ToolSaid] = field(default_factory=list)
    tools: list[ToolDefinition] | None = None


class PromptAsked(Asked, frozen=True, kw_only=True):
    """The fields of `POST /api/generate` that are honoured."""

    prompt: str = ""
    system: str | None = None
    images: Images | None = None


ChatAskedBody = CHAT_TABLE.body("ChatAskedBody", ChatAsked, "The body of `POST /api/chat`.")
PromptAskedBody = PROMPT_TABLE.body("PromptAskedBody", PromptAsked, "The body of `POST /api/generate`.")


class EmbedAsked(In, frozen=True, kw_only=True):
    """The body of `POST /api/embed`."""

    model: NonEmpty
    input: NonEmpty | Annotated[list[NonEmpty], Meta(min_length=1, max_length=MAX_INPUTS)]
    dimensions: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    truncate: bool | None = None
    keep_alive: Any = None
    options: AskedOptions | None = None


class OlderEmbedAsked(In, frozen=True, kw_only=True):
    """The body of `POST /api/embeddings`."""

    model: NonEmpty
    prompt: NonEmpty
    keep_alive: Any = None
    options: AskedOptions | None = None


class ModelNamed(In, frozen=True, kw_only=True):
    """A body that names a model, by either of two names."""

    model: str | None = None
    name: str | None = None
    verbose: bool | None = None
    stream: bool | None = None
    insecure: bool | None = None


LABELS = labels_of(
    CHAT_FIELDS,
    {
        "messages[]": ("role", *AssistantSaid.__struct_fields__),
        "messages[].tool_calls[]": CallIn.__struct_fields__,
        "messages[].tool_calls[].function": CalledIn.__struct_fields__,
    },
)
