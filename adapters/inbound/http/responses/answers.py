"""OpenAI's responses and the events that make them, as they stand on the wire."""

from typing import Literal, TypeAlias

from msgspec import UNSET, Raw, Struct, UnsetType

from ..common.wire import JsonObject

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class _Out(Struct, frozen=True, kw_only=True):
    """Something that the gateway sends. What OpenAI sends as null is null: newer clients read every field."""


class InputTokensDetails(_Out, frozen=True, kw_only=True):
    """How many of the prompt's tokens the provider took from its own cache."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(_Out, frozen=True, kw_only=True):
    """How many of the generated tokens were reasoning."""

    reasoning_tokens: int = 0


class ResponseUsage(_Out, frozen=True, kw_only=True):
    """Tokens as the provider counts them; 0 where it does not.

    `estimated`, which is not OpenAI's: by the gateway, as the provider did not count.
    """

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int
    estimated: Literal[True] | UnsetType = UNSET


class OutputText(_Out, frozen=True, kw_only=True, tag="output_text"):
    """The text of a message."""

    text: str
    annotations: tuple[()] = ()
    logprobs: tuple[()] = ()


class MessageItem(_Out, frozen=True, kw_only=True, tag="message"):
    """A message of the answer."""

    id: str
    status: ItemStatus
    role: Literal["assistant"] = "assistant"
    content: list[OutputText]


class SummaryText(_Out, frozen=True, kw_only=True, tag="summary_text"):
    """Thoughts."""

    text: str


class ReasoningItem(_Out, frozen=True, kw_only=True, tag="reasoning"):
    """Thoughts, and in `encrypted_content` what is to be sent back in their place, such as Gemini's signature."""

    id: str
    status: ItemStatus
    summary: list[SummaryText]
    encrypted_content: str | UnsetType = UNSET


class FunctionCallItem(_Out, frozen=True, kw_only=True, tag="function_call"):
    """A call of a function. `arguments` is JSON text as the model wrote it, which may be invalid."""

    id: str
    call_id: str
    name: str
    namespace: str | UnsetType = UNSET
    arguments: str
    status: ItemStatus


class CustomCallItem(_Out, frozen=True, kw_only=True, tag="custom_tool_call"):
    """A call of a custom tool."""

    id: str
    call_id: str
    name: str
    namespace: str | UnsetType = UNSET
    input: str


OutputItem: TypeAlias = MessageItem | ReasoningItem | FunctionCallItem | CustomCallItem


class ResponseFailure(_Out, frozen=True, kw_only=True):
    """Why a response failed. By its code Codex stops or tries again."""

    code: Literal["server_error", "rate_limit_exceeded", "context_length_exceeded", "invalid_prompt"]
    message: str


class IncompleteDetails(_Out, frozen=True, kw_only=True):
    """Why a response is not whole."""

    reason: Literal["max_output_tokens", "content_filter"]


class ResponseOut(_Out, frozen=True, kw_only=True):
    """A response, whole or so far. What the request asked for is echoed; of its tools those that the model was told of.

    `warning`, which is not OpenAI's, says why it is empty or less than it could be.
    """

    id: str = ""
    object: Literal["response"] = "response"
    created_at: int = 0
    completed_at: int | None = None
    status: Literal["in_progress", "completed", "incomplete", "failed"] = "in_progress"
    background: Literal[False] = False
    error: ResponseFailure | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem] = []
    parallel_tool_calls: bool
    previous_response_id: None = None
    reasoning: JsonObject
    service_tier: Literal["default"] = "default"
    store: Literal[False] = False
    temperature: float | None
    text: JsonObject | Raw
    tool_choice: str | JsonObject | Raw
    tools: list[JsonObject] | Raw
    top_p: float | None
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None = None
    warning: str | UnsetType = UNSET


class InputTokensOut(_Out, frozen=True, kw_only=True):
    """How many tokens a prompt has."""

    object: Literal["response.input_tokens"] = "response.input_tokens"
    input_tokens: int


EventType: TypeAlias = Literal[
    "response.created",
    "response.in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
]


class ResponseEvent(_Out, frozen=True, kw_only=True):
    """An event of a stream, numbered from 0. The first two and the last have the response, as it is then.

    What is within an item says in which, and what is within its text or its thoughts, in which part.
    """

    type: EventType
    sequence_number: int
    response: ResponseOut | UnsetType = UNSET
    output_index: int | UnsetType = UNSET
    item: OutputItem | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    content_index: Literal[0] | UnsetType = UNSET
    summary_index: Literal[0] | UnsetType = UNSET
    part: OutputText | SummaryText | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    logprobs: tuple[()] | UnsetType = UNSET
