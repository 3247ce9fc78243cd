"""The items of an answer as they are made, and the events that tell of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import UNSET, DecodeError, Raw, Struct, json
from typing_extensions import override

from llm_gateway.domain.chat import JsonObject

from ..common.carriers import carrier_of
from . import answers as wire
from .tools import NO_ARGUMENTS, ToolOrigin, custom_input

_STAND_IN: Final = "\0"
_encode = json.Encoder().encode
_object = json.Decoder(dict[str, Raw])


def frame(event: wire.ResponseEvent) -> bytes:
    """An event with its name."""
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), _encode(event))


class ItemPlace(Struct, frozen=True):
    """In which answer an item stands, and where in its output. `numbers` are those of the stream's events, None where
    the answer is whole and no event is told.
    """

    answer: str
    output_index: int
    numbers: Iterator[int] | None


class OpenItem(ABC):
    """An item that is not whole yet. `begun` are its first events. Its id begins with `prefix`."""

    prefix: str

    def __init__(self, at: ItemPlace) -> None:
        self._at = at
        self._id = f"{self.prefix}_{at.answer}_{at.output_index}"
        self._pieces: list[str] = []
        self.begun = self._tell("response.output_item.added", item=self._empty())

    @abstractmethod
    def add(self, piece: str) -> bytes: ...

    @abstractmethod
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        """What closes it, and what it is then."""
        ...

    @abstractmethod
    def _empty(self) -> wire.OutputItem: ...

    @property
    def said(self) -> str:
        return "".join(self._pieces)

    def _tell(self, type: wire.EventType, **more: Any) -> bytes:
        at = self._at
        if at.numbers is None:
            return b""
        number = next(at.numbers)
        return frame(wire.ResponseEvent(type=type, sequence_number=number, output_index=at.output_index, **more))

    def _within(self, type: wire.EventType, **more: Any) -> bytes:
        """An event within the item."""
        return self._tell(type, item_id=self._id, **more)

    def _done(self, item: wire.OutputItem, *before: bytes) -> tuple[bytes, wire.OutputItem]:
        return b"".join((*before, self._tell("response.output_item.done", item=item))), item


class OpenMessage(OpenItem):
    """A message, which has one part."""

    prefix = "msg"

    def __init__(self, at: ItemPlace) -> None:
        super().__init__(at)
        self.begun += self._within("response.content_part.added", content_index=0, part=wire.OutputText(text=""))
        self.piece = self.add if at.numbers is None else self._make_piece(at.numbers)

    @override
    def add(self, piece: str) -> bytes:
        if self._at.numbers is not None:
            return self.piece(piece)
        self._pieces.append(piece)
        return b""

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        part = wire.OutputText(text=self.said)
        item = wire.MessageItem(id=self._id, status=status, content=[part])
        text = self._within("response.output_text.done", content_index=0, text=part.text, logprobs=())
        return self._done(item, text, self._within("response.content_part.done", content_index=0, part=part))

    @override
    def _empty(self) -> wire.OutputItem:
        return wire.MessageItem(id=self._id, status="in_progress", content=[])

    def _make_piece(self, numbers: Iterator[int]) -> Callable[[str], bytes]:
        """What makes the event of a text, encoded but for its number and the text: it is most of what an answer is."""
        made = frame(
            wire.ResponseEvent(
                type="response.output_text.delta",
                sequence_number=0,
                output_index=self._at.output_index,
                item_id=self._id,
                content_index=0,
                delta=_STAND_IN,
                logprobs=(),
            )
        )
        before, _, rest = made.replace(b"%", b"%%").partition(b"0,")
        middle, _, after = rest.partition(_encode(_STAND_IN))
        form = b"%b%%d,%b%%b%b" % (before, middle, after)
        append, encode = self._pieces.append, _encode

        def piece(text: str) -> bytes:
            append(text)
            return form % (next(numbers), encode(text))

        return piece


class OpenReasoning(OpenItem):
    """Thoughts. `extra_content` is what they carry at their end."""

    prefix = "rs"
    extra_content: JsonObject | None = None

    @override
    def add(self, piece: str) -> bytes:
        begun = b""
        if not self._pieces:
            part = wire.SummaryText(text="")
            begun = self._within("response.reasoning_summary_part.added", summary_index=0, part=part)
        self._pieces.append(piece)
        return begun + self._within("response.reasoning_summary_text.delta", summary_index=0, delta=piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        summary = [wire.SummaryText(text=self.said)] if self._pieces else []
        carrier = UNSET if self.extra_content is None else carrier_of(self.extra_content)
        item = wire.ReasoningItem(id=self._id, status=status, summary=summary, encrypted_content=carrier)
        whole = b""
        for part in summary:
            whole += self._within("response.reasoning_summary_text.done", summary_index=0, text=part.text)
            whole += self._within("response.reasoning_summary_part.done", summary_index=0, part=part)
        return self._done(item, whole)

    @override
    def _empty(self) -> wire.OutputItem:
        return wire.ReasoningItem(id=self._id, status="in_progress", summary=[])


class OpenCall(OpenItem):
    """The call of this number. A custom tool's input stands within what the provider sends as arguments, and comes at
    the end.
    """

    def __init__(self, at: ItemPlace, number: int, call_id: str, origin: ToolOrigin) -> None:
        self.number = number
        self.prefix = "ctc" if origin.custom else "fc"
        self._call_id = call_id
        self._origin = origin
        super().__init__(at)

    @property
    def is_whole(self) -> bool:
        """Whether all its arguments are here."""
        try:
            _object.decode(self.said)
        except (DecodeError, UnicodeEncodeError):
            return False
        return True

    @override
    def add(self, piece: str) -> bytes:
        if not piece:
            return b""
        self._pieces.append(piece)
        return b"" if self._origin.custom else self._within("response.function_call_arguments.delta", delta=piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        rest = b"" if self._pieces else self.add(NO_ARGUMENTS)
        if self._origin.custom:
            custom = self._custom(custom_input(self.said))
            rest = self._within("response.custom_tool_call_input.delta", delta=custom.input)
            return self._done(custom, rest, self._within("response.custom_tool_call_input.done", input=custom.input))
        item = self._function(self.said, status)
        return self._done(item, rest, self._within("response.function_call_arguments.done", arguments=item.arguments))

    @override
    def _empty(self) -> wire.OutputItem:
        return self._custom("") if self._origin.custom else self._function("", "in_progress")

    def _custom(self, given: str) -> wire.CustomCallItem:
        name, namespace = self._origin.name, self._origin.namespace or UNSET
        return wire.CustomCallItem(id=self._id, call_id=self._call_id, name=name, namespace=namespace, input=given)

    def _function(self, arguments: str, status: wire.ItemStatus) -> wire.FunctionCallItem:
        return wire.FunctionCallItem(
            id=self._id,
            call_id=self._call_id,
            name=self._origin.name,
            namespace=self._origin.namespace or UNSET,
            arguments=arguments,
            status=status,
        )
