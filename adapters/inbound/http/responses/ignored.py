"""What of a body has no effect, by its paths. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from ..common.carriers import PREFIX
from ..common.fields import Fate
from ..common.without_effect import Member, Noted, members_without_effect
from . import wire
from .fields import CALLS, FIELDS
from .tools import Placed

_FIELDS: Final = {field.path: field for field in FIELDS if field.fate is Fate.NO_EFFECT}


_labels: Final = partial(members_without_effect, FIELDS)

_PARTS: Final[Mapping[type[Struct], Sequence[Member]]] = {
    wire.InputText: _labels("input[].content[]", wire.InputText),
    wire.OutputTextBack: _labels("input[].content[]", wire.OutputTextBack),
    wire.RefusalBack: (),
    wire.ThoughtBack: (),
    wire.InputImage: _labels("input[].content[]", wire.InputImage),
    wire.InputFile: (
        *_labels("input[].content[]", wire.InputFile),
        ("detail", "detail", _FIELDS["input[].content[].input_file.detail"]),
    ),
}
_ITEM: Final = _labels("input[]", wire.ItemIn)
_THOUGHTS: Final = _FIELDS["input[].reasoning.content"]
_TOOLS: Final = {kind: _labels("tools[]", kind) for kind in (wire.FunctionTool, wire.CustomTool)}
_REASONING: Final = _labels("reasoning", wire.ReasoningIn)
_TEXT: Final = _labels("text", wire.TextIn)
_STREAM: Final = _labels("stream_options", wire.StreamOptionsIn)


def without_effect(body: wire.ResponsePromptIn, placed: Iterable[Placed]) -> tuple[str, ...]:
    """The paths of what a body asks for within its fields and nothing here takes notice of, each kind by its first.

    `placed` are its tools that can be called.
    """
    noted = Noted()
    if isinstance(body.input, list):
        _note_items(body.input, noted)
    for path, tool, _ in placed:
        noted.members(tool, path, _TOOLS[type(tool)])
    if body.reasoning is not None:
        noted.members(body.reasoning, "reasoning", _REASONING)
        if body.reasoning.effort == "max":
            noted.add("max", "reasoning.effort max")
    if body.text is not None:
        noted.members(body.text, "text", _TEXT)
    if isinstance(body, wire.ResponseIn) and body.stream_options is not None:
        noted.members(body.stream_options, "stream_options", _STREAM)
    return noted.paths


def _unread(items: Sequence[wire.ItemIn]) -> Iterator[int]:
    """The reasoning items whose carrier is another vendor's, or belongs to nothing: neither a call nor a text."""
    waiting: int | None = None
    said = False
    for at, item in enumerate(items):
        if item.type == "reasoning":
            if item.encrypted_content and not item.encrypted_content.startswith(PREFIX):
                yield at
            elif item.encrypted_content:
                if waiting is not None:
                    yield waiting
                waiting = at
        elif item.role == "assistant":
            said = True
        elif item.type in CALLS:
            waiting, said = None, True
        else:
            if waiting is not None and not said:
                yield waiting
            waiting, said = None, False
    if waiting is not None and not said:
        yield waiting


def _note_items(items: Sequence[wire.ItemIn], noted: Noted) -> None:
    for at in _unread(items):
        noted.add("encrypted_content", f"input[{at}].encrypted_content")
    for at, item in enumerate(items):
        noted.members(item, f"input[{at}]", _ITEM)
        if item.type == "reasoning":
            if item.content:
                noted.add(_THOUGHTS.path, f"input[{at}].content")
            continue
        for name, parts in (("content", item.content), ("output", item.output)):
            for number, part in enumerate(parts if type(parts) is list else ()):
                noted.members(part, f"input[{at}].{name}[{number}]", _PARTS[type(part)])
