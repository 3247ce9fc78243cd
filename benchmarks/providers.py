"""Gemini and Ollama, as cheap as can be, in a process of its own: says its port, and gives canned answers.

The model's name says how many chunks a stream has: `chunks-200`.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import TypeAlias, cast

import uvloop
from typing_extensions import override

WORDS = 200
_USAGE = {"promptTokenCount": 200, "candidatesTokenCount": 200, "totalTokenCount": 400}
_COUNTS = {"total_duration": 5, "load_duration": 1, "prompt_eval_count": 200, "eval_count": 200}
Make: TypeAlias = Callable[..., bytes]
_CHUNKS = re.compile(rb"chunks-(\d+)")


def _gemini(text: str, *, last: bool) -> bytes:
    candidate: dict[str, object] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    body: dict[str, object] = {"candidates": [candidate], "modelVersion": "bench", "responseId": "R1"}
    if last:
        candidate["finishReason"] = "STOP"
        body["usageMetadata"] = _USAGE
    return json.dumps(body).encode()


def _ollama(text: str, *, last: bool) -> bytes:
    message = {"role": "assistant", "content": text}
    body = {"model": "bench", "created_at": "2026-11-02T10:00:00.1Z", "message": message, "done": last}
    return json.dumps(body | ({"done_reason": "stop"} | _COUNTS if last else {})).encode()


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


class Provider(asyncio.Protocol):
    """Every chunk of a stream is a write of its own, as a model makes them one by one."""

    def __init__(self) -> None:
        self._received = b""
        self._tasks: set[asyncio.Task[None]] = set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self._received = b""
        task = asyncio.ensure_future(self._answer(head.partition(b" HTTP/1.1")[0], body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, line: bytes, body: bytes) -> None:
        text = "word " * WORDS
        if b":generateContent" in line:
            self._transport.write(_whole(_gemini(text, last=True)))
        elif b":streamGenerateContent" in line:
            await self._stream(line, b"text/event-stream", b"data: %b\r\n\r\n", _gemini)
        elif line.endswith(b"/api/chat") and b'"stream":false' in body:
            self._transport.write(_whole(_ollama(text, last=True)))
        elif line.endswith(b"/api/chat"):
            await self._stream(body, b"application/x-ndjson", b"%b\n", _ollama)
        elif line.endswith(b"/api/show"):
            self._transport.write(_whole(b'{"capabilities": ["completion"]}'))
        else:
            loaded = [{"name": name, "model": name} for name in ("chunks-10", "chunks-210")]
            self._transport.write(_whole(json.dumps({"models": loaded}).encode()))

    async def _stream(self, named: bytes, kind: bytes, frame: bytes, make: Make) -> None:
        found = _CHUNKS.search(named)
        assert found is not None
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: %b\r\n\r\n"
        self._transport.write(head % kind)
        number = int(found[1])
        for index in range(number):
            data = frame % make("word ", last=index == number - 1)
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
            await asyncio.sleep(0)
        self._transport.write(b"0\r\n\r\n")


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
