"""An Ollama on loopback that refuses what the vendor refuses, and else does what a test says."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from msgspec import Struct
from typing_extensions import override

from .. import scripted_vendor
from ..scripted_vendor import LAST, Asked, Hold, Reset, Script, ScriptedVendor, Step, head, whole
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
    num_ctx: int | None = None
    remote_host: str | None = None


class Runner(Struct, frozen=True):
    """How a model is loaded."""

    num_ctx: int
    shift: bool = True


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

    A call whose model is not loaded, or loaded otherwise than it needs it, waits until `may_load`; `runners` are how
    those in `loaded` are, where it is not by the defaults. `loadings` are the loads that were made.
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
        self.runners: dict[str, Runner] = {}
        self.loadings: list[tuple[str, Runner]] = []
        self.absent: set[str] = set()
        self.silent: set[str] = set()
        self.embedding: Callable[[Asked], Script] = embedded
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.loading = asyncio.Event()
        self.loads_given_up = 0
        self._waiting = 0

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
        if asked.path in self.silent:
            return [Hold()]
        verdict = self._verdict(asked)
        if verdict.error:
            return whole(verdict.body, verdict.status)
        self.dropped |= verdict.dropped
        self.cut += verdict.cut
        if asked.path in ("/api/chat", "/api/embed"):
            return await self._answer(asked, reader)
        return await self._told(asked, reader)

    async def _told(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        """Of itself and of its models."""
        match asked.path:
            case "/api/version":
                return whole({"version": self.version})
            case "/api/tags":
                return whole({"models": [{"name": m.name, "model": m.name, "digest": m.digest} for m in self.models]})
            case "/api/ps":
                if self._waiting and self._fixes_shift():  # it asks the runner, which is locked while it is loaded
                    await self.comes(self.may_load, reader)
                running = [self._running(model) for model in self.models if model.name in self.loaded]
                return whole({"models": running})
            case "/api/show":
                model = self._find(asked.body["model"])
                return whole(_shown(model)) if model is not None else whole({"error": "not found"}, 404)
        return self.scripted(asked)

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        if not await self._loads(asked, reader):
            self.loads_given_up += 1
            return [Reset()]
        if asked.path == "/api/embed":
            nothing = {"model": asked.body["model"], "embeddings": []}
            return self.embedding(asked) if asked.body["input"] else whole(nothing)
        if asked.body["messages"]:
            return self.scripted(asked)
        reason = "unload" if asked.body.get("keep_alive") == 0 else "load"
        return whole(line("") | {"done": True, "done_reason": reason})

    def evict(self, name: str = "llama3.1:latest") -> None:
        self.loaded.discard(name)
        self.runners.pop(name, None)

    def _fixes_shift(self) -> bool:
        """As from 0.30 on: another `shift` than the loaded runner's loads the model anew."""
        return rules.version_of(self.version) >= (0, 30)

    def _wanted(self, asked: Asked, model: Model) -> Runner:
        stated = (asked.body.get("options") or {}).get("num_ctx") or model.num_ctx or self.default_context
        shift = asked.body.get("shift", True) if self._fixes_shift() else True
        return Runner(min(stated, model.context_length), shift)

    def _runner(self, model: Model) -> Runner | None:
        default = Runner(min(model.num_ctx or self.default_context, model.context_length))
        return self.runners.get(model.name, default) if model.name in self.loaded else None

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
        context = self._wanted(asked, model).num_ctx
        if asked.path == "/api/embed":
            return rules.embed(body, model.capabilities, context)
        return rules.chat(rules.version_of(self.version), body, model.capabilities, context)

    async def _loads(self, asked: Asked, reader: asyncio.StreamReader) -> bool:
        """As the vendor's: who leaves while a model loads ends the load."""
        model = self._find(asked.body["model"])
        if model is None or model.remote_host:
            return True
        if asked.path == "/api/chat" and asked.body.get("keep_alive") == 0 and not asked.body["messages"]:
            self.evict(model.name)
            return True
        wanted = self._wanted(asked, model)
        if self._runner(model) == wanted:
            return True
        self.loading.set()
        self._waiting += 1
        try:
            if not await self.comes(self.may_load, reader):
                return False
        finally:
            self._waiting -= 1
        if self._runner(model) != wanted:
            self.loaded.add(model.name)
            self.runners[model.name] = wanted
            self.loadings.append((model.name, wanted))
        return True

    def _running(self, model: Model) -> dict[str, object]:
        runner = self._runner(model)
        context = runner.num_ctx if runner is not None else None
        names = {"name": model.name, "model": model.name}
        return {**names, "details": {"family": model.family}, "context_length": context}

    def _find(self, name: str) -> Model | None:
        """A name of the cloud's needs no model of the server's."""
        if rules.of_the_cloud(rules.version_of(self.version), name):
            return Model(name=name, capabilities=rules.CLOUD_CAPABILITIES, remote_host=rules.REMOTE)
        return next((model for model in self.models if rules.plain(model.name) == rules.plain(name)), None)


def ollama_server(port: int = 0) -> AbstractAsyncContextManager[OllamaServer]:
    return OllamaServer().running(port)


def _shown(model: Model) -> dict[str, object]:
    shown: dict[str, object] = {
        "details": {"family": model.family},
        "model_info": {"general.architecture": model.family, f"{model.family}.context_length": model.context_length},
        "capabilities": list(model.capabilities),
        "parameters": f'num_ctx                        {model.num_ctx}\nstop    "<|end|>"' if model.num_ctx else "",
    }
    return shown | ({"remote_host": model.remote_host} if model.remote_host else {})
