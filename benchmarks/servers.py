"""The least that this stack can do, each in its own process, which says its port: a bare ASGI app, and the floor.

The floor does of the gateway's work what no gateway can leave out, and nothing else: a key, a bucket, a cache, four
counters, and a POST to the vendor.
"""

import gc
import sys
import time
from collections import OrderedDict
from hashlib import blake2b, sha256
from os import urandom

import aiohttp
import uvicorn
import uvloop
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct, json, msgpack
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from vendors import WORDS

FLOOR = "floor"
KEY = "sk-bench-0123456789"
ANSWER = "word " * WORDS
MOST_REPLIES = 10_000
CAPACITY, REFILL_RATE = 1_000_000, 100_000
YOUNG_OBJECTS = 10_000
"""As the gateway's garbage collector has it."""


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, and sends a constant of the size of an answer."""
    await _body(receive)
    await _send(send, b'{"content":"%b"}' % ANSWER.encode())


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        event = await receive()
        more = event["type"] == "http.request" and event["more_body"]
        parts.append(event["body"] if event["type"] == "http.request" else b"")
    return b"".join(parts)


async def _send(send: Send, body: bytes, status: int = 200, *told: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *told]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Message(Struct, frozen=True):
    role: str
    content: str


class Asked(Struct, frozen=True):
    model: str
    messages: tuple[Message, ...]
    stream: bool = False


class Part(Struct, frozen=True):
    text: str = ""


class Content(Struct, frozen=True):
    parts: tuple[Part, ...] = ()


class Candidate(Struct, frozen=True):
    content: Content = Content()
    finishReason: str | None = None


class GeminiAnswer(Struct, frozen=True):
    candidates: tuple[Candidate, ...] = ()


class OllamaMessage(Struct, frozen=True):
    content: str = ""


class OllamaAnswer(Struct, frozen=True):
    message: OllamaMessage = OllamaMessage()
    done: bool = False


class Reply(Struct, frozen=True):
    id: str
    model: str
    content: str
    cached: bool


class Bucket(Struct):
    level: float
    at: float

    def take(self) -> bool:
        now = time.monotonic()
        self.level = min(CAPACITY, self.level + (now - self.at) * REFILL_RATE)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Floor:
    def __init__(self, vendor: str) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._vendor = vendor
        self._buckets = {sha256(KEY.encode()).digest(): Bucket(CAPACITY, time.monotonic())}
        self._replies: OrderedDict[bytes, str] = OrderedDict()
        self._counters = {"requests": 0, "hits": 0, "misses": 0, "bytes": 0}
        self._asked = json.Decoder(Asked)
        self._gemini = json.Decoder(GeminiAnswer)
        self._ollama = json.Decoder(OllamaAnswer)
        self._json, self._msgpack = json.Encoder(), msgpack.Encoder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bucket = None
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                bucket = self._buckets.get(sha256(value).digest())
        body = await _body(receive)
        if bucket is None or not bucket.take():
            await _send(send, b"{}", 401 if bucket is None else 429)
            return
        asked = self._asked.decode(body)
        key = blake2b(self._msgpack.encode((asked.model, asked.messages)), digest_size=32).digest()
        content = self._replies.get(key)
        cached = content is not None
        if content is None:
            content = await self._ask(asked)
            self._replies[key] = content
            if len(self._replies) > MOST_REPLIES:
                self._replies.popitem(last=False)
        else:
            self._replies.move_to_end(key)
        self._counters["requests"] += 1
        self._counters["hits" if cached else "misses"] += 1
        self._counters["bytes"] += len(body)
        request_id = urandom(16).hex()
        reply = Reply(id=f"chat-{request_id}", model=asked.model, content=content, cached=cached)
        told = (
            (b"x-request-id", request_id.encode()),
            (b"x-ratelimit-limit", b"%d" % CAPACITY),
            (b"x-ratelimit-remaining", b"%d" % bucket.level),
            (b"x-cache", b"hit" if cached else b"miss"),
        )
        await _send(send, self._json.encode(reply), 200, *told)

    async def _ask(self, asked: Asked) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        provider, _, model = asked.model.partition("/")
        if provider == "ollama":
            data = self._json.encode({"model": model, "messages": asked.messages, "stream": False})
            return self._ollama.decode(await self._post("/api/chat", data)).message.content
        contents = [{"role": one.role, "parts": [{"text": one.content}]} for one in asked.messages]
        data = self._json.encode({"contents": contents})
        answer = self._gemini.decode(await self._post(f"/v1beta/models/{model}:generateContent", data))
        return answer.candidates[0].content.parts[0].text

    async def _post(self, path: str, data: bytes) -> bytes:
        assert self._session is not None
        async with self._session.post(self._vendor + path, data=data) as answer:
            return await answer.read()


async def serve(app: ASGIApp) -> None:
    """As the gateway is served."""
    config = uvicorn.Config(
        app,
        port=0,
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    server = uvicorn.Server(config)
    config.load()
    listener = config.bind_socket()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    print(listener.getsockname()[1], flush=True)
    await server.serve([listener])


if __name__ == "__main__":
    kind, *vendor = sys.argv[1:]
    uvloop.run(serve(bare if kind == "bare" else Floor(vendor[0])))
