"""From a wheel alone to the first answer, by the lines of docs/installation.md, with the system's Python."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .documents import FROM_A_WHEEL, Block, blocks

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
LINES = [pytest.param(block, id=block.name) for block in blocks() if block.note == FROM_A_WHEEL]
ASK = re.compile(r"^curl http.*$", re.MULTILINE)

pytestmark = [pytest.mark.nightly, pytest.mark.external("curl")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the wheel in it, and nothing else."""
    build: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "dist", ROOT]
    subprocess.run(build, check=True, capture_output=True)
    folder = tmp_path / "empty"
    folder.mkdir()
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    shutil.copy(wheel, folder)
    return folder


@contextmanager
def served(script: str, folder: Path) -> Iterator[str]:
    """What a script that serves at its end prints until it listens, and the line to ask after it."""
    environ = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        "PATH": f"/usr/bin:{os.environ['PATH']}:{BIN}",
        "PORT": "0",
    }
    with subprocess.Popen(
        ["sh", "-eu", "-c", script], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        told = ""
        try:
            for line in process.stdout:
                told += line
                if line.startswith("curl "):
                    break
            yield told
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.parametrize("block", LINES)
def test_the_lines_lead_to_an_answer(block: Block, folder: Path) -> None:
    began = time.monotonic()
    with served(block.text, folder) as told:
        listening = time.monotonic()
        (ask,) = ASK.findall(told)
        done = subprocess.run(["sh", "-c", ask], capture_output=True, text=True, check=True, timeout=60)
        answered = time.monotonic()
    print(f"{block.name}: listens after {listening - began:.1f} s, answered after {answered - listening:.1f} s more")
    assert "Paris" in json.loads(done.stdout)["content"]


def test_the_line_that_is_named_where_the_model_is_missing_brings_it(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    uv, gateway = BIN / "uv", folder / "made" / "bin" / "llm-gateway"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / "made"], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", gateway.with_name("python"), f"{wheel}[all]"], check=True)

    refused = subprocess.run([gateway, "serve", "--demo"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    (named,) = re.findall(r"`(.+?)`", line)

    subprocess.run(["sh", "-c", named], env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}, check=True)
    with served(f"{gateway} serve --demo", folder) as told:
        assert ASK.search(told)
