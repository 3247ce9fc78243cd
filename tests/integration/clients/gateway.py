"""The gateway as a process of its own, before an enforcing Gemini and an enforcing Ollama that play their models."""

import asyncio
import re
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from ..gemini.server import GeminiServer
from ..ollama.server import Model, OllamaServer, ollama_server
from ..waiting import HANG_SECONDS
from .players import PlayingGemini, PlayingOllama

KEY: Final = "test-key-1"
GEMINI: Final = "gemini/gemini-3.8-flash"
OLLAMA: Final = "ollama/llama3.1"
MODELS: Final = (GEMINI, OLLAMA)
ALIASES: Final = {"gpt-5.5": GEMINI, "gpt-5.4": OLLAMA}
"""Names that Codex knows: it offers such a model its own tool for patches."""
STANDS_FOR_NONE: Final = (b"skip_thought_signature_validator", b"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I")
_SETTINGS: Final = {
    "PORT": "0",
    "API_KEYS": KEY,
    "CACHE_TTL_SECONDS": "0",  # so that every question reaches a vendor
    "RATE_LIMITER_CAPACITY": "1000000",
    "GEMINI_API_KEY": "any",
    "OLLAMA_DOOR": "true",
    "PYTHONWARNINGS": "error",
}


class Vendors:
    def __init__(self, gemini: GeminiServer, ollama: OllamaServer) -> None:
        self.gemini = gemini
        self.ollama = ollama
        self.player = PlayingGemini(GEMINI.removeprefix("gemini/"))
        self.gemini.scripts = [self.player]
        self.local_player = PlayingOllama()
        self.ollama.scripts = [self.local_player]
        self.url = ""
        """The gateway's."""

    def forget(self) -> None:
        self.player.forget()
        self.local_player.breaks = 0
        self.gemini.forget()
        self.ollama.forget()

    def break_a_stream(self) -> None:
        """The next one for an agent, of either vendor."""
        self.player.breaks = self.local_player.breaks = 1

    def chats(self) -> int:
        """How many both were asked."""
        return len(self.ollama.chats()) + sum("enerateContent" in asked.path for asked in self.gemini.asked)

    def check(self) -> None:
        """Nothing was refused, cut or dropped, no stand-in or client's key was sent, and each signature came back."""
        assert not self.gemini.refused
        assert not self.gemini.ignored
        assert not self.ollama.dropped
        assert not self.ollama.cut
        stood_in = any(stand_in in self.gemini.received for stand_in in STANDS_FOR_NONE)
        assert stood_in == self.player.forgiving
        assert KEY.encode() not in self.gemini.received + self.ollama.received
        assert {*self.player.given} <= {*self.player.returned}


@asynccontextmanager
async def gateway(folder: Path) -> AsyncGenerator[Vendors, None]:
    async with GeminiServer().running() as gemini, ollama_server() as ollama:
        vendors = Vendors(gemini, ollama)
        ollama.default_context = 131_072
        ollama.models = [Model(name="llama3.1:latest", capabilities=("completion", "tools", "vision", "thinking"))]
        aliases = "".join(f'"{name}" = "{target}"\n' for name, target in ALIASES.items())
        (folder / "llm-gateway.toml").write_text(f"[aliases]\n{aliases}")
        urls = {"GEMINI_BASE_URL": gemini.url, "OLLAMA_BASE_URL": ollama.url}
        async with _process(folder, _SETTINGS | urls) as port:
            vendors.url = f"http://127.0.0.1:{port}"
            yield vendors


@asynccontextmanager
async def _process(folder: Path, environ: Mapping[str, Any]) -> AsyncGenerator[int, None]:
    log = folder / "log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("llm-gateway"), "serve"),
            cwd=folder,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(HANG_SECONDS):
            async for line in process.stdout:
                if found := re.match(rb"Listening on http://\S+:(\d+)", line):
                    break
            else:
                raise AssertionError(log.read_text())
        rest = asyncio.create_task(process.stdout.read())
        yield int(found[1])
        process.terminate()
        async with asyncio.timeout(HANG_SECONDS):
            await process.wait()
            await rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, log.read_text()
