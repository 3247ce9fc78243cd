"""What of a body has no effect, by its paths. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from ..common.carriers import PREFIX
from ..common.without_effect import Member, Noted, members_without_effect
from . import wire
from .fields import FIELDS

_BLOCKS: Final = "messages[].content[]"


def _labels(place: str, *kinds: type[Struct]) -> Mapping[type[Struct], Sequence[Member]]:
    """By the type of what stands at a place its members without effect."""
    return {kind: members_without_effect(FIELDS, place, kind) for kind in kinds}


_OF_BLOCKS: Final = _labels(
    _BLOCKS,
    wire.TextBlockIn,
    wire.ImageBlockIn,
    wire.DocumentBlockIn,
    wire.ToolResultIn,
    wire.ToolUseIn,
    wire.ThinkingIn,
    wire.RedactedThinkingIn,
)
_OF_RESULTS: Final = _labels(
    f"{_BLOCKS}.content[]", wire.TextBlockIn, wire.ImageBlockIn, wire.DocumentBlockIn, wire.ToolReferenceIn
)
_OF_SYSTEM: Final = _labels("system[]", wire.TextBlockIn)
_OF_TOOLS: Final = _labels("tools[]", wire.ClientTool)
_OF_THINKING: Final = _labels("thinking", wire.ThinkingAdaptive, wire.ThinkingBetweenTools, wire.ThinkingEnabled)
_OF_OUTPUT: Final = _labels("output_config", wire.OutputConfig)
_BESIDE_EFFORT: Final[Mapping[type, str]] = {
    wire.ThinkingDisabled: "output_config.effort",
    wire.ThinkingEnabled: "thinking.budget_tokens",
}
"""What goes by the board where thinking and effort say different things."""


def without_effect(body: wire.MessagesPrompt) -> tuple[str, ...]:
    """The paths of what a body asks for within its fields and nothing here takes notice of, each kind by its first."""
    noted = Noted()
    for at, turn in enumerate(body.messages):
        if type(turn.content) is list:
            _note_blocks(turn.content, f"messages[{at}].content", noted)
    if isinstance(body.system, list):
        _note_all(body.system, "system", _OF_SYSTEM, noted)
    if body.tools:
        _note_all(body.tools, "tools", _OF_TOOLS, noted)
    if body.thinking is not None:
        noted.members(body.thinking, "thinking", _OF_THINKING.get(type(body.thinking), ()))
    if body.output_config is not None:
        noted.members(body.output_config, "output_config", _OF_OUTPUT[wire.OutputConfig])
        if body.output_config.effort and (lost := _BESIDE_EFFORT.get(type(body.thinking))):
            noted.add(lost, lost)
    return noted.paths


def _note_blocks(blocks: Sequence[Struct], path: str, noted: Noted) -> None:
    """Of the carriers before a call the last counts; what another vendor gave counts for nothing."""
    _note_all(blocks, path, _OF_BLOCKS, noted)
    waiting = ""
    for at, block in enumerate(blocks):
        match block:
            case wire.ToolResultIn(content=list(parts)):
                _note_all(parts, f"{path}[{at}].content", _OF_RESULTS, noted)
            case wire.ToolUseIn():
                waiting = ""
            case wire.ThinkingIn(signature=str(text)) | wire.RedactedThinkingIn(data=str(text)) if text:
                lost = here = f"{path}[{at}].{'signature' if isinstance(block, wire.ThinkingIn) else 'data'}"
                if text.startswith(PREFIX):
                    lost, waiting = waiting, here
                if lost:
                    noted.add(lost.rpartition(".")[2], lost)


def _note_all(
    items: Sequence[Struct], path: str, labels: Mapping[type[Struct], Sequence[Member]], noted: Noted
) -> None:
    for at, item in enumerate(items):
        noted.members(item, f"{path}[{at}]", labels[type(item)])
