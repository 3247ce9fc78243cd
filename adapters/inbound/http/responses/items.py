"""The items of a request as messages: an answer's texts, thoughts and calls, one after the other, are one. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from llm_gateway.domain.chat import (
    AssistantMessage,
    Message,
    Part,
    SystemMessage,
    Text,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import Fault, InvalidRequest
from llm_gateway.domain.media import Detail

from ..common.carriers import carried
from ..common.data_urls import document_of, image_of
from . import wire
from .fields import CALLS, ITEM_REFUSALS, ITEMS, STATELESS
from .tools import NO_ARGUMENTS, custom_arguments, full_name

_OF_ITEMS: Final = ("role", "content", "call_id", "name", "namespace", "arguments", "input", "output")
_ALL: Final = (*_OF_ITEMS, "encrypted_content", "summary", "tools")
_NO_TOOL: Final = "no tool is run here"
_DETAILS: Final[Mapping[str | None, Detail]] = {"low": Detail.LOW, "high": Detail.HIGH, "original": Detail.HIGH}
_ANSWERED: Final = (*CALLS, "reasoning")
Run: TypeAlias = list[int]
"""The numbers of the items that make one message."""


def _others(kind: str) -> tuple[Callable[[wire.ItemIn], Any], tuple[str, ...]]:
    """The fields that items of a kind do not have."""
    has = {*ITEMS[kind].needs, *ITEMS[kind].may_have}
    names = tuple(name for name in _ALL if name not in has)
    return attrgetter(*names), names


_OTHERS: Final = {kind: _others(kind) for kind in ITEMS}
_NONE: Final = {kind: (None,) * len(names) for kind, (_, names) in _OTHERS.items()}


def runs_of(items: Sequence[wire.ItemIn]) -> list[Run]:
    """By message the numbers of its items. What is none belongs to none."""
    runs: list[Run] = []
    answering = False
    for at, item in enumerate(items):
        answers = item.type in _ANSWERED or (item.type == "message" and item.role == "assistant")
        if answers and answering:
            runs[-1].append(at)
        elif item.type != "additional_tools":
            runs.append([at])
        answering = answers
    return [run for run in runs if any(items[at].type != "reasoning" for at in run)]


def to_messages(items: Sequence[wire.ItemIn]) -> Iterator[Message]:
    """Raises `InvalidRequest` for what is not taken here, or lacks what belongs to it."""
    for at, item in enumerate(items):
        _check(item, at)
    for run in runs_of(items):
        item = items[run[0]]
        path = f"input[{run[0]}]"
        match item:
            case wire.ItemIn(type="message", role="user"):
                yield UserMessage(content=_parts(item.content or "", f"{path}.content"))
            case wire.ItemIn(type="message", role="system" | "developer"):
                yield SystemMessage(content=_texts(item.content or "", f"{path}.content"))
            case wire.ItemIn(type="function_call_output" | "custom_tool_call_output"):
                yield ToolMessage(content=_parts(item.output or "", f"{path}.output"), tool_call_id=item.call_id or "")
            case _:
                yield _answer(items, run)


def _check(item: wire.ItemIn, at: int) -> None:
    kind = ITEMS.get(item.type)
    if kind is None:
        why = ITEM_REFUSALS.get(item.type, _NO_TOOL)
        raise InvalidRequest.at(f"input[{at}].type", f"{item.type[:64]} is not taken here: {why}")
    others, names = _OTHERS[item.type]
    if others(item) != _NONE[item.type]:
        wrong = [name for name, value in zip(names, others(item), strict=True) if value is not None]
        message = f"is not a field of {item.type}"
        raise InvalidRequest([Fault(path=f"input[{at}].{name}", message=message) for name in wrong])
    if item.type == "message" and item.role is None and item.content is None and item.id is not None:
        raise InvalidRequest.at(f"input[{at}]", f"item_reference is not taken here: {STATELESS}")
    for name in kind.needs:
        if getattr(item, name) is None:
            raise InvalidRequest.at(f"input[{at}].{name}", "is required")


def _answer(items: Sequence[wire.ItemIn], run: Run) -> AssistantMessage:
    """A carrier belongs to the next call, and to the message where none comes any more."""
    texts: list[Text] = []
    calls: list[ToolCall] = []
    carrier: dict[str, Any] | None = None
    for at in run:
        item = items[at]
        if item.type == "reasoning":
            if item.encrypted_content:
                carrier = carried(item.encrypted_content, f"input[{at}].encrypted_content") or carrier
        elif item.type == "message":
            texts += _texts(item.content or "", f"input[{at}].content")
        else:
            given = custom_arguments(item.input) if item.input is not None else item.arguments or NO_ARGUMENTS
            name = full_name(item.name or "", item.namespace)
            calls.append(ToolCall(id=item.call_id or "", name=name, arguments=given, extra_content=carrier))
            carrier = None
    return AssistantMessage(content=tuple(texts), tool_calls=tuple(calls), extra_content=carrier)


def _texts(content: str | Sequence[wire.InputPart], path: str) -> tuple[Text, ...]:
    parts = _parts(content, path)
    for number, part in enumerate(parts):
        if not isinstance(part, Text):
            raise InvalidRequest.at(f"{path}[{number}].type", "must be a text where the role is not user")
    return tuple(part for part in parts if isinstance(part, Text))


def _parts(content: str | Sequence[wire.InputPart], path: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    return tuple(_part(part, f"{path}[{number}]") for number, part in enumerate(content))


def _part(part: wire.InputPart, path: str) -> Part:
    match part:
        case wire.InputText(text=text) | wire.OutputTextBack(text=text) | wire.RefusalBack(refusal=text):
            return Text(text=text)
        case wire.InputImage(image_url=str(url), file_id=None):
            return image_of(url, _DETAILS.get(part.detail), f"{path}.image_url")
        case wire.InputFile(file_data=str(data), file_id=None, file_url=None):
            return document_of(data, part.filename, f"{path}.file_data")
        case wire.InputImage(file_id=str()) | wire.InputFile(file_id=str()):
            raise InvalidRequest.at(f"{path}.file_id", f"is not taken here: {STATELESS}")
        case wire.InputImage():
            raise InvalidRequest.at(f"{path}.image_url", "is required")
        case wire.InputFile(file_url=None):
            raise InvalidRequest.at(f"{path}.file_data", "is required")
        case wire.InputFile():
            raise InvalidRequest.at(f"{path}.file_url", "is not taken here: send the file itself as file_data")
        case _:
            raise InvalidRequest.at(f"{path}.type", "stands only in a reasoning item")
