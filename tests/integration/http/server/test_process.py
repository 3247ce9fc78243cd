"""The command itself, as a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from ...ports import free_port
from ...waiting import HANG_SECONDS

COMMAND = Path(sys.executable).with_name("llm-gateway")


def environment(**variables: str) -> dict[str, str]:
    kept = ("PATH", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | variables


def run(folder: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *args],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_serve_without_keys_refuses_and_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "serve")

    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert "API_KEYS" in line
    assert "--demo" in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_a_demonstration_is_for_this_machine_only(tmp_path: Path, host: str) -> None:
    done = run(tmp_path, "serve", "--demo", HOST=host)

    assert done.returncode == 1
    assert "HOST" in done.stderr
    assert "loopback" in done.stderr


def test_all_faults_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", API_KEYS="a-long-key", PORT="70000", PROVIDER_MAX_RETRIES="-1")

    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "PROVIDER_MAX_RETRIES" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_process_promptly(tmp_path: Path, number: str) -> None:
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, "serve"],
        cwd=tmp_path,
        env=environment(API_KEYS="a-long-key", PORT=str(port), DRAIN_SECONDS="600"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/health"
        until = time.monotonic() + HANG_SECONDS
        while True:
            try:
                assert httpx.get(url, trust_env=False, timeout=HANG_SECONDS).json() == {"status": "ok"}
                break
            except httpx.ConnectError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        process.send_signal(signal.Signals[number])
        _, errors = process.communicate(timeout=HANG_SECONDS)  # long before what a drain may take
        assert process.returncode == 0
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.communicate()
