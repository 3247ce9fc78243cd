"""A whole answer is one write, and whatever an application sends is written as uvicorn writes it."""

from collections.abc import Sequence
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from .connections import GET, Connection

Messages = Sequence[dict[str, Any]]
JSON = (b"content-type", b"application/json")
LENGTH = (b"content-length", b"4")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


WHOLE: Messages = (start(JSON, LENGTH), body(b"{   "))
SENT: dict[str, Messages] = {
    "whole": WHOLE,
    "an error": (start(JSON, LENGTH, status=404), body(b"gone")),
    "empty": (start((b"content-length", b"0")), body(b"")),
    "no content": (start(status=204), body(b"")),
    "without more_body": (start(JSON, LENGTH), {"type": "http.response.body", "body": b"{}  "}),
    "without headers": ({"type": "http.response.start", "status": 200}, body(b"{}")),
    "without a length": (start(JSON), body(b"{}")),
    "too short": (start(LENGTH), body(b"{}")),
    "too long": (start(LENGTH), body(b"{    }")),
    "in parts": (start(LENGTH), body(b"{ ", more=True), body(b" }")),
    "a stream": (start(JSON), body(b"one", more=True), body(b"two", more=True), body(b"")),
    "a stream that begins with nothing": (start(JSON), body(b"", more=True), body(b"two", more=True), body(b"three")),
    "a stream of an error": (start(JSON, status=404), body(b"one", more=True), body(b"two")),
    "a stream with a split value": (start((b"x-a", b"b\r\nc: d")), body(b"one", more=True), body(b"")),
    "a stream that is not ended": (start(JSON), body(b"one", more=True)),
    "the same field twice": (start((b"set-cookie", b"a=b"), (b"set-cookie", b"c=d"), LENGTH), body(b"{}  ")),
    "an upper-case name": (start((b"Content-Length", b"4")), body(b"{}  ")),
    "its own close": (start((b"connection", b"close"), LENGTH), body(b"{}  ")),
    "chunked": (start((b"transfer-encoding", b"chunked"), LENGTH), body(b"{}  ")),
    "a split name": (start((b"x-a\r\nx-b", b"c"), LENGTH), body(b"{}  ")),
    "a name with a colon": (start((b"x:a", b"c"), LENGTH), body(b"{}  ")),
    "a split value": (start((b"x-a", b"b\r\nset-cookie: c"), LENGTH), body(b"{}  ")),
    "a split value, twice": (start((b"x-a", b"b\nc"), (b"x-a", b"d"), LENGTH), body(b"{}  ")),
    "a bell": (start((b"x-a", b"\x07"), LENGTH), body(b"{}  ")),
    "a letter beyond ASCII": (start((b"x-a", b"caf\xe9\t1"), LENGTH), body(b"{}  ")),
    "nothing": (),
    "a head alone": (start(LENGTH),),
    "a body alone": (body(b"{}"),),
    "two heads": (start(LENGTH), start(LENGTH), body(b"{}  ")),
    "more than all": (start(LENGTH), body(b"{}  "), body(b"{}  ")),
}
ASKED = {
    "get": GET,
    "head": GET.replace(b"GET", b"HEAD"),
    "close": GET.replace(b"host: a", b"connection: close"),
    "1.0": GET.replace(b"1.1", b"1.0"),
}


def sending(messages: Messages) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)  # type: ignore[arg-type]

    return app


async def test_a_whole_answer_is_one_write() -> None:
    connection = Connection(sending(WHOLE))

    assert len(await connection.ask(GET)) == 1
    assert len(await connection.ask(GET)) == 2
    assert connection.transport.writes[0].endswith(b"\r\n\r\n{   ")


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@pytest.mark.parametrize("name", SENT)
async def test_what_is_written_is_what_uvicorn_writes(name: str, asked: bytes) -> None:
    ours, theirs = (Connection(sending(SENT[name]), ours=ours) for ours in (True, False))

    written, expected = b"".join(await ours.ask(asked)), b"".join(await theirs.ask(asked))

    if not written.startswith(b"HTTP/1.1 500 ") or expected.startswith(b"HTTP/1.1 500 "):
        assert written == expected
        assert ours.transport.closed == theirs.transport.closed
        return
    # uvicorn has written a head by then, and can only break off; here nothing was
    assert name in ("a head alone", "two heads")
    assert theirs.transport.closed


async def test_a_stream_s_head_is_one_write_with_the_first_of_it() -> None:
    connection = Connection(sending(SENT["a stream"]))

    written = await connection.ask(GET)

    assert [data.partition(b"\r\n\r\n")[2] or data for data in written] == [
        b"3\r\none\r\n",
        b"3\r\ntwo\r\n",
        b"0\r\n\r\n",
    ]


async def test_pipelined_requests_are_answered_one_write_each() -> None:
    connection = Connection(sending(WHOLE))

    assert len(await connection.ask(GET * 3)) == 3
