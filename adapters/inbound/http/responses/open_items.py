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
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), _encode(event))


class OpenItem(ABC):
    """`numbers` are those of the stream's events. `begun` are its first events, and `call` the number of the call that
    it is.
    """

    call: int | None = None

    def __init__(self, at: ItemPlace, numbers: Iterator[int], item: wire.OutputItem) -> None:
        self._at = at
        self._numbers = numbers
        self._item_id = item.id
        self._pieces: list[str] = []
        self.begun = self._told("response.output_item.added", item)

    @abstractmethod
    def add(self, piece: str) -> bytes: ...

    @abstractmethod
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        """What closes it, and what it is then."""
        ...

    @property
    def said(self) -> str:
        return "".join(self._pieces)

    def _frame(self, type: wire.EventType, **more: Any) -> bytes:
        """An event within the item."""
        number, index = next(self._numbers), self._at.output_index
        event = wire.ResponseEvent(type=type, sequence_number=number, output_index=index, item_id=self._item_id, **more)
        return frame(event)

    def _told(self, type: wire.EventType, item: wire.OutputItem) -> bytes:
        number, index = next(self._numbers), self._at.output_index
        return frame(wire.ResponseEvent(type=type, sequence_number=number, output_index=index, item=item))

    def _done(self, item: wire.OutputItem, *before: bytes) -> tuple[bytes, wire.OutputItem]:
        return b"".join((*before, self._told("response.output_item.done", item))), item


class OpenMessage(OpenItem):
    """A message, which has one part."""

    def __init__(self, at: ItemPlace, numbers: Iterator[int]) -> None:
        super().__init__(at, numbers, replace(message_item(at, "", "in_progress"), content=[]))
        self.begun += self._frame("response.content_part.added", content_index=0, part=wire.OutputText(text=""))
        self.piece = self._make_piece()

    @override
    def add(self, piece: str) -> bytes:
        return self.piece(piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        item = message_item(self._at, self.said, status)
        [part] = item.content
        text = self._frame("response.output_text.done", content_index=0, text=part.text, logprobs=())
        return self._done(item, text, self._frame("response.content_part.done", content_index=0, part=part))

    def _make_piece(self) -> Callable[[str], bytes]:
        """What makes the event of a text, encoded but for its number and the text: it is most of what an answer is."""
        made = frame(
            wire.ResponseEvent(
                type="response.output_text.delta",
                sequence_number=0,
                output_index=self._at.output_index,
                item_id=self._item_id,
                content_index=0,
                delta=_STAND_IN,
                logprobs=(),
            )
        )
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
            part = wire.SummaryText(text="")
            begun = self._frame("response.reasoning_summary_part.added", summary_index=0, part=part)
        self._pieces.append(piece)
        return begun + self._frame("response.reasoning_summary_text.delta", summary_index=0, delta=piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        item = reasoning_item(self._at, self.said, self.extra_content, status)
        whole = b""
        for part in item.summary:
            whole += self._frame("response.reasoning_summary_text.done", summary_index=0, text=part.text)
            whole += self._frame("response.reasoning_summary_part.done", summary_index=0, part=part)
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
        return b"" if self._origin.custom else self._frame("response.function_call_arguments.delta", delta=piece)

    @override
    def end(self, status: wire.ItemStatus) -> tuple[bytes, wire.OutputItem]:
        rest = b"" if self._pieces else self.add(NO_ARGUMENTS)
        item = call_item(self._at, self._call_id, self._origin, self.said, status)
        if isinstance(item, wire.CustomCallItem):
            rest = self._frame("response.custom_tool_call_input.delta", delta=item.input)
            return self._done(item, rest, self._frame("response.custom_tool_call_input.done", input=item.input))
        return self._done(item, rest, self._frame("response.function_call_arguments.done", arguments=item.arguments))
