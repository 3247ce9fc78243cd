"""A scripted Ollama server on loopback: it says what a test wants, breaks as it wants, and sees who leaves."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from msgspec import Struct

from ..waiting import eventually


class Send(Struct, frozen=True):
    """Bytes as they are."""

    data: bytes


class Hold(Struct, frozen=True):
    """Say nothing more until the client leaves."""


class Reset(Struct, frozen=True):
    """Break the connection with an RST."""


class Cut(Struct, frozen=True):
    """Close the connection in good order."""


class Gate(Struct, frozen=True):
    """Go on once the event is set."""

    event: asyncio.Event


class Flood(Struct, frozen=True):
    """Send the same for ever."""

    data: bytes


Step: TypeAlias = Send | Hold | Reset | Cut | Gate | Flood
Script: TypeAlias = Sequence[Step]


class Asked(Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Model(Struct, kw_only=True):
    """A model that the server has. The load of a `slow` one waits for the server's `may_load`."""

    name: str
    digest: str = "sha256:1"
    family: str = "llama"
    capabilities: Sequence[str] = ("completion", "tools")
    context_length: int = 131_072
    remote_host: str | None = None


def line(content: str = "", *, model: str = "llama3.1", **more: object) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": content}
    for field in ("thinking", "tool_calls"):
        if field in more:
            message[field] = more.pop(field)
    return {"model": model, "created_at": "2026-11-02T10:00:00.1Z", "message": message, "done": False, **more}


def end(reason: str = "stop", **more: object) -> dict[str, object]:
    counts = {"total_duration": 5, "load_duration": 1, "prompt_eval_count": 26, "eval_count": 8}
    last = line(**more)  # type: ignore[arg-type]
    return last | {"done": True, "done_reason": reason, **counts}


def whole(body: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Script:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", *(f"{name}: {value}" for name, value in headers)]
    return [Send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(part: object) -> bytes:
    data = part if isinstance(part, bytes) else json.dumps(part).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream(*parts: object, then: Script | None = None) -> Script:
    return [Send(HEAD + b"".join(chunk(part) for part in parts)), *((Send(LAST),) if then is None else then)]


def answer(*words: str) -> Script:
    return stream(*(line(word) for word in words), end())


def embedded(asked: Asked) -> Script:
    """A vector for each text, of its own, as the vendor answers."""
    length = min(3, asked.body.get("dimensions", 3))
    vectors = [[len(text), ord(text[0]), ord(text[-1])][:length] for text in asked.body["input"]]
    tokens = 2 * len(vectors)
    return whole({"model": asked.body["model"], "embeddings": vectors, "load_duration": 1, "prompt_eval_count": tokens})


class OllamaServer:
    """`scripts` answer the chats one after the other, the last one for ever; a function gets what was asked.

    `embedding` answers embeddings.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.models = [Model(name="llama3.1:latest")]
        self.loaded = {"llama3.1:latest"}
        self.absent: set[str] = set()
        self.scripts: Sequence[Script | Callable[[Asked], Script]] = [answer("Hello", " there")]
        self.embedding: Callable[[Asked], Script] = embedded
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.loading = asyncio.Event()
        self.loads_given_up = 0
        self.holding = asyncio.Event()
        self.left = asyncio.Event()
        self.connections = 0
        self.open_calls = 0
        self._chats = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def chats(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/chat" and asked.body["messages"]]

    def loads(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/chat" and not asked.body["messages"]]

    def embeds(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/embed" and asked.body["input"]]

    def embed_loads(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/embed" and not asked.body["input"]]

    def forget(self) -> None:
        self.asked.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (asked := await _read(reader)) is not None:
                self.asked.append(asked)
                self.open_calls += 1
                try:
                    for step in await self._script(asked, reader):
                        if not await self._do(step, reader, writer):
                            return
                finally:
                    self.open_calls -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _script(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        if asked.path in self.absent:
            return whole({"error": "404 page not found"}, 404)
        match asked.path:
            case "/api/tags":
                return whole({"models": [{"name": m.name, "model": m.name, "digest": m.digest} for m in self.models]})
            case "/api/ps":
                running = [_running(model) for model in self.models if model.name in self.loaded]
                return whole({"models": running})
            case "/api/show":
                model = self._find(asked.body["model"])
                return whole(_shown(model)) if model is not None else whole({"error": "not found"}, 404)
            case "/api/chat" if not asked.body["messages"]:
                return await self._load(asked, reader, line("") | {"done": True, "done_reason": "load"})
            case "/api/embed" if not asked.body["input"]:
                return await self._load(asked, reader, {"model": asked.body["model"], "embeddings": []})
            case "/api/embed":
                return self.embedding(asked)
        script = self.scripts[min(self._chats, len(self.scripts) - 1)]
        self._chats += 1
        return script(asked) if callable(script) else script

    async def _load(self, asked: Asked, reader: asyncio.StreamReader, loaded: dict[str, object]) -> Script:
        """As the vendor's: who leaves while a model loads ends the load."""
        self.loading.set()
        gone = asyncio.ensure_future(reader.read(1))
        allowed = asyncio.ensure_future(self.may_load.wait())
        await asyncio.wait((gone, allowed), return_when=asyncio.FIRST_COMPLETED)
        if not allowed.done():
            allowed.cancel()
            self.loads_given_up += 1
            return [Reset()]
        gone.cancel()
        await asyncio.wait((gone,))  # or it would still read when the next request comes
        model = self._find(asked.body["model"])
        assert model is not None
        self.loaded.add(model.name)
        return whole(loaded)

    def _find(self, name: str) -> Model | None:
        return next((model for model in self.models if _plain(model.name) == _plain(name)), None)

    async def _do(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        match step:
            case Send(data=data):
                writer.write(data)
                await writer.drain()
            case Gate(event=event):
                await event.wait()
            case Hold():
                self.holding.set()
                await reader.read(1)
                self.left.set()
                return False
            case Flood(data=data):
                while True:
                    writer.write(data)
                    await writer.drain()
            case Cut():
                return False
            case Reset():
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
        return True

    async def quiet(self) -> int:
        """How many calls are open once those that end have ended."""
        await eventually(lambda: not self.open_calls)
        return self.open_calls

    async def aclose(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _plain(name: str) -> str:
    """As the vendor compares names."""
    return name.lower().removesuffix(":latest").removeprefix("registry.ollama.ai/").removeprefix("library/")


@asynccontextmanager
async def ollama_server(port: int = 0) -> AsyncGenerator[OllamaServer, None]:
    scripted = OllamaServer()
    listener = await asyncio.start_server(scripted.serve, "127.0.0.1", port)
    port = listener.sockets[0].getsockname()[1]
    scripted.url = f"http://127.0.0.1:{port}"
    try:
        yield scripted
    finally:
        listener.close()
        await scripted.aclose()
        await listener.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *rest = head.decode().strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, raw)


def _running(model: Model) -> dict[str, object]:
    name = model.name
    return {"name": name, "model": name, "details": {"family": model.family}, "context_length": 4096}


def _shown(model: Model) -> dict[str, object]:
    shown: dict[str, object] = {
        "details": {"family": model.family},
        "model_info": {"general.architecture": model.family, f"{model.family}.context_length": model.context_length},
        "capabilities": list(model.capabilities),
    }
    return shown | ({"remote_host": model.remote_host} if model.remote_host else {})
