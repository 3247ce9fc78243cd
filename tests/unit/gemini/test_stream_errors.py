"""What stands in a stream after its 200: chunks, and errors, which are refusals with their status and details."""

import json

import pytest

from llm_gateway.adapters.outbound.gemini.details import told_by
from llm_gateway.adapters.outbound.gemini.stream_errors import CODES, chunk_of
from llm_gateway.adapters.outbound.vendor_http.errors import HttpRefusal, Malformed
from llm_gateway.adapters.outbound.vendor_http.framing import ServerSentEvents


def read(text: bytes) -> list[object]:
    framing = ServerSentEvents()
    return [chunk_of(event) for event in (*framing.feed(text), *framing.end())]


def test_an_event_is_a_chunk_with_or_without_the_space() -> None:
    assert read(b'data:{"responseId":"a"}\n\ndata: {"responseId":"a"}\r\n\r\n') == [chunk_of(b'{"responseId":"a"}')] * 2


@pytest.mark.parametrize("text", [b"[\n{}\n]\n", b"data: [{}]\n\n", b"data: 1\n\n", b"<>\n", b'{\n "error": {\n}\n'])
def test_what_is_neither_chunk_nor_error_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        read(text)


@pytest.mark.parametrize("name", CODES)
def test_an_error_that_gives_its_name_alone_has_its_status(name: str) -> None:
    with pytest.raises(HttpRefusal) as caught:
        read(b"data: " + json.dumps({"error": {"status": name}}).encode() + b"\n\n")
    assert (caught.value.status, told_by(caught.value).name) == (CODES[name], name)


@pytest.mark.parametrize("error", ["odd", {}, {"code": "503"}, {"code": 14}, {"code": True}, {"status": ["odd"]}])
def test_an_error_that_tells_nothing_is_one_all_the_same(error: object) -> None:
    with pytest.raises(HttpRefusal) as caught:
        read(b"data: " + json.dumps({"error": error}).encode() + b"\n\n")
    assert caught.value.status == 0


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("bare", [False, True])
def test_an_error_keeps_its_details(indent: int | None, listed: bool, bare: bool) -> None:
    body = {"error": {"code": 429, "message": "}\n{", "details": [{"retryDelay": "3s"}]}}
    text = json.dumps([body] if listed else body, indent=indent)
    sent = text if bare else "".join(f"data: {line}\n" for line in text.splitlines())
    with pytest.raises(HttpRefusal) as caught:
        read(sent.encode() + b"\n\n")
    told = told_by(caught.value)
    assert (told.status, told.details, told.message) == (429, [{"retryDelay": "3s"}], "}\n{")
