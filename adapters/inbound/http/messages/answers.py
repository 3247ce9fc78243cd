"""Anthropic's answers, as they stand on the wire: messages, and the events that make them."""

from typing import Literal, TypeAlias

from msgspec import UNSET, Raw, Struct, UnsetType


class _Said(Struct, frozen=True, kw_only=True):
    """Something that the gateway sends. What Anthropic sends as null is null, what it leaves out is left out."""


class TextBlock(_Said, frozen=True, kw_only=True, tag="text"):
    """Text of the answer."""

    text: str


class ToolUseBlock(_Said, frozen=True, kw_only=True, tag="tool_use"):
    """A tool that the model calls. Arguments that are no object stand under `raw_arguments`."""

    id: str
    name: str
    input: Raw


class ThinkingBlock(_Said, frozen=True, kw_only=True, tag="thinking"):
    """Thoughts. Empty ones carry what belongs to the next call, which is to be sent back unchanged."""

    thinking: str
    signature: str


class RedactedThinkingBlock(_Said, frozen=True, kw_only=True, tag="redacted_thinking"):
    """What belongs to the whole answer, and is to be sent back unchanged."""

    data: str


Block: TypeAlias = TextBlock | ToolUseBlock | ThinkingBlock | RedactedThinkingBlock
StopReason: TypeAlias = Literal["end_turn", "max_tokens", "tool_use", "refusal"]


class MessageTokenDetails(_Said, frozen=True, kw_only=True):
    """How many of the generated tokens were thoughts."""

    thinking_tokens: int


class MessageUsage(_Said, frozen=True, kw_only=True):
    """Tokens as the provider counts them; `input_tokens` without those that it took from its own cache.

    `estimated`, which is not Anthropic's: by the gateway, as the provider did not count.
    """

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    output_tokens_details: MessageTokenDetails | UnsetType = UNSET
    estimated: Literal[True] | UnsetType = UNSET


class AnthropicMessage(_Said, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """A whole answer. `warning`, which is not Anthropic's, says why it is empty or less than it could be."""

    id: str
    role: Literal["assistant"] = "assistant"
    model: str
    content: list[Block]
    stop_reason: StopReason | None
    stop_sequence: None = None
    usage: MessageUsage
    warning: str | UnsetType = UNSET


class MessageStart(_Said, frozen=True, kw_only=True, tag="message_start"):
    """The first event: the message without content, and with usage that is not known yet."""

    message: AnthropicMessage


class BlockStart(_Said, frozen=True, kw_only=True, tag="content_block_start"):
    """A block begins, which is still empty."""

    index: int
    content_block: Block


class TextPiece(_Said, frozen=True, kw_only=True, tag="text_delta"):
    """More of the block's text."""

    text: str


class InputPiece(_Said, frozen=True, kw_only=True, tag="input_json_delta"):
    """More of the call's arguments, as JSON text."""

    partial_json: str


class ThinkingPiece(_Said, frozen=True, kw_only=True, tag="thinking_delta"):
    """More of the thoughts."""

    thinking: str


class SignaturePiece(_Said, frozen=True, kw_only=True, tag="signature_delta"):
    """The signature, just before the block ends."""

    signature: str


class BlockDelta(_Said, frozen=True, kw_only=True, tag="content_block_delta"):
    """More of the open block."""

    index: int
    delta: TextPiece | InputPiece | ThinkingPiece | SignaturePiece


class BlockStop(_Said, frozen=True, kw_only=True, tag="content_block_stop"):
    """The block is whole."""

    index: int


class MessageEnd(_Said, frozen=True, kw_only=True):
    """Why the answer ended."""

    stop_reason: StopReason
    stop_sequence: None = None


class MessageDelta(_Said, frozen=True, kw_only=True, tag="message_delta"):
    """The end of the message, with the usage of all of it. `warning` as in a whole answer."""

    delta: MessageEnd
    usage: MessageUsage
    warning: str | UnsetType = UNSET


class MessageStop(_Said, frozen=True, kw_only=True, tag="message_stop"):
    """The last event."""


class Ping(_Said, frozen=True, kw_only=True, tag="ping"):
    """Nothing to say, and still there."""


StreamEvent: TypeAlias = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping
