"""ops/systemd: the unit is without fault, asks for little, and leaves the gateway enough to answer."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from msgspec.structs import fields

from llm_gateway import Settings

from ..lacking import lacking
from ..ollama.server import end, ollama_server
from ..ports import free_port
from ..scripted_vendor import whole
from ..waiting import HANG_SECONDS
from . import sandbox
from .files import OPS, ROOT
from .processes import running

UNIT = OPS / "systemd" / "llm-gateway.service"
STATED = sandbox.options(UNIT)
OWN = Path(sys.executable).with_name("llm-gateway")
PROC = f"subset={STATED['ProcSubset'][0]},hidepid={STATED['ProtectProc'][0]}"
KEY = "a-key-of-the-unit"
ANALYZED = pytest.mark.external("systemd-analyze")


def analyze(verb: str, *arguments: str, unit: Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", verb, *arguments, str(unit)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def may_confine() -> bool:
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    tried = ["unshare", "--mount", "sh", "-c", sandbox.SEALED, "sealed", PROC, "true"]
    return subprocess.run(tried, capture_output=True, timeout=10, check=False).returncode == 0


def status_of(process: int) -> dict[str, str]:
    """What the system says of it."""
    return dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())


@ANALYZED
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    (program, *_), text = STATED["ExecStart"][0].split(), UNIT.read_text()
    here = tmp_path / UNIT.name
    here.write_text(text.replace(program, str(OWN)))
    done = analyze("verify", unit=here)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    here.write_text(text.replace(program, str(OWN)).replace("KillMode=mixed", "KillMode=mixd"))
    assert "mixd" in analyze("verify", unit=here).stderr


@ANALYZED
def test_the_unit_exposes_little() -> None:
    """What is left is the network, and a root that it only reads."""
    done = analyze("security", "--offline=true", "--no-pager", unit=UNIT)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= 1.2, done.stdout


def test_the_gateway_may_drain_before_it_is_killed_and_is_told_once() -> None:
    (drain,) = (field.default for field in fields(Settings) if field.name == "drain_seconds")
    assert STATED["TimeoutStopSec"] == [str(drain + 15)]
    assert STATED["KillMode"] == ["mixed"]


def test_what_it_is_started_with_is_the_gateways_own() -> None:
    name, source = STATED["LoadCredential"][0].split(":")
    assert STATED["ExecStart"] == [f"/opt/llm-gateway/bin/llm-gateway serve --config %d/{name}"]
    assert f"`{source}`" in (ROOT / "docs" / "operations.md").read_text()
    variables = {word.split("=")[0] for word in STATED["Environment"][0].split()} - {"PYTHONDONTWRITEBYTECODE"}
    assert variables <= {field.name.upper() for field in fields(Settings)}


@ANALYZED
async def test_the_gateway_answers_under_what_the_unit_leaves_it(tmp_path: Path) -> None:
    if not may_confine():
        lacking("this user may not confine a process")
    port = free_port()
    arguments = STATED["ExecStart"][0].replace("%d", str(tmp_path)).split()[1:]
    confined = [sys.executable, sandbox.__file__, str(UNIT), str(OWN), *arguments]
    command = ["unshare", "--mount", "sh", "-c", sandbox.SEALED, "sealed", PROC, *confined]
    unmeasured = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}  # it could not write what it measured
    environ = dict(word.split("=") for word in STATED["Environment"][0].split()) | unmeasured
    async with ollama_server() as ollama:
        ollama.scripts = [whole(end(content="Hello"))]
        stated = f'api_keys = ["{KEY}"]\nport = {port}\nollama_base_url = "{ollama.url}"\n'
        (tmp_path / "llm-gateway.toml").write_text(stated)
        with ExitStack() as stack:
            gateway = running(command, port, tmp_path / "log", environ=environ, cwd=tmp_path)
            process = await asyncio.to_thread(stack.enter_context, gateway)
            status = status_of(process.pid)
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, headers={"x-api-key": KEY}, timeout=HANG_SECONDS) as client:
                body = {"model_hint": "secure", "messages": [{"role": "user", "content": "Hello"}]}
                answer = await client.post("/api/v1/chat", json=body)
                metrics = await client.get("/metrics")
            await asyncio.to_thread(stack.close)
    assert (answer.status_code, metrics.status_code) == (200, 200), answer.text
    assert {status[name].strip() for name in ("CapEff", "CapBnd")} == {"0" * 16}
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
