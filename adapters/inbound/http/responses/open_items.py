"""The items of a stream that are not whole yet, and the events that make them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import DecodeError, Raw, json
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.domain.chat import JsonObject

from . import answers as wire
from .output import ItemPlace, call_item, message_item, reasoning_item
from .tools import NO_ARGUMENTS, ToolOrigin

_STAND_IN: Final = "\0"
_encode = json.Encoder().encode
_object = json.Decoder(dict[str, Raw])


def frame(event: wire.ResponseEvent) -> bytes:
    """An event with its name."""
    return b"event: %b\ndata: %b\n\n" % (str(event.__struct_config__.tag).encode(), _encode(event))


class OpenItem(ABC):
    """`numbers` are those of the stream's events. An item is told with the first of them that belongs to it.

    `call` is the number of the call that it is.
    """

    call: int | None = None

    def __init__(self, at: ItemPlace, numbers: Iterator[int], item: wire.OutputItem) -> None:
        self._at = at
        self._numbers = numbers
        self._item_id = item.id
        self._pieces: list[str] = []
        added = wire.ItemAdded(sequence_number=next(numbers), output_index=at.output_index, item=item)
        self.begun = frame(added)

    @abstractmethod
    def add(self, piece: str) -> bytes: ...

    @abstractmethod
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        """What closes it, and what it is then."""
        ...

    @property
    def said(self) -> str:
        return "".join(self._pieces)

    def _place(self) -> dict[str, Any]:
        """What every event within an item tells."""
        number, index = next(self._numbers), self._at.output_index
        return {"sequence_number": number, "output_index": index, "item_id": self._item_id}

    def _done(self, item: wire.OutputItem, *before: bytes) -> tuple[bytes, wire.OutputItem]:
        number, index = next(self._numbers), self._at.output_index
        done = wire.ItemDone(sequence_number=number, output_index=index, item=item)
        return b"".join((*before, frame(done))), item


class OpenMessage(OpenItem):
    """A message."""

    def __init__(self, at: ItemPlace, numbers: Iterator[int]) -> None:
        super().__init__(at, numbers, replace(message_item(at, "", "in_progress"), content=[]))
        self.begun += frame(wire.PartAdded(**self._place(), part=wire.OutputText(text="")))
        self.piece = self._make_piece()

    @override
    def add(self, piece: str) -> bytes:
        return self.piece(piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        item = message_item(self._at, self.said, status)
        [part] = item.content
        whole = frame(wire.TextDone(**self._place(), text=part.text))
        return self._done(item, whole, frame(wire.PartDone(**self._place(), part=part)))

    def _make_piece(self) -> Callable[[str], bytes]:
        """What makes the event of a text, encoded but for its number and the text: it is most of what an answer is."""
        index = self._at.output_index
        made = frame(wire.TextPiece(sequence_number=0, output_index=index, item_id=self._item_id, delta=_STAND_IN))
        before, _, rest = made.replace(b"%", b"%%").partition(b"0,")
        middle, _, after = rest.partition(_encode(_STAND_IN))
        form = b"%b%%d,%b%%b%b" % (before, middle, after)
        numbers, append, encode = self._numbers, self._pieces.append, _encode

        def piece(text: str) -> bytes:
            append(text)
            return form % (next(numbers), encode(text))

        return piece


class OpenReasoning(OpenItem):
    """Thoughts. `extra_content` is what they carry at their end."""

    extra_content: JsonObject | None = None

    def __init__(self, at: ItemPlace, numbers: Iterator[int]) -> None:
        super().__init__(at, numbers, reasoning_item(at, "", None, "in_progress"))

    @override
    def add(self, piece: str) -> bytes:
        begun = b""
        if not self._pieces:
            begun = frame(wire.SummaryAdded(**self._place(), part=wire.SummaryText(text="")))
        self._pieces.append(piece)
        return begun + frame(wire.SummaryPiece(**self._place(), delta=piece))

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        item = reasoning_item(self._at, self.said, self.extra_content, status)
        whole = b""
        for part in item.summary:
            whole = frame(wire.SummaryTextDone(**self._place(), text=part.text))
            whole += frame(wire.SummaryDone(**self._place(), part=part))
        return self._done(item, whole)


class OpenCall(OpenItem):
    """A call. A custom tool's input stands within what the provider sends as arguments, and comes at the end."""

    def __init__(self, at: ItemPlace, numbers: Iterator[int], call: int, call_id: str, origin: ToolOrigin) -> None:
        super().__init__(at, numbers, call_item(at, call_id, origin, "", "in_progress"))
        self.call = call
        self._call_id = call_id
        self._origin = origin

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
        return b"" if self._origin.custom else frame(wire.ArgumentsPiece(**self._place(), delta=piece))

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        rest = b"" if self._pieces else self.add(NO_ARGUMENTS)
        item = call_item(self._at, self._call_id, self._origin, self.said, status)
        if isinstance(item, wire.CustomCallItem):
            rest = frame(wire.CustomInputPiece(**self._place(), delta=item.input))
            return self._done(item, rest, frame(wire.CustomInputDone(**self._place(), input=item.input)))
        return self._done(item, rest, frame(wire.ArgumentsDone(**self._place(), arguments=self.said)))
