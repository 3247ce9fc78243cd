"""The events of a stream from the bytes that reads bring, however they are cut. Pure."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, Protocol

from typing_extensions import override

from .errors import MAX_REFUSAL_BYTES, AnswerTooLarge, Malformed

MAX_EVENT_BYTES: Final = 16 << 20
"""Of one event: well above the longest answer, as JSON escapes it."""

_OTHER_FIELD: Final = re.compile(rb":|[A-Za-z][A-Za-z0-9_-]*(?::|$)")
_BEGIN: Final = (b"{", b"[")
_END: Final = (b"}", b"]")
_DATA: Final = b"data: {"
_EMPTY_LINE: Final = (b"\n", b"\r\n")


class Framing(Protocol):
    """A stream's framing. Both raise `Malformed` for what is no event or no UTF-8, `AnswerTooLarge` for too much."""

    @abstractmethod
    def feed(self, data: bytes) -> Sequence[bytes]:
        """The payloads of the events that these bytes complete."""
        ...

    @abstractmethod
    def end(self) -> Sequence[bytes]:
        """What the stream's end completes."""
        ...


class JsonLines(Framing):
    """A JSON text a line. Lines end at LF alone: U+2028 and its like may stand in a JSON string as they are."""

    def __init__(self) -> None:
        self._held = bytearray()

    @override
    def feed(self, data: bytes) -> Sequence[bytes]:
        whole, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._hold(data)
            return ()
        if self._held:
            self._hold(whole)
            whole = bytes(self._held)
            self._held.clear()
        if rest:
            self._held += rest
        if not whole.isascii():
            _check(whole)
        if b"\n" not in whole:
            return (whole,) if whole and not whole.isspace() else ()
        return [line for line in whole.split(b"\n") if line and not line.isspace()]

    @override
    def end(self) -> Sequence[bytes]:
        rest = bytes(self._held)
        _check(rest)
        return (rest,) if rest and not rest.isspace() else ()

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > MAX_EVENT_BYTES:
            raise AnswerTooLarge


class ServerSentEvents(Framing):
    """The data of server-sent events; their names, ids and retry times, comments and empty events are left out.

    A JSON text that stands among the events outside of any field is given as an event too: Gemini reports errors so,
    over several lines. Other lines that are no field are `Malformed`, although the standard would pass over them: text
    would be missing from the answer.
    """

    def __init__(self) -> None:
        self._line = bytearray()  # of which the end has not come
        self._after_cr = False
        self._data: bytes | bytearray | None = None
        self._bare = bytearray()

    @override
    def feed(self, data: bytes) -> Sequence[bytes]:
        if data.startswith(_DATA) and not (self._line or self._bare or self._after_cr or self._data is not None):
            line, _, rest = data.partition(b"\n")
            event = line[6:].removesuffix(b"\r")
            if rest in _EMPTY_LINE and b"\r" not in event and event.isascii():
                return [event]  # all of one event, as most reads of a model bring
        if self._after_cr:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._hold(data)
            return ()
        if self._line:
            self._hold(whole)
            whole = bytes(self._line)
            self._line.clear()
        if rest:
            self._line += rest
        if not whole.isascii():
            _check(whole)
        return self._events(whole.split(b"\n"))

    @override
    def end(self) -> Sequence[bytes]:
        """The last event too where no empty line ends it: vendors leave that out."""
        rest = bytes(self._line)
        _check(rest)
        events = self._events((rest, b"") if rest else (b"",))
        if self._bare:
            events.append(bytes(self._bare))
        return events

    def _events(self, lines: Sequence[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                if self._bare:
                    events.append(self._take_bare())
                value = line[6:] if line.startswith(b"data: ") else line[5:]
                data = value if data is None else _joined(data, value)
            elif not line:
                if data:
                    events.append(bytes(data))
                data = None
            else:
                self._other(line, events)
        self._data = data
        return events

    def _other(self, line: bytes, events: list[bytes]) -> None:
        first = not self._bare
        if not first or line.lstrip().startswith(_BEGIN):
            self._bare += line
            self._bare += b"\n"
            if len(self._bare) > MAX_REFUSAL_BYTES:
                raise AnswerTooLarge
            if line.startswith(_END) or (first and line.rstrip().endswith(_END)):
                events.append(self._take_bare())
        elif line.strip() and not _OTHER_FIELD.match(line):
            raise Malformed("a line that is no field of an event")

    def _take_bare(self) -> bytes:
        bare = bytes(self._bare)
        self._bare.clear()
        return bare

    def _hold(self, data: bytes) -> None:
        self._line += data
        _bound(self._line)


def _joined(data: bytes | bytearray, value: bytes) -> bytearray:
    joined = data if isinstance(data, bytearray) else bytearray(data)
    joined += b"\n"
    joined += value
    _bound(joined)
    return joined


def _bound(held: bytearray) -> None:
    if len(held) > MAX_EVENT_BYTES:
        raise AnswerTooLarge


def _check(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        raise Malformed("no UTF-8") from None
