"""OpenAI's chat answers, as they stand on the wire."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.domain.chat import FinishReason

from ..common.wire import ChosenTokenOut, JsonObject, ToolCallOut


class _Out(Struct, frozen=True, kw_only=True):
    """Something that the gateway sends. What OpenAI sends as null is null, what it leaves out is left out."""


class PromptDetails(_Out, frozen=True, kw_only=True):
    """How many of the prompt's tokens the provider took from its own cache."""

    cached_tokens: int


class CompletionDetails(_Out, frozen=True, kw_only=True):
    """How many of the generated tokens were reasoning."""

    reasoning_tokens: int


class CompletionUsage(_Out, frozen=True, kw_only=True):
    """Tokens as the provider counts them; what it does not count is left out.

    `estimated`, which is not OpenAI's: by the gateway, as the provider did not count.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails | UnsetType = UNSET
    completion_tokens_details: CompletionDetails | UnsetType = UNSET
    estimated: Literal[True] | UnsetType = UNSET


class MessageOut(_Out, frozen=True, kw_only=True):
    """The message of a whole answer. `reasoning_content` and `extra_content` are not OpenAI's."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallOut] | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET


class Logprobs(_Out, frozen=True, kw_only=True):
    """Those of the content's tokens."""

    content: list[ChosenTokenOut]
    refusal: None = None


class Choice(_Out, frozen=True, kw_only=True):
    """The one choice of a whole answer."""

    index: Literal[0] = 0
    message: MessageOut
    logprobs: Logprobs | None = None
    finish_reason: FinishReason


class Completion(_Out, frozen=True, kw_only=True):
    """A whole answer. `warning`, which is not OpenAI's, says why it is empty or less than it could be."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    system_fingerprint: str
    service_tier: Literal["default"] | UnsetType = UNSET
    warning: str | UnsetType = UNSET


class FunctionDelta(_Out, frozen=True, kw_only=True):
    """A part of a function call: its name once, and `arguments`, which are appended."""

    name: str | UnsetType = UNSET
    arguments: str


class ChunkToolCall(_Out, frozen=True, kw_only=True):
    """A part of the tool call number `index`, counted from 0. The id comes once."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: FunctionDelta
    extra_content: JsonObject | UnsetType = UNSET


class ChunkDelta(_Out, frozen=True, kw_only=True):
    """The role in the first chunk; then one of the three contents; in the last what goes with the whole message."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ChunkToolCall] | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET


class ChunkChoice(_Out, frozen=True, kw_only=True):
    """The one choice of a chunk. `finish_reason` stands in the last."""

    index: Literal[0] = 0
    delta: ChunkDelta
    logprobs: Logprobs | None = None
    finish_reason: FinishReason | None = None


class Chunk(_Out, frozen=True, kw_only=True):
    """A part of a streamed answer. With `include_usage` the last has the usage and no choice, the others null.

    `warning` stands beside the finish reason, as in a whole answer.
    """

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    system_fingerprint: str
    service_tier: Literal["default"] | UnsetType = UNSET
    usage: CompletionUsage | UnsetType | None = UNSET
    warning: str | UnsetType = UNSET
