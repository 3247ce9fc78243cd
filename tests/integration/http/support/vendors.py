"""One gateway over all kinds of providers, which do what a request demands: a call, JSON by schema, a thought."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

from llm_gateway.adapters.outbound.embedded import chat_model
from llm_gateway.bootstrap.settings import ModelSettings, ProviderSettings, Secret
from llm_gateway.domain.chat import ReasoningEffort

from ...gemini import payloads
from ...gemini.server import GeminiServer
from ...ollama import server as local
from ...openai import server as spoken
from ...scripted_vendor import Answer, Asked, Script, ScriptedVendor, whole
from ...waiting import HANG_SECONDS
from ..served import Served, serve

TEXT: Final = ("Hello", " there")
THOUGHT: Final = "Hm, a greeting."
TOOL: Final = "look_up"
ARGUMENTS: Final = {"wet": True}
VECTOR: Final = 3
"""How many numbers there are in a text's."""
CHATS: Final = {
    "gemini": "gemini/gemini-3.1-flash-lite",
    "ollama": "ollama/llama3.1",
    "openai": "openai/able",
    "embedded": "embedded/tiny",
}
EMBEDS: Final = {
    "gemini": "gemini/gemini-embedding-001",
    "ollama": "ollama/nomic",
    "openai": "openai/text-embed",
    "embedded": "embedded/tiny",
}
_EFFORTS: Final = (ReasoningEffort.LOW, ReasoningEffort.MEDIUM, ReasoningEffort.HIGH)


class Vendors(Struct, frozen=True):
    """`asked` are the bodies of the calls that a provider got."""

    served: Served
    asked: Mapping[str, Callable[[], Sequence[str]]]


class ScriptedEngine:
    """In the place of the engine of the embedded model."""

    def __init__(self, _file: Path, name: str) -> None:
        self._name = name
        self.asked: list[str] = []

    def load(self) -> None: ...

    def close(self) -> None: ...

    def generate(self, body: dict[str, Any], take: Callable[[dict[str, Any]], bool]) -> None:
        self.asked.append(json.dumps(body))
        words = [json.dumps(ARGUMENTS)] if "response_format" in body else TEXT
        choices: list[dict[str, Any]] = [
            *({"delta": {"content": word}} for word in words),
            {"delta": {}, "finish_reason": "stop"},
        ]
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        for choice in choices:
            ended = {"usage": usage} if "finish_reason" in choice else {}
            if take({"model": self._name, "choices": [choice], **ended}):
                return


def _gemini(asked: Asked) -> Answer:
    if asked.method == "GET":
        listed = {"supportedGenerationMethods": ["embedContent"]}
        return whole({"models": [{"name": f"models/{EMBEDS['gemini'].partition('/')[2]}"} | listed]})
    if "Embed" in asked.path:
        return payloads.embedded(asked)
    parts = [*_gemini_parts(asked.body)]
    counts = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    if "stream" in asked.path:
        return payloads.stream(*(payloads.said(part) for part in parts), payloads.said(finish="STOP", usage=counts))
    return whole(payloads.said(*parts, finish="STOP", usage=counts))


def _gemini_parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    config = body.get("generationConfig", {})
    if config.get("thinkingConfig", {}).get("thinkingLevel") == "HIGH":
        yield {"text": THOUGHT, "thought": True}
    if "tools" in body:
        yield {"functionCall": {"id": "c1", "name": TOOL, "args": ARGUMENTS}, "thoughtSignature": "c2lnbmVk"}
        return
    yield from ({"text": word} for word in _words("responseJsonSchema" in config))


def _ollama(asked: Asked) -> Script:
    body, more = asked.body, dict[str, Any]()
    if body.get("think"):
        more["thinking"] = THOUGHT
    if "tools" in body:
        more["tool_calls"] = [{"function": {"name": TOOL, "arguments": ARGUMENTS}}]
    words = [""] if "tools" in body else _words("format" in body)
    if body["stream"]:
        return local.stream(*(local.line(word) for word in words), local.end(**more))
    return whole(local.end() | local.line("".join(words), **more) | {"done": True, "done_reason": "stop"})


def _openai(asked: Asked) -> Script:
    body = asked.body
    words = _words("response_format" in body)
    if body.get("stream"):
        return spoken.answer(*words)
    if "tools" in body:
        call = spoken.called(TOOL, json.dumps(ARGUMENTS))
        return whole(spoken.message(None, "tool_calls", tool_calls=[call]))
    thoughts = {"reasoning_content": THOUGHT} if body.get("reasoning_effort") == "high" else {}
    return whole(spoken.message("".join(words), **thoughts))


def _words(formed: bool) -> list[str]:
    return [json.dumps(ARGUMENTS)] if formed else [*TEXT]


def _engines(patch: pytest.MonkeyPatch) -> Sequence[ScriptedEngine]:
    """Those of the gateways that are opened from now on."""
    made: list[ScriptedEngine] = []

    def engine(file: Path, name: str) -> ScriptedEngine:
        made.append(ScriptedEngine(file, name))
        return made[-1]

    patch.setattr(chat_model, "Engine", engine)
    return made


def _posted(server: ScriptedVendor) -> Sequence[str]:
    return [one.content.decode() for one in server.asked if one.method == "POST"]


@asynccontextmanager
async def vendors(folder: Path) -> AsyncGenerator[Vendors, None]:
    with pytest.MonkeyPatch.context() as patch:
        engines = _engines(patch)
        async with (
            GeminiServer(_gemini).running() as gemini,
            local.ollama_server() as ollama,
            spoken.spoken_server("vllm") as openai,
        ):
            ollama.scripts = [_ollama]
            ollama.models = [
                local.Model(name="llama3.1:latest", capabilities=("completion", "tools", "vision", "thinking")),
                local.Model(name="nomic:latest", capabilities=("embedding",)),
            ]
            openai.scripts = [_openai]
            openai.models = [{"id": "able"}, {"id": "text-embed"}]
            (folder / "tiny.gguf").touch()
            row = ProviderSettings(name="openai", kind="openai", dialect="vllm", model="able", base_url=openai.url)
            able = ModelSettings(provider="openai", names=("able",), media_types=("image/png",), levels=_EFFORTS)
            async with serve(
                None,
                ollama_door=True,
                cache_ttl_seconds=0,
                gemini_api_key=Secret("any"),
                gemini_base_url=gemini.url,
                gemini_model=CHATS["gemini"].partition("/")[2],
                ollama_base_url=ollama.url,
                embedded_model_path=str(folder / "tiny.gguf"),
                providers=(row,),
                models=(able,),
                overrides={"first_look_seconds": HANG_SECONDS},
            ) as served:
                servers = {"gemini": gemini, "ollama": ollama, "openai": openai}
                asked: dict[str, Callable[[], Sequence[str]]] = {
                    name: partial(_posted, server) for name, server in servers.items()
                }
                yield Vendors(served, {**asked, "embedded": lambda: engines[-1].asked})
            assert gemini.refused == []
            assert gemini.ignored | ollama.dropped | openai.ignored == set()
