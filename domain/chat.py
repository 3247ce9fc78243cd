"""A chat in the domain's own types: the request and the reply. Absent means None: no defaults here.

What a request may hold thousands of (`gc=False`) can't be part of a cycle: the garbage collector need not walk it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct
from typing_extensions import override

from .cache_policy import CacheDirective
from .logprobs import ChosenLogprob
from .media import Media
from .routing import EndpointId, Hint
from .sequences import CheckedStruct, Collection, Kinds

JsonObject: TypeAlias = Mapping[str, object]


class Text(Struct, frozen=True, kw_only=True, tag="text", gc=False):
    """A part of a message that is text."""

    text: str


Part: TypeAlias = Text | Media


class ToolCall(Struct, frozen=True, kw_only=True, gc=False):
    """The model's request to call a tool.

    `arguments` is JSON text as the model wrote it, and need not be valid. `extra_content` is what the provider gave
    with the call and wants back unchanged, such as Gemini's thought signature.
    """

    id: str
    name: str
    arguments: str
    extra_content: JsonObject | None = None


class _Message(CheckedStruct, frozen=True, kw_only=True, gc=False):
    @override
    def _held(self, field: str, value: object, collection: Collection, kinds: Kinds) -> object:
        """One `str` is one text."""
        if field == "content" and isinstance(value, str):
            return (Text(text=value),)
        return super()._held(field, value, collection, kinds)


class SystemMessage(_Message, frozen=True, kw_only=True, tag="system"):
    """Instructions to the model. `content` is given as one `str` or as a sequence of `Text`, and held as a tuple."""

    content: tuple[Text, ...]
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(self, *, content: str | Sequence[Text], name: str | None = None) -> None: ...


class UserMessage(_Message, frozen=True, kw_only=True, tag="user"):
    """What the user says. `content` is given as one `str` or as a sequence of `Text`, `Image`, `ImageUrl`
    and `Document`, held as a tuple.

    Raises `TypeError` for anything else, as every message does.
    """

    content: tuple[Part, ...]
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(self, *, content: str | Sequence[Part], name: str | None = None) -> None: ...


class AssistantMessage(_Message, frozen=True, kw_only=True, tag="assistant"):
    """An earlier answer of the model: its text, as one `str` or a sequence of `Text`, and the tools that it called.

    `extra_content` is what the provider gave with the answer and demands back unchanged.
    """

    content: tuple[Text, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    name: str | None = None
    extra_content: JsonObject | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            content: str | Sequence[Text] = (),
            tool_calls: Sequence[ToolCall] = (),
            name: str | None = None,
            extra_content: JsonObject | None = None,
        ) -> None: ...


class ToolMessage(_Message, frozen=True, kw_only=True, tag="tool"):
    """A tool's result, for the call with this id. `content` is given as that of a `UserMessage` is.

    `error`: the tool failed, and the content says how.
    """

    content: tuple[Part, ...]
    tool_call_id: str
    name: str | None = None
    error: bool = False

    if TYPE_CHECKING:

        def __init__(
            self, *, content: str | Sequence[Part], tool_call_id: str, name: str | None = None, error: bool = False
        ) -> None: ...


Message: TypeAlias = UserMessage | AssistantMessage | SystemMessage | ToolMessage


class Tool(Struct, frozen=True, kw_only=True, gc=False):
    """A function that the model may ask to have called. `parameters` is a JSON Schema of its arguments."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class ToolMode(StrEnum):
    """Which tools the model may call: as it likes (`auto`), none, or at least one (`required`)."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class NamedTool(Struct, frozen=True, kw_only=True):
    """A tool choice: the model must call the tool of this name."""

    name: str


ToolChoice: TypeAlias = ToolMode | NamedTool


class TextFormat(Struct, frozen=True, kw_only=True, tag="text"):
    """The answer is plain text, and the request says so."""


class JsonFormat(Struct, frozen=True, kw_only=True, tag="json_object"):
    """The answer is any JSON object."""


class JsonSchemaFormat(Struct, frozen=True, kw_only=True, tag="json_schema"):
    """The answer is JSON that conforms to a JSON Schema. `name` and `description` tell the model what it is."""

    name: str | None = None
    schema: JsonObject
    description: str | None = None
    strict: bool | None = None


ResponseFormat: TypeAlias = TextFormat | JsonFormat | JsonSchemaFormat


class ReasoningEffort(StrEnum):
    """How much a reasoning model may reason before it answers, in ascending order and in OpenAI's terms."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"


