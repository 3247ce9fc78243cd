"""The lines that the SDK reads of a stream, and the errors that are raised in their place."""

import json

import pytest
from google.genai.errors import APIError

from llm_gateway.adapters.outbound.gemini.event_lines import CODES, EventLines


def read(*lines: bytes) -> list[bytes]:
    taken = EventLines()
    return [*(given for line in lines for given in taken.read(line)), *taken.rest()]


def test_data_is_read_with_its_space() -> None:
    assert read(b"data:{}\n", b"\n", b"data: {}\r\n") == [b"data: {}\n", b"\n", b"data: {}\r\n"]


@pytest.mark.parametrize(
    "lines", [(b'{"a": 1}\n',), (b"{\n", b'"a": 1\n', b"}\n"), (b"[\n", b"{}\n", b"]\n"), (b"x\n",)]
)
def test_what_is_no_error_is_left_to_the_sdk(lines: tuple[bytes, ...]) -> None:
    assert read(*lines) == [*lines]


def test_half_an_error_is_left_to_the_sdk() -> None:
    assert read(b"{\n", b' "error": {\n', b"}\n") == [b"{\n", b' "error": {\n', b"}\n"]


@pytest.mark.parametrize("name", CODES)
def test_an_error_that_gives_its_name_alone_has_its_status(name: str) -> None:
    with pytest.raises(APIError) as caught:
        read(b"data: " + json.dumps({"error": {"status": name}}).encode())
    assert (caught.value.code, caught.value.status) == (CODES[name], name)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("listed", [False, True])
def test_a_bare_error_keeps_its_details(indent: int | None, listed: bool) -> None:
    body = {"error": {"code": 429, "message": "}\n{", "details": [{"retryDelay": "3s"}]}}
    text = json.dumps([body] if listed else body, indent=indent)
    with pytest.raises(APIError) as caught:
        read(*text.encode().splitlines(keepends=True))
    assert (caught.value.code, caught.value.details) == (429, body)
