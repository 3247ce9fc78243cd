"""An Ollama on loopback that refuses what the vendor refuses, and else does what a test says."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from msgspec import Struct
from typing_extensions import override

from .. import scripted_vendor
from ..scripted_vendor import LAST, Asked, Reset, Script, ScriptedVendor, Step, head, whole
from . import rules
from .rules import Verdict

NDJSON = {"Content-Type": "application/x-ndjson"}
HEAD = head(headers=NDJSON)


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


def token(text: str, *likeliest: str, logprob: float = -0.5) -> dict[str, object]:
    """As the vendor tells of it when it is asked for log probabilities."""
    made: dict[str, object] = {"token": text, "logprob": logprob, "bytes": list(text.encode())}
    return made | ({"top_logprobs": [token(one, logprob=-1.5) for one in likeliest]} if likeliest else {})


def chunk(part: object) -> bytes:
    return scripted_vendor.chunk(part if isinstance(part, bytes) else json.dumps(part).encode() + b"\n")


def stream(*parts: object, then: Sequence[Step] = (LAST,)) -> Script:
    return (HEAD + b"".join(chunk(part) for part in parts), *then)


def answer(*words: str) -> Script:
    return stream(*(line(word) for word in words), end())


def from_the_cloud(asked: Asked) -> Script:
    told = {"model": asked.body["model"], "remote_host": rules.REMOTE}
    if asked.body.get("stream", True):
        return stream(line("From afar") | told, end() | told)
    return whole(end() | line("From afar") | told | {"done": True})


def vector(text: str, length: int = 3) -> tuple[float, ...]:
    made = [len(text), ord(text[0]), ord(text[-1])][:length]
    return tuple(number / math.hypot(*made) for number in made)


def embedded(asked: Asked) -> Script:
    """A vector of unit length for each text, of its own, as the vendor answers."""
    vectors = [vector(text, asked.body.get("dimensions", 3)) for text in asked.body["input"]]
    tokens = 2 * len(vectors)
    return whole({"model": asked.body["model"], "embeddings": vectors, "load_duration": 1, "prompt_eval_count": tokens})


_HELLO = answer("Hello", " there")


class OllamaServer(ScriptedVendor):
    """`scripts` answer the chats, `embedding` answers embeddings, where a server of this `version` would.

    `dropped` and `cut` are the paths of what its models have never seen of the requests that it took. `cloud`: how it
    stands with the vendor's. `queue_full`: so many of the next calls find no place in its queue.
    """

    def __init__(self) -> None:
        super().__init__(_HELLO)
        self.version = "0.33.0"
        self.default_context = 4096
        self.cloud = "on"
        self.queue_full = 0
        self.dropped: set[str] = set()
        self.cut: list[str] = []
        self.models = [Model(name="llama3.1:latest")]
        self.loaded = {"llama3.1:latest"}
        self.absent: set[str] = set()
        self.embedding: Callable[[Asked], Script] = embedded
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.loading = asyncio.Event()
        self.loads_given_up = 0

    def chats(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/chat" and asked.body["messages"]]

    def loads(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/chat" and not asked.body["messages"]]

    def embeds(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/embed" and asked.body["input"]]

    def embed_loads(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == "/api/embed" and not asked.body["input"]]

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        if asked.path in self.absent:
            return whole({"error": "404 page not found"}, 404)
        verdict = self._verdict(asked)
        if verdict.error:
            return whole(verdict.body, verdict.status)
        self.dropped |= verdict.dropped
        self.cut += verdict.cut
        match asked.path:
            case "/api/version":
                return whole({"version": self.version})
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
        return self.scripted(asked)

    @override
    def scripted(self, asked: Asked) -> Script:
        model = self._find(asked.body["model"]) if asked.path == "/api/chat" else None
        if model is not None and model.remote_host and self.scripts[0] is _HELLO:
            return from_the_cloud(asked)
        return super().scripted(asked)

    def _verdict(self, asked: Asked) -> Verdict:
        if asked.path not in ("/api/chat", "/api/embed", "/api/show"):
            return Verdict()
        body = asked.body
        if not body.get("model"):
            return rules.refused(400, "model is required")
        model = self._find(body["model"])
        if model is None:
            return rules.refused(404, f"model '{body['model']}' not found")
        if model.remote_host:
            return rules.CLOUD.get(self.cloud, Verdict())
        if asked.path == "/api/show":
            return Verdict()
        if self.queue_full:
            self.queue_full -= 1
            return rules.refused(503, rules.QUEUE_FULL)
        if not body.get("messages") and not body.get("input"):
            return Verdict()
        context = min((body.get("options") or {}).get("num_ctx") or self.default_context, model.context_length)
        if asked.path == "/api/embed":
            return rules.embed(body, model.capabilities, context)
        return rules.chat(rules.version_of(self.version), body, model.capabilities, context)

    async def _load(self, asked: Asked, reader: asyncio.StreamReader, loaded: dict[str, object]) -> Script:
        """As the vendor's: who leaves while a model loads ends the load. Without a time to be kept it is unloaded."""
        if asked.body.get("keep_alive") == 0:
            self.loaded -= {m.name for m in self.models if rules.plain(m.name) == rules.plain(asked.body["model"])}
            return whole(loaded | {"done_reason": "unload"})
        self.loading.set()
        if not await self.comes(self.may_load, reader):
            self.loads_given_up += 1
            return [Reset()]
        model = self._find(asked.body["model"])
        assert model is not None
        self.loaded.add(model.name)
        return whole(loaded)

    def _find(self, name: str) -> Model | None:
        """A name of the cloud's needs no model of the server's."""
        if rules.of_the_cloud(rules.version_of(self.version), name):
            return Model(name=name, capabilities=rules.CLOUD_CAPABILITIES, remote_host=rules.REMOTE)
        return next((model for model in self.models if rules.plain(model.name) == rules.plain(name)), None)


def ollama_server(port: int = 0) -> AbstractAsyncContextManager[OllamaServer]:
    return OllamaServer().running(port)


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
