"""A chat by any surface, over a real server."""

from typing import Any

import httpx

from ..served import Served, Wire
from .doors import Door, Streamed, encoded


async def ask(
    served: Served,
    door: Door,
    text: str = "Hello",
    model: str = "ollama",
    *,
    stream: bool = False,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return await served.client.post(door.path, json=door.body(text, model, stream), headers=headers)


async def begin(
    served: Served, door: Door, text: str = "Hello", model: str = "ollama", *, stream: bool = False
) -> Wire:
    """On a connection of its own."""
    wire = await served.connect()
    await wire.send(served.request(path=door.path, body=encoded(door, text, model, stream=stream)))
    return wire


def text_in(door: Door, response: httpx.Response) -> str:
    """Of a whole answer or of a stream that ended as one should."""
    assert response.status_code == 200, response.text
    if response.headers["content-type"] != door.stream_type:
        return door.text_of(response.json())
    streamed = door.read(response.text)
    assert streamed.whole
    assert streamed.error is None
    return streamed.text


def refused(door: Door, response: httpx.Response, native_status: int) -> Any:
    """The error's body, in the surface's own shape."""
    assert response.status_code == door.status(native_status), response.text
    assert response.headers["content-type"] == door.error_type
    assert response.headers["x-request-id"]
    body = response.json()
    assert door.message_of(body)
    return body


def chunks_in(raw: bytes) -> str:
    """The body of a chunked answer."""
    text = b""
    rest = raw.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        text, rest = text + rest[:length], rest[length + 2 :]
    return text.decode()


def read(door: Door, raw: bytes) -> Streamed:
    """A stream of which all is there, without keep-alives that are whole frames of their own."""
    alive = door.keep_alive.decode()
    return door.read(chunks_in(raw).replace(alive, "") if alive.endswith("\n\n") else chunks_in(raw))
