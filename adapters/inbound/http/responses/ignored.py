"""What of a body has no effect, by its paths. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from ..common.carriers import PREFIX
from ..common.fields import Fate, Field
from ..common.labels import MAX_LABELS
from . import wire
from .fields import CALLS, FIELDS
from .tools import callable_tools

_FIELDS: Final = {field.path: field for field in FIELDS if field.fate is Fate.NO_EFFECT}


def _labels(place: str, kind: Any) -> Sequence[tuple[str, str, Field]]:
    """The members of a type without effect: their names there and on the wire, and their rows."""
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    rows = ((name, told, _FIELDS.get(f"{place}.{told}")) for name, told in names)
    return tuple((name, told, row) for name, told, row in rows if row is not None)


_PARTS: Final[Mapping[type[Struct], Sequence[tuple[str, str, Field]]]] = {
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


def without_effect(body: wire.ResponsePromptIn) -> tuple[str, ...]:
    """The paths of what a body asks for within its fields and nothing here takes notice of, each kind by its first."""
    found: dict[str, str] = {}
    if isinstance(body.input, list):
        _note_items(body.input, found)
    for path, tool, _ in callable_tools(body):
        _note(tool, path, _TOOLS[type(tool)], found)
    if body.reasoning is not None:
        _note(body.reasoning, "reasoning", _REASONING, found)
        if body.reasoning.effort == "max":
            found["max"] = "reasoning.effort max"
    if body.text is not None:
        _note(body.text, "text", _TEXT, found)
    if isinstance(body, wire.ResponseIn) and body.stream_options is not None:
        _note(body.stream_options, "stream_options", _STREAM, found)
    return tuple(islice(found.values(), MAX_LABELS))


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


def _note_items(items: Sequence[wire.ItemIn], found: dict[str, str]) -> None:
    for at in _unread(items):
        found.setdefault("encrypted_content", f"input[{at}].encrypted_content")
    for at, item in enumerate(items):
        _note(item, f"input[{at}]", _ITEM, found)
        if item.type == "reasoning":
            if item.content:
                found.setdefault(_THOUGHTS.path, f"input[{at}].content")
            continue
        for name, parts in (("content", item.content), ("output", item.output)):
            for number, part in enumerate(parts if type(parts) is list else ()):
                _note(part, f"input[{at}].{name}[{number}]", _PARTS[type(part)], found)


def _note(one: Struct, path: str, labels: Sequence[tuple[str, str, Field]], found: dict[str, str]) -> None:
    for name, told, field in labels:
        value = getattr(one, name)
        if value is not None and field.path not in found and field.asks(value):
            found[field.path] = f"{path}.{told}"
