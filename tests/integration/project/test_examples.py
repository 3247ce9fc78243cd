"""The examples and the README's own code, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def run(*arguments: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plain_asyncio_program_embeds_the_gateway() -> None:
    lines = run(ROOT / "examples/plain_asyncio.py").splitlines()
    assert lines[-2].endswith("miss")
    assert lines[-1].endswith("hit")


def test_a_model_of_ones_own_answers() -> None:
    assert run(ROOT / "examples/own_model.py") == "Is anybody there?\n"


def test_quotas_are_used_alone() -> None:
    assert run(ROOT / "examples/throttle_client.py").splitlines() == [
        "request 1: admitted, 1 left",
        "request 2: admitted, 0 left",
        "request 3: refused, 60 min to wait",
        "one at a time",
    ]


def test_the_cache_is_used_alone() -> None:
    assert run(ROOT / "examples/cache_lookup.py").splitlines() == [
        "miss: You said: hello",
        "hit: You said: hello",
        "miss: You said: Hello",
    ]


def test_routing_is_used_alone() -> None:
    assert run(ROOT / "examples/route_chat.py").splitlines() == [
        "hello",
        "answered by second/model-1, 3 calls",
        "passed over first/model-1: first: out of order",
    ]


def test_a_fastapi_application_with_a_domain_of_its_own_embeds_the_gateway() -> None:
    pytest.importorskip("fastapi")
    code = """
import domain
from fastapi.testclient import TestClient
from app import app
with TestClient(app) as client:
    answer = client.get("/ask", params={"question": "who are you?"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"].startswith("smollm2"), answer.text
print(domain.__doc__)
"""
    assert "host's own domain" in run("-c", code, cwd=ROOT / "examples/fastapi_host")


@pytest.mark.parametrize("example", ["test_own_cache.py", "test_own_model.py"])
def test_an_adapter_of_ones_own_passes_the_contract_suite(example: str) -> None:
    told = run("-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "examples" / example)
    assert re.search(r"^\d+ passed", told, re.MULTILINE)


def test_the_readme_has_both_commands() -> None:
    commands = re.findall(r"^(python3 -m venv .*)$", README, re.MULTILINE)
    assert commands == [
        f"python3 -m venv .venv && .venv/bin/pip install -q uv rust-just && .venv/bin/just {recipe}"
        for recipe in ("serve", "test")
    ]
