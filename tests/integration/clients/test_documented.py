"""The documentation's blocks for clients that no other test points at a gateway."""

from pathlib import Path
from typing import Final

import pytest

from ...external.environments import Environment
from ..http.openai.obliging import SPOKEN
from .documented import block, clients
from .gateway import KEY, MODELS, Vendors
from .programs import run
from .test_sdks import LITELLM

OF_AGENTS: Final = {"codex", "codex-key", "claude-code"}


def test_each_block_is_used() -> None:
    assert clients().keys() == OF_AGENTS | {"ai-sdk", "litellm", "ollama"}


async def _said(vendors: Vendors, folder: Path, client: str, model: str, environment: str, program: str) -> str:
    (script := folder / "script.mjs").write_text(block(client, url=vendors.url, key=KEY, model=model))
    done = await run(environment, program, script, home=folder, cwd=folder, environ=LITELLM)
    assert done.code == 0, done.said
    return done.output


@pytest.mark.external("node")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", MODELS)
async def test_the_ai_sdk(vendors: Vendors, model: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(Environment("node").place / "node_modules")
    assert await _said(vendors, tmp_path, "ai-sdk", model, "node", "node") == f"{SPOKEN}\n"


@pytest.mark.external("sdks")
@pytest.mark.asyncio(loop_scope="module")
async def test_litellm(vendors: Vendors, tmp_path: Path) -> None:
    assert await _said(vendors, tmp_path, "litellm", MODELS[0], "sdks", "python") == f"{SPOKEN}\n" * 2


@pytest.mark.external("sdks")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", MODELS)
async def test_ollamas_client(vendors: Vendors, model: str, tmp_path: Path) -> None:
    assert await _said(vendors, tmp_path, "ollama", model, "sdks", "python") == f"{SPOKEN}\n"
