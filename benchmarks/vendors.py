"""Gemini and Ollama, as cheap as can be, in a process of its own: says its port, and gives canned answers.

The model's name says what a stream is like. Every chunk is a write of its own, as a model makes them one by one.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import uvloop
from msgspec import json
from typing_extensions import override

WORDS = 200
"""Of a whole answer: 1 KB."""
SATURATED_FEW, SATURATED_MANY = "saturated-10", "saturated-410"
PACED_FEW, PACED = "paced-2", "paced-16"
SLOW = "slow-51"
WHOLE, WITH_TOOLS = "whole-1", "gemini-flash-latest"
MODELS: Mapping[str, tuple[int, float]] = {
    WHOLE: (1, 0),
    WITH_TOOLS: (1, 0),
    SATURATED_FEW: (10, 0),
    SATURATED_MANY: (410, 0),
    PACED_FEW: (2, 0.02),
    PACED: (16, 0.02),
    SLOW: (51, 0.1),
}
"""How many chunks a model's stream has, and how many seconds lie between them."""

Chunk: TypeAlias = Callable[[str, str, bool], bytes]
"""The wire's form of a text from a model, which may be the last one."""
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: %b\r\n\r\n"
_MODEL = re.compile("|".join(MODELS).encode())


def _gemini(model: str, text: str, last: bool) -> bytes:
    """With usage on every chunk, as the vendor has it."""
    candidate: dict[str, object] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": 200,
        "candidatesTokenCount": 200,
        "totalTokenCount": 400,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 200}],
    }
    return json.encode(
        {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "mTvNaI6fBcuQ"}
    )


def _ollama(model: str, text: str, last: bool) -> bytes:
    message = {"role": "assistant", "content": text}
    body = {"model": model, "created_at": "2026-11-02T10:00:00.123456Z", "message": message, "done": last}
    counts = {"total_duration": 5, "load_duration": 1, "prompt_eval_count": 200, "eval_count": 200}
    return json.encode(body | ({"done_reason": "stop"} | counts if last else {}))


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def _stream(model: str, kind: bytes, frame: bytes, chunk: Chunk) -> tuple[float, Sequence[bytes]]:
    """The pause between the writes in seconds, and the writes."""
    number, pause = MODELS[model]
    lines = [frame % chunk(model, "word ", index == number - 1) for index in range(number)]
    writes = [b"%x\r\n%b\r\n" % (len(line), line) for line in lines]
    writes[0] = _STREAM_HEAD % kind + writes[0]
    writes[-1] += b"0\r\n\r\n"
    return pause, writes


_TEXT = "word " * WORDS
_WHOLE = {
    "gemini": {model: _whole(_gemini(model, _TEXT, True)) for model in MODELS},
    "ollama": {model: _whole(_ollama(model, _TEXT, True)) for model in MODELS},
}
_STREAMS = {
    "gemini": {model: _stream(model, b"text/event-stream", b"data: %b\r\n\r\n", _gemini) for model in MODELS},
    "ollama": {model: _stream(model, b"application/x-ndjson", b"%b\n", _ollama) for model in MODELS},
}
_METHODS = ["generateContent", "countTokens"]
_GEMINI_MODELS = _whole(
    json.encode({"models": [{"name": f"models/{one}", "supportedGenerationMethods": _METHODS} for one in MODELS]})
)
_OLLAMA_MODELS = _whole(json.encode({"models": [{"name": one, "model": one} for one in MODELS]}))
_SHOWN = _whole(b'{"capabilities": ["completion", "tools"]}')
_VERSION = _whole(b'{"version": "0.13.0"}')


class Vendor(asyncio.Protocol):
    """Both vendors on one connection: the path says which is asked."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._wanted = -1
        self._head_end = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            self._head_end = end + 4
            self._wanted = self._head_end + int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(self._received) >= self._wanted:
            received = bytes(self._received)
            self._received.clear()
            self._wanted = -1
            self._answer(received.partition(b" HTTP/1.1")[0], received[self._head_end :])

    def _answer(self, line: bytes, body: bytes) -> None:
        if b":generateContent" in line:
            self._transport.write(_WHOLE["gemini"][_named(line)])
        elif b":streamGenerateContent" in line:
            self._begin(*_STREAMS["gemini"][_named(line)])
        elif line.endswith(b"/api/chat") and b'"stream":false' in body.replace(b": ", b":"):
            self._transport.write(_WHOLE["ollama"][_named(body)])
        elif line.endswith(b"/api/chat"):
            self._begin(*_STREAMS["ollama"][_named(body)])
        elif line.endswith(b"/api/show"):
            self._transport.write(_SHOWN)
        elif line.endswith(b"/api/version"):
            self._transport.write(_VERSION)
        else:
            self._transport.write(_OLLAMA_MODELS if b"/api/" in line else _GEMINI_MODELS)

    def _begin(self, pause: float, writes: Sequence[bytes]) -> None:
        task = asyncio.ensure_future(self._write(pause, writes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, pause: float, writes: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index, data in enumerate(writes):
            self._transport.write(data)
            await asyncio.sleep(max(0, began + (index + 1) * pause - loop.time()) if pause else 0)


def _named(text: bytes) -> str:
    found = _MODEL.search(text)
    assert found is not None, text[:200]
    return found[0].decode()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
