"""A scripted Ollama server on loopback: it says what a test wants, breaks as it wants, and sees who leaves."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from msgspec import Struct
from typing_extensions import override

from .. import scripted_vendor
from ..scripted_vendor import LAST, Asked, Reset, Script, ScriptedVendor, Step, head, whole

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


def chunk(part: object) -> bytes:
    return scripted_vendor.chunk(part if isinstance(part, bytes) else json.dumps(part).encode() + b"\n")


def stream(*parts: object, then: Sequence[Step] = (LAST,)) -> Script:
    return (HEAD + b"".join(chunk(part) for part in parts), *then)


def answer(*words: str) -> Script:
    return stream(*(line(word) for word in words), end())


def embedded(asked: Asked) -> Script:
    """A vector for each text, of its own, as the vendor answers."""
    length = min(3, asked.body.get("dimensions", 3))
    vectors = [[len(text), ord(text[0]), ord(text[-1])][:length] for text in asked.body["input"]]
    tokens = 2 * len(vectors)
    return whole({"model": asked.body["model"], "embeddings": vectors, "load_duration": 1, "prompt_eval_count": tokens})


class OllamaServer(ScriptedVendor):
    """`scripts` answer the chats, `embedding` answers embeddings.

    A call whose model is not loaded, or loaded otherwise than it needs it, waits until `may_load`; `runners` are how
    those in `loaded` are, where it is not by the defaults. `loadings` are the loads that were made.
    """

    def __init__(self) -> None:
        super().__init__(answer("Hello", " there"))
        self.models = [Model(name="llama3.1:latest")]
        self.loaded = {"llama3.1:latest"}
        self.runners: dict[str, Runner] = {}
        self.loadings: list[tuple[str, Runner]] = []
        self.version = "0.33.0"
        self.default_context = 4096
        self.absent: set[str] = set()
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
        match asked.path:
            case "/api/tags":
                return whole({"models": [{"name": m.name, "model": m.name, "digest": m.digest} for m in self.models]})
            case "/api/version":
                return whole({"version": self.version})
            case "/api/ps":
                if self._waiting and self._fixes_shift():  # it asks the runner, which is locked while it is loaded
                    await self.comes(self.may_load, reader)
                running = [self._running(model) for model in self.models if model.name in self.loaded]
                return whole({"models": running})
            case "/api/show":
                model = self._find(asked.body["model"])
                return whole(_shown(model)) if model is not None else whole({"error": "not found"}, 404)
            case "/api/chat" | "/api/embed" if not await self._loads(asked, reader):
                self.loads_given_up += 1
                return [Reset()]
            case "/api/chat" if not asked.body["messages"]:
                return whole(line("") | {"done": True, "done_reason": "load"})
            case "/api/embed" if not asked.body["input"]:
                return whole({"model": asked.body["model"], "embeddings": []})
            case "/api/embed":
                return self.embedding(asked)
        return self.scripted(asked)

    def evict(self, name: str = "llama3.1:latest") -> None:
        self.loaded.discard(name)
        self.runners.pop(name, None)

    def _fixes_shift(self) -> bool:
        """As from 0.30 on: another `shift` than the loaded runner's loads the model anew."""
        numbers = [int(one) for one in self.version.split(".")[:2] if one.isdigit()]
        return numbers >= [0, 30]

    def _wanted(self, asked: Asked, model: Model) -> Runner:
        stated = asked.body.get("options", {}).get("num_ctx") or model.num_ctx or self.default_context
        shift = asked.body.get("shift", True) if self._fixes_shift() else True
        return Runner(min(stated, model.context_length), shift)

    def _runner(self, model: Model) -> Runner | None:
        default = Runner(min(model.num_ctx or self.default_context, model.context_length))
        return self.runners.get(model.name, default) if model.name in self.loaded else None

    async def _loads(self, asked: Asked, reader: asyncio.StreamReader) -> bool:
        """As the vendor's: who leaves while a model loads ends the load."""
        model = self._find(asked.body["model"])
        if model is None or model.remote_host:
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
        return next((model for model in self.models if _plain(model.name) == _plain(name)), None)


def _plain(name: str) -> str:
    """As the vendor compares names."""
    return name.lower().removesuffix(":latest").removeprefix("registry.ollama.ai/").removeprefix("library/")


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
