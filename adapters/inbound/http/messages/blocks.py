"""An answer's content as Anthropic's blocks: whole, and one after the other in a stream. Pure."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, DecodeError, Raw, Struct, json

from llm_gateway.domain.chat import ChatReply, FinishReason, JsonObject, Usage

from ..common.carriers import carrier_of
from ..common.renderer import TextFrame
from . import answers as wire

STOP_REASONS: Final[dict[FinishReason, wire.StopReason]] = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
}
_NO_INPUT: Final = "{}"
_object = json.Decoder(dict[str, Raw])
_encode = json.Encoder().encode


def frame(event: wire.StreamEvent) -> bytes:
    """An event with its name, without which Anthropic's clients do not see it."""
    return b"event: %b\ndata: %b\n\n" % (str(event.__struct_config__.tag).encode(), _encode(event))


def usage_out(usage: Usage) -> wire.MessageUsage:
    cached, thoughts = usage.cached_tokens or 0, usage.reasoning_tokens
    return wire.MessageUsage(
        input_tokens=max(0, usage.prompt_tokens - cached),
        cache_read_input_tokens=cached,
        output_tokens=usage.completion_tokens,
        output_tokens_details=UNSET if thoughts is None else wire.MessageTokenDetails(thinking_tokens=thoughts),
        estimated=True if usage.estimated else UNSET,
    )


def blocks_of(reply: ChatReply, calls: int | None, *, thoughts: str | None) -> Iterator[wire.Block]:
    """The blocks of a whole answer with its first so many calls. `thoughts` is None where no thoughts are asked for."""
    thinking = wire.ThinkingBlock(thinking=thoughts, signature="") if thoughts is not None and reply.reasoning else None
    if reply.content:
        if thinking is not None:
            yield thinking
            thinking = None
        yield wire.TextBlock(text=reply.content)
    for call in reply.tool_calls[:calls]:
        if call.extra_content is not None:
            said = thinking.thinking if thinking is not None else ""
            thinking = wire.ThinkingBlock(thinking=said, signature=carrier_of(call.extra_content))
        if thinking is not None:
            yield thinking
            thinking = None
        yield wire.ToolUseBlock(id=call.id, name=call.name, input=_input(call.arguments))
    if thinking is not None:
        yield thinking
    if (carrier := trailing_carrier(reply)) is not None:
        yield wire.RedactedThinkingBlock(data=carrier)


def trailing_carrier(reply: ChatReply) -> str | None:
    """None for a turn's last words: Claude Code prints the last block, and Gemini demands it back of calls only."""
    return carrier_of(reply.extra_content) if reply.extra_content is not None and reply.tool_calls else None


def is_object(arguments: str) -> bool:
    """Whether arguments are a whole JSON object."""
    try:
        _object.decode(arguments)
    except DecodeError:
        return False
    return True


def _input(arguments: str) -> Raw:
    text = arguments.strip()
    if is_object(text):
        return Raw(text.encode())
    return Raw(_NO_INPUT if text in ("", "null") else _encode({"raw_arguments": arguments}))


class OpenBlock(Struct):
    """The one block of a stream that is open, or none: `kind` is empty. `index` is that of the last that was begun.

    `pieces` are the arguments so far, where it is a call.
    """

    index: int = -1
    kind: str = ""
    pieces: list[str] = []
    _frames: TextFrame | None = None

    def text_frame(self) -> TextFrame:
        if self._frames is None:
            self._frames = TextFrame(lambda text: self._piece(wire.TextPiece(text=text)))
        return self._frames

    def text(self, text: str) -> bytes:
        begun = b"" if self.kind == "text" else self._begin(wire.TextBlock(text=""))
        return begun + self.text_frame()(text)

    def thinking(self, text: str) -> bytes:
        """Thoughts; nothing but the block where there is no text."""
        begun = b"" if self.kind == "thinking" else self._begin(wire.ThinkingBlock(thinking="", signature=""))
        return begun + self._piece(wire.ThinkingPiece(thinking=text)) if text else begun

    def call(self, id: str, name: str, extra_content: JsonObject | None) -> bytes:
        """A call, after the thoughts that carry what belongs to it."""
        signed = b""
        if extra_content is not None:
            signed = self.thinking("") + self._piece(wire.SignaturePiece(signature=carrier_of(extra_content)))
        return signed + self._begin(wire.ToolUseBlock(id=id, name=name, input=Raw(_NO_INPUT)))

    def arguments(self, text: str) -> bytes:
        if not text:
            return b""
        self.pieces.append(text)
        return self._piece(wire.InputPiece(partial_json=text))

    def redacted(self, carrier: str) -> bytes:
        return self._begin(wire.RedactedThinkingBlock(data=carrier)) + self.end()

    def end(self) -> bytes:
        """What closes it. A call without arguments has those of none."""
        if not self.kind:
            return b""
        rest = self.arguments(_NO_INPUT) if self.kind == "tool_use" and not self.pieces else b""
        self.kind = ""
        return rest + frame(wire.BlockStop(index=self.index))

    @property
    def is_whole(self) -> bool:
        """Whether nothing more can come that belongs to it: of a call all arguments are here."""
        if self.kind != "tool_use":
            return True
        return bool(self.pieces) and self.pieces[-1].rstrip().endswith("}") and is_object("".join(self.pieces))

    def _begin(self, block: wire.Block) -> bytes:
        ended = self.end()
        self.index += 1
        self.kind = str(block.__struct_config__.tag)
        self.pieces = []
        self._frames = None
        return ended + frame(wire.BlockStart(index=self.index, content_block=block))

    def _piece(self, piece: wire.TextPiece | wire.InputPiece | wire.ThinkingPiece | wire.SignaturePiece) -> bytes:
        return frame(wire.BlockDelta(index=self.index, delta=piece))
