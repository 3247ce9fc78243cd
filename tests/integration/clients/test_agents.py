"""Codex and Claude Code, pointed at the gateway as the documentation says, work through a whole loop of tools."""

import json
import struct
import tomllib
import zlib
from pathlib import Path
from typing import Final

import pytest

from ...external.environments import Environment
from .documented import as_environ, block
from .gateway import ALIASES, KEY, MODELS, Vendors
from .players import AGAIN, NOTE, OLD, PICTURE, SEES, SHOUTED
from .programs import Done, run

pytestmark = [pytest.mark.external("agents"), pytest.mark.asyncio(loop_scope="module")]

FIRST, SECOND = 4, 2
"""Requests of a loop: one for each turn of calls, and one for the last words. More would be retries."""
ASKED: Final = f"Replace old by new in {NOTE}."
PACKAGES: Final = Environment("agents").place / "node_modules"
CODEX_OFFLINE: Final = (
    "check_for_update_on_startup = false\n",
    "analytics.enabled = false\n",
    "features.plugins = false\n",  # whose list it fetches
)


def png(size: int = 32) -> bytes:
    """A grey square."""
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * size) * size)
    chunks = [_chunk(b"IHDR", head), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


class Desk:
    """Where an agent works, with a home of its own."""

    def __init__(self, folder: Path, url: str, model: str) -> None:
        self.home = folder / "home"
        self.work = folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.note.write_text(f"{OLD}\n")
        (self.work / PICTURE).write_bytes(png())
        self._url = url
        self._model = model

    @property
    def note(self) -> Path:
        return self.work / NOTE

    def pointed(self, client: str) -> str:
        """The documentation's block for a client, at this gateway and model."""
        return block(client, url=self._url, key=KEY, model=self._model)

    async def codex(self, *arguments: str) -> Done:
        config = self.pointed("codex")
        assert tomllib.loads(config)["model"] == self._model
        (home := self.home / ".codex").mkdir(exist_ok=True)
        (home / "config.toml").write_text("".join(CODEX_OFFLINE) + config)
        program = PACKAGES / "@openai" / "codex" / "bin" / "codex.js"
        free = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json")
        environ = as_environ(self.pointed("codex-key"))
        return await run(
            "agents", "node", program, "exec", *free, *arguments, home=self.home, cwd=self.work, environ=environ
        )

    async def claude(self, *arguments: str, **environ: str) -> Done:
        program = PACKAGES / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"
        environ |= as_environ(self.pointed("claude-code")) | {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        free = ("--allowedTools", "Read,Edit,Bash", "--output-format", "json")
        return await run(
            "agents", "node", program, "-p", *free, *arguments, home=self.home, cwd=self.work, environ=environ
        )


@pytest.mark.parametrize("model", [*MODELS, *ALIASES])
async def test_codex_reads_edits_runs_and_ends_and_goes_on(vendors: Vendors, model: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, vendors.url, model)
    first = await desk.codex(ASKED)
    assert (first.code, desk.note.read_text()) == (0, "a new note\n"), first.said
    assert _last_words(first).startswith("It reads: ")
    assert SHOUTED in _last_words(first)
    again = await desk.codex("resume", "--last", AGAIN)
    assert again.code == 0, again.said
    assert f"1 {NOTE}" in _last_words(again)
    assert SEES in _last_words(again)
    assert vendors.chats() == FIRST + SECOND


def _last_words(done: Done) -> str:
    events = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    assert events[-1]["type"] == "turn.completed", done.said
    said = [event["item"]["text"] for event in events if event.get("item", {}).get("type") == "agent_message"]
    return str(said[-1])


@pytest.mark.parametrize("model", MODELS)
async def test_claude_code_reads_edits_runs_and_ends_and_goes_on(vendors: Vendors, model: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, vendors.url, model)
    first = await desk.claude(ASKED)
    assert (first.code, desk.note.read_text()) == (0, "a new note\n"), first.said
    told = json.loads(first.output)
    assert (told["is_error"], told["num_turns"], told["permission_denials"]) == (False, 5, [])
    assert SHOUTED in told["result"]
    again = await desk.claude("--continue", AGAIN)
    assert again.code == 0, again.said
    assert f"1 {NOTE}" in json.loads(again.output)["result"]
    assert SEES in json.loads(again.output)["result"]
    assert vendors.chats() == FIRST + SECOND


@pytest.mark.parametrize("model", MODELS)
async def test_claude_code_without_its_betas_offers_all_of_its_tools_at_once(
    vendors: Vendors, model: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, vendors.url, model)
    done = await desk.claude(ASKED, CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS="1")
    assert (done.code, desk.note.read_text()) == (0, "a new note\n"), done.said
    assert vendors.chats() == FIRST


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("agent", ["codex", "claude"])
async def test_an_agent_asks_again_where_a_stream_broke_off(
    vendors: Vendors, agent: str, model: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, vendors.url, model)
    vendors.break_a_stream()
    done = await (desk.codex if agent == "codex" else desk.claude)(ASKED)
    assert (done.code, desk.note.read_text()) == (0, "a new note\n"), done.said
    assert vendors.chats() == FIRST + 1
