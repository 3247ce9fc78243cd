"""What a server does not import, whatever is installed: each costs every process memory, and time at its start."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from llm_gateway import Settings

VENDORS = Path(__file__).parents[3] / "benchmarks" / "vendors.py"
MODEL = "whole-1"
KEY = "sk-import-0123456789"
SERVE = """
import atexit, sys
atexit.register(lambda: open("modules", "w").write("\\n".join(name for name, module in sys.modules.items() if module)))
from llm_gateway.bootstrap.main import main
sys.argv = ["llm-gateway", "serve"]
main()
"""
UNUSED = (
    "dotenv",  # there is no `.env`
    "fast_depends",
    "fastapi",
    "hiredis",
    "llm_gateway.adapters.inbound.cli.remote",
    "llm_gateway.adapters.outbound.embedded",
    "llm_gateway.adapters.outbound.redis.client.store",
    "opentelemetry.sdk.trace",
    "polyfactory",
    "redis",
    "starlette",
    "werkzeug",
    "xllamacpp",
    "zoneinfo",
)
UNUSED_BY_REST = (
    "google.genai",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "httpx_aiohttp",
    "ollama",
    "pydantic",
    "pygments",
    "requests",
    "tenacity",
)


@contextmanager
def running(folder: Path, *command: str, said: str = r"(\d+)\s", **environ: str) -> Iterator[str]:
    """A process, and what it said once it listened; ended by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=folder, env={"PATH": os.environ["PATH"], **environ}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        found = next(filter(None, (re.match(said, line.decode()) for line in process.stdout)), None)
        assert found is not None, f"ended with {process.wait()}"
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def imported_by(folder: Path, environ: Mapping[str, str]) -> set[str]:
    """What is imported by a server that both vendors have answered for, whole and streamed."""
    with running(folder, str(VENDORS)) as port:
        vendor = f"http://127.0.0.1:{port}"
        environ = {
            "API_KEYS": KEY,
            "PORT": "0",
            "GEMINI_API_KEY": "key",
            "GEMINI_BASE_URL": vendor,
            "GEMINI_MODEL": MODEL,
            "OLLAMA_BASE_URL": vendor,
            "OLLAMA_MODEL": MODEL,
            **environ,
        }
        with running(folder, "-c", SERVE, said=r"Listening on (http://\S+)", **environ) as address:
            for provider in ("gemini", "ollama"):
                for stream in (False, True):
                    messages = [{"role": "user", "content": f"{stream}"}]
                    body = {"model": f"{provider}/{MODEL}", "messages": messages, "stream": stream}
                    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
                    request = Request(f"{address}/api/v1/chat", json.dumps(body).encode(), headers)
                    with urlopen(request, timeout=30) as answer:
                        assert b"word" in answer.read()
    return set((folder / "modules").read_text().splitlines())


def test_a_server_imports_nothing_that_it_has_no_use_for(tmp_path: Path) -> None:
    imported = imported_by(tmp_path, {})
    by_rest = all(f"{vendor}_transport" in Settings.__struct_fields__ for vendor in ("gemini", "ollama"))
    assert sorted(imported & {*UNUSED, *(UNUSED_BY_REST if by_rest else ())}) == []