class Sampling(CheckedStruct, frozen=True, kw_only=True):
    """How the next token is chosen; ranges are OpenAI's, but for `top_k`, which OpenAI does not have.

    `temperature_by_default`: the client stated none, and `temperature` is the surface's default. It is left out where a
    model has no sampling, or fares worse with any temperature but its own.
    """

    temperature: float | None = None
    temperature_by_default: bool = False
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class ChatRequest(CheckedStruct, frozen=True, kw_only=True, dict=True):
    """The part of a chat that changes its answer, and nothing else: every field is part of the cache key.

    `messages` are in order, the oldest first. `max_tokens` bounds all that is generated; None leaves it to the model.
    `max_tokens_by_default`: the client stated none, and `max_tokens`, the surface's default, bounds the answer without
    its reasoning. `logprobs` asks for the log probabilities of the text's tokens, and `top_logprobs` for so many of the
    likeliest in the place of each. Sequences are held as tuples, and raise `TypeError` for wrong items. Ranges are
    checked when the chat is planned. Functions of `once_each` keep what they work out in its `__dict__`.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    max_tokens_by_default: bool = False
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    logprobs: bool = False
    top_logprobs: int | None = None


class Grain(StrEnum):
    """How an answer is delivered: whole, or as a stream of parts as the model makes them."""

    WHOLE = "whole"
    STREAM = "stream"


class ChatCall(CheckedStruct, frozen=True, kw_only=True):
    """A chat request with how it is to be served.

    `model` is a hint's name, a provider, a model or `provider/model`, and pins unless it names a hint. `grain` asks for
    the answer whole or in parts. `timeout` bounds the whole answer; None leaves it to the gateway's settings. `ignored`
    are paths of what came along and has no effect at any model. `nearest_effort`: a reasoning effort that a model does
    not have is sent as the nearest that it has, and named, where it would be refused otherwise.
    """

    request: ChatRequest
    model: str | None = None
    hint: Hint | None = None
    grain: Grain = Grain.WHOLE
    cache: CacheDirective = CacheDirective()
    timeout: timedelta | None = None
    ignored: tuple[str, ...] = ()
    nearest_effort: bool = False


class FinishReason(StrEnum):
    """Why an answer ended, in OpenAI's terms.

    `stop`: the model was done, or a stop sequence came. `length`: `max_tokens` or the model's own limit was reached.
    `tool_calls`: it wants tools to be called. `content_filter`: the provider withheld the rest.
    """

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


_LENGTH: Final = FinishReason.LENGTH
MAX_COUNT = 10**12
"""Of tokens: above what any answer takes, and low enough for every sum, store and metric."""


def counted(tokens: int | None) -> int:
    """A provider's count, held to what a count can be: whoever it pleases to count wrongly breaks nothing here."""
    return max(0, min(tokens or 0, MAX_COUNT))


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens as the provider counted them, or as the gateway estimates them where it did not: then `estimated`.

    `reasoning_tokens` are part of the completion, `cached_tokens` part of the prompt; None where they were not counted.
    """

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class ChatReply(CheckedStruct, frozen=True, kw_only=True):
    """A whole answer.

    `endpoint` is the endpoint that was asked, `model` the model that the provider says answered. `extra_content` is
    what the provider wants back unchanged with the next request. `ignored`: see `Started`; `incomplete`: see
    `Finished`. `logprobs` are those of the content's tokens, where they were asked for.
    """

    endpoint: EndpointId
    model: str
    finish_reason: FinishReason
    usage: Usage
    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    extra_content: JsonObject | None = None
    ignored: tuple[str, ...] = ()
    incomplete: bool = False
    logprobs: tuple[ChosenLogprob, ...] = ()

    @property
    def only_reasoned(self) -> bool:
        """Whether reasoning took all the tokens that there were, so that nothing is answered."""
        if self.finish_reason is not _LENGTH:
            return False
        nothing = not self.content.strip() and not self.tool_calls
        return nothing and bool(self.reasoning or self.usage.reasoning_tokens)
