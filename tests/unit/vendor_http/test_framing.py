"""Whatever way a stream is cut, its events are the same."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.outbound.vendor_http import framing
from llm_gateway.adapters.outbound.vendor_http.errors import AnswerTooLarge, Malformed
from llm_gateway.adapters.outbound.vendor_http.framing import Framing, JsonLines, ServerSentEvents

ENDS = (b"\n", b"\r\n", b"\r")
IGNORED = (b"", b": comment", b":", b"event: message", b"id:7", b"retry: 3000", b"id", b"x-other: 1")
TEXTS = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1).map(str.encode)
WRITTEN = (
    b': hello\r\n\r\nevent: a\r\ndata: {"a": "\xc3\xa9"}\r\n\r\ndata:{"b":1}\n\ndata: {\ndata: "c": 2}\r\rdata:\n\n'
    b'{\n  "error": {\n\n  "code": 503}\n}\n\ndata: last'
)
READ = [b'{"a": "\xc3\xa9"}', b'{"b":1}', b'{\n"c": 2}', b'{\n  "error": {\n  "code": 503}\n}\n', b"last"]


def read(kind: Callable[[], Framing], pieces: Sequence[bytes]) -> list[bytes]:
    one = kind()
    events = [event for piece in pieces for event in one.feed(piece)]
    return [*events, *one.end()]


def cut(text: bytes, at: Sequence[int]) -> list[bytes]:
    places = sorted({place % (len(text) + 1) for place in at} | {0, len(text)})
    return [text[begin:end] for begin, end in pairwise(places)]


@st.composite
def server_sent(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream as the standard has it, and its events."""

    def end() -> bytes:
        return draw(st.sampled_from(ENDS))

    stream, events = bytearray(), list[bytes]()
    for lines in draw(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=4)):
        for line in lines:
            stream += draw(st.sampled_from(IGNORED[1:])) + end() if draw(st.booleans()) else b""
            stream += b"data: " if line.startswith(b" ") else draw(st.sampled_from((b"data: ", b"data:")))
            stream += line + end()
        # after CR alone, LF would end the same line
        stream += b"\r\n"
        events.append(b"\n".join(lines))
    return bytes(stream), events


@given(server_sent(), st.lists(st.integers(0, 10_000), max_size=12))
def test_server_sent_events_are_the_same_however_the_stream_is_cut(
    stream: tuple[bytes, list[bytes]], at: list[int]
) -> None:
    text, events = stream

    assert read(ServerSentEvents, cut(text, at)) == events


@given(st.lists(TEXTS), st.sampled_from(ENDS[:2]), st.booleans(), st.lists(st.integers(0, 10_000), max_size=12))
def test_json_lines_are_the_same_however_the_stream_is_cut(
    lines: list[bytes], end: bytes, ended: bool, at: list[int]
) -> None:
    text = end.join(lines) + (end if ended else b"")

    events = read(JsonLines, cut(text, at))

    assert [event.strip(b"\r") for event in events] == [
        line.strip(b"\r") for line in lines if line and not line.isspace()
    ]


def every_cut(text: bytes) -> Iterator[list[bytes]]:
    yield [text]
    yield [text[place : place + 1] for place in range(len(text))]
    for place in range(1, len(text)):
        yield [text[:place], text[place:]]


def test_events_are_the_same_cut_at_every_byte() -> None:
    for pieces in every_cut(WRITTEN):
        assert read(ServerSentEvents, pieces) == READ, pieces


def test_lines_are_the_same_cut_at_every_byte() -> None:
    text = '{"a":"\u2028\u2029\u0085 é"}\n\n {"b":1}\r\n{"c":2}'.encode()

    for pieces in every_cut(text):
        assert read(JsonLines, pieces) == ['{"a":"\u2028\u2029\u0085 é"}'.encode(), b' {"b":1}\r', b'{"c":2}'], pieces


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("text", [b'{"a": 1}', b'{"a": "\xc3\xa9"}', b"{", b'{"a": "\\r"}', b"{} "])
def test_an_event_is_the_same_where_a_read_brings_all_of_it(text: bytes, first: bytes, second: bytes) -> None:
    if (first, second) == (b"\r", b"\n"):  # together they end one line
        second = b"\n\n"
    one = b"data: " + text + first + second

    assert read(ServerSentEvents, [one, one]) == [text, text]


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    events, lines = ServerSentEvents(), JsonLines()

    assert events.feed(b"data: 1\r\n\r\ndata: 2\n\ndata: 3\n") == [b"1", b"2"]
    assert events.feed(b"\n") == [b"3"]
    assert events.feed(b'{"error": 1}\n') == [b'{"error": 1}\n']
    assert list(lines.feed(b"1\n2\n3")) == [b"1", b"2"]
    assert list(lines.feed(b"\n")) == [b"3"]


@pytest.mark.parametrize("after", [b"data: 1\n\n", b""])
def test_a_bare_text_that_does_not_end_is_given_where_it_breaks_off(after: bytes) -> None:
    assert read(ServerSentEvents, [b'{\n  "error":\n', after]) == [b'{\n  "error":\n', *([b"1"] if after else [])]


@pytest.mark.parametrize("line", [b"<html>", b"502 Bad Gateway", b'"text"', b"\xef\xbb\xbfdata: 1"])
def test_a_line_that_is_no_field_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        ServerSentEvents().feed(line + b"\n")


@pytest.mark.parametrize("kind", [ServerSentEvents, JsonLines])
@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
def test_what_is_no_utf_8_is_malformed(kind: Callable[[], Framing], wrong: bytes) -> None:
    with pytest.raises(Malformed):
        kind().feed(b'data: {"a":"' + wrong + b'"}\n\n')
    with pytest.raises(Malformed):
        read(kind, [b"data: " + wrong])


@pytest.mark.parametrize(
    ("kind", "piece"),
    [
        (ServerSentEvents, b"a"),
        (ServerSentEvents, b"data: a\n"),
        (ServerSentEvents, b"data:\n"),
        (ServerSentEvents, b"{\n"),
        (ServerSentEvents, b": "),
        (JsonLines, b"a"),
    ],
)
def test_what_does_not_end_is_too_large(
    kind: Callable[[], Framing], piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_EVENT_BYTES", 1_000)
    monkeypatch.setattr(framing, "MAX_REFUSAL_BYTES", 1_000)

    with pytest.raises(AnswerTooLarge):
        read(kind, [piece] * 2_000)


@pytest.mark.parametrize("kind", [ServerSentEvents, JsonLines])
def test_many_small_events_have_no_bound_together(kind: Callable[[], Framing], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_EVENT_BYTES", 1_000)
    monkeypatch.setattr(framing, "MAX_REFUSAL_BYTES", 1_000)
    one = kind()

    assert sum(len(one.feed(b"data: 1\n\n")) for _ in range(2_000)) == 2_000
