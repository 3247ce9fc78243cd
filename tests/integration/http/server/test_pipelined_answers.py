"""Answers to requests that were sent ahead, each whole and in order on one connection."""

import asyncio
import json

from ...waiting import HANG_SECONDS
from ..served import KEY, Served, chat


def _request(path: str, *, method: str = "POST", body: object = None, more: str = "") -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n{more}"
    return f"{head}content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


async def test_a_stream_between_whole_answers_leaves_the_next_its_place(served: Served) -> None:
    wire = await served.connect()
    await wire.send(
        _request("/v1/chat/completions", body=chat(model="local"))
        + _request("/v1/chat/completions", body=chat(model="local", stream=True))
        + _request("/health", method="HEAD")
        + _request("/nowhere", method="GET")
        + _request("/v1/chat/completions", body=chat(model="local"), more="connection: close\r\n")
    )
    async with asyncio.timeout(HANG_SECONDS):
        first = await wire.answer()
        stream = await wire.until(b"\r\n0\r\n\r\n")
        head = await wire.until(b"\r\n\r\n")
        missing = await wire.answer()
        last = await wire.answer()
        rest = await wire.rest()

    assert (first[0], missing[0], last[0]) == (200, 404, 200)
    assert stream.startswith(b"HTTP/1.1 200")
    assert stream.count(b"[DONE]") == 1
    assert head.startswith(b"HTTP/1.1 ")
    assert head.count(b"HTTP/1.1") == 1
    assert last[1]["connection"] == "close"
    assert rest == b""
