"""The documentation's blocks for clients that no other test points at a gateway."""

import json
from pathlib import Path
from typing import Final

import httpx
import pytest

from ...external.environments import Environment
from ..http.openai.obliging import SPOKEN
from ..ops.processes import free_port, running
from ..waiting import HANG_SECONDS
from .documented import block, clients
from .gateway import KEY, MODELS, Vendors
from .programs import run
from .test_sdks import LITELLM

_KINDS: Final = ("proxy", "fastcgi", "uwsgi", "scgi")
OF_AGENTS: Final = {"codex", "codex-key", "claude-code"}


def test_each_block_is_used() -> None:
    assert clients().keys() == OF_AGENTS | {"ai-sdk", "litellm", "nginx", "ollama"}


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


@pytest.mark.external("nginx")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", MODELS)
async def test_nginx_adds_the_key_for_a_program_that_can_not_send_one(
    vendors: Vendors, model: str, tmp_path: Path
) -> None:
    port = free_port()
    served = block("nginx", url=vendors.url, key=KEY, model=model).replace("127.0.0.1:11435", f"127.0.0.1:{port}")
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", *_KINDS))
    (file := tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/nginx.log; events {{}}"
        f" http {{ access_log off; {folders} {served} }}"
    )
    program = ("nginx", "-e", tmp_path / "nginx.log", "-p", tmp_path, "-c", file)
    with running([*map(str, program)], port, tmp_path / "log", cwd=tmp_path):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=HANG_SECONDS, trust_env=False) as any:
            asked = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
            answer = await any.post("/api/chat", json=asked)
            lines = [json.loads(line) for line in answer.text.splitlines()]
            assert "".join(line["message"]["content"] for line in lines) == SPOKEN
            assert (await any.get("/api/tags")).status_code == 200
