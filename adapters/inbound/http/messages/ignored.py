"""What of a body has no effect, by its paths. Pure."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from ..common.carriers import PREFIX
from ..common.fields import Fate, Field
from ..common.labels import MAX_LABELS
from . import wire
from .fields import FIELDS

_BLOCKS: Final = "messages[].content[]"


def _labels(place: str, *kinds: type[Struct]) -> Mapping[type[Struct], Sequence[tuple[str, Field]]]:
    """By the type of what stands at a place its members without effect."""
    fields = {field.path: field for field in FIELDS if field.fate is Fate.NO_EFFECT}
    paths = {kind: [(name, f"{place}.{name}") for name in kind.__struct_fields__] for kind in kinds}
    return {kind: [(name, fields[path]) for name, path in of if path in fields] for kind, of in paths.items()}


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
    found: dict[str, str] = {}
    for at, turn in enumerate(body.messages):
        if type(turn.content) is list:
            _note_blocks(turn.content, f"messages[{at}].content", found)
    if isinstance(body.system, list):
        _note_all(body.system, "system", _OF_SYSTEM, found)
    if body.tools:
        _note_all(body.tools, "tools", _OF_TOOLS, found)
    if body.thinking is not None:
        _note(body.thinking, "thinking", _OF_THINKING.get(type(body.thinking), ()), found)
    if body.output_config is not None:
        _note(body.output_config, "output_config", _OF_OUTPUT[wire.OutputConfig], found)
        if body.output_config.effort and (lost := _BESIDE_EFFORT.get(type(body.thinking))):
            found[lost] = lost
    return tuple(islice(found.values(), MAX_LABELS))


def _note_blocks(blocks: Sequence[Struct], path: str, found: dict[str, str]) -> None:
    """Of the carriers before a call the last counts; what another vendor gave counts for nothing."""
    _note_all(blocks, path, _OF_BLOCKS, found)
    waiting = ""
    for at, block in enumerate(blocks):
        match block:
            case wire.ToolResultIn(content=list(parts)):
                _note_all(parts, f"{path}[{at}].content", _OF_RESULTS, found)
            case wire.ToolUseIn():
                waiting = ""
            case wire.ThinkingIn(signature=str(text)) | wire.RedactedThinkingIn(data=str(text)) if text:
                lost = here = f"{path}[{at}].{'signature' if isinstance(block, wire.ThinkingIn) else 'data'}"
                if text.startswith(PREFIX):
                    lost, waiting = waiting, here
                if lost:
                    found.setdefault(lost.rpartition(".")[2], lost)


def _note_all(
    items: Sequence[Struct],
    path: str,
    labels: Mapping[type[Struct], Sequence[tuple[str, Field]]],
    found: dict[str, str],
) -> None:
    for at, item in enumerate(items):
        for name, field in labels[type(item)]:
            value = getattr(item, name)
            if value is not None and field.path not in found and field.asks(value):
                found[field.path] = f"{path}[{at}].{name}"


def _note(one: Struct, path: str, labels: Sequence[tuple[str, Field]], found: dict[str, str]) -> None:
    for name, field in labels:
        if field.asks(getattr(one, name)):
            found[field.path] = f"{path}.{name}"
