"""The command as a user runs it: in a process of its own, in an empty folder, with a bare environment."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.request import urlopen

import pytest

from llm_gateway.domain.clients import digest_of

COMMAND = Path(sys.executable).with_name("llm-gateway")


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONWARNINGS": "error", **variables}


def command(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], cwd=folder, env=environment(**variables), capture_output=True, text=True, timeout=40
    )


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demonstration server and its address, ended by SIGTERM."""
    process = subprocess.Popen(
        [COMMAND, "serve", "--demo"],
        cwd=folder,
        env=environment(PORT="0", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.match(r"Listening on (http://\S+)", line)
            if found:
                yield process, found[1]
                break
        else:
            pytest.fail(f"it did not start: {process.stderr.read() if process.stderr else ''}")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_flags_win_over_variables_and_the_toml_and_check_shows_them(tmp_path: Path) -> None:
    (tmp_path / "llm-gateway.toml").write_text('port = 1\nhost = "127.0.0.2"')
    arguments = ("--port", "2", "--host", "127.0.0.3", "--workers", "1")
    done = command(tmp_path, "check", *arguments, API_KEYS="key-number-1", PORT="3", RATE_LIMITER_CAPCITY="9")

    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert {"PORT = 2 (--port)", "HOST = 127.0.0.3 (--host)", "WORKERS = 1 (--workers)"} <= {*shown}
    assert "Warning: RATE_LIMITER_CAPCITY: is no setting; did you mean RATE_LIMITER_CAPACITY?" in shown
    assert done.returncode == 0


@pytest.mark.parametrize("arguments", [("check",), ("serve",)])
def test_a_misspelt_variable_is_told_beside_the_fault_that_it_causes(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = command(tmp_path, *arguments, API_KEY="key-number-1")

    assert done.returncode == 1
    assert done.stderr.startswith("API_KEYS: no client could ask.")
    assert "API_KEY: is no setting; did you mean API_KEYS?" in done.stderr.splitlines()


def test_a_demonstration_s_own_quota_hides_no_misspelt_one(tmp_path: Path) -> None:
    done = command(tmp_path, "check", "--demo", RATE_LIMITER_CAPCITY="9")

    assert "Warning: RATE_LIMITER_CAPCITY: is no setting; did you mean RATE_LIMITER_CAPACITY?" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "http"), "--port: must be a whole number from 0 to 65535"),
        (("--port", "70000"), "--port: must be a whole number from 0 to 65535"),
        (("--workers", "0"), "--workers: must be a whole number from 1 to 256"),
        (("--workers", "2"), "WORKERS: more than one needs REDIS_URL, or each would count limits for itself"),
        (("--demo", "--host", "0.0.0.0"), "HOST: 0.0.0.0 is not a loopback address"),
    ],
)
@pytest.mark.parametrize("name", ["serve", "check"])
def test_a_flag_is_held_to_its_setting_s_range(
    tmp_path: Path, name: str, arguments: tuple[str, ...], told: str
) -> None:
    done = command(tmp_path, name, *arguments, API_KEYS="key-number-1", PORT="3")

    assert done.returncode == 1
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_the_package_is_the_command(tmp_path: Path) -> None:
    for arguments in (["--version"], ["--help"], ["keys"]):
        one = command(tmp_path, *arguments)
        other = subprocess.run(
            [sys.executable, "-m", "llm_gateway", *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert (other.returncode, other.stdout, other.stderr) == (one.returncode, one.stdout, one.stderr)
        assert one.stdout or one.stderr


def test_the_version_is_the_package_s(tmp_path: Path) -> None:
    done = command(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"llm-gateway {version('llm-gateway-core')}\n")


def test_serve_without_keys_says_what_to_do(tmp_path: Path) -> None:
    done = command(tmp_path, "serve")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("API_KEYS: ")
    assert "llm-gateway keys new" in line
    assert "llm-gateway serve --demo" in line


def test_the_demonstration_refuses_an_address_that_others_reach(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--demo", HOST="0.0.0.0")
    assert done.returncode == 1
    assert done.stderr.startswith("HOST: 0.0.0.0 is not a loopback address")


@pytest.mark.parametrize("verb", ["serve", "check"])
def test_a_demonstration_that_could_not_answer_is_not_begun(tmp_path: Path, verb: str) -> None:
    done = command(tmp_path, verb, "--demo", PORT="0", EMBEDDED_MODEL_PATH="absent.gguf")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "EMBEDDED_MODEL_PATH: can't be read: No such file or directory\n"


def test_check_names_every_fault_in_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "llm-gateway.toml").write_text("colour = 1\n")
    (tmp_path / ".env").write_text("PROVIDER_MAX_RETRIES=99\n")
    done = command(tmp_path, "check", CACHE_TTL_SECONDS="-1", PORT="zero")
    assert done.returncode == 1
    names = {line.partition(":")[0] for line in done.stderr.splitlines()}
    assert names == {"colour", "PROVIDER_MAX_RETRIES", "CACHE_TTL_SECONDS", "PORT"}


def test_check_shows_the_settings_and_no_secret(tmp_path: Path) -> None:
    done = command(tmp_path, "check", API_KEYS="sk-canary-0123", GEMINI_API_KEY="AI-canary")
    assert done.returncode == 0, done.stderr
    assert "PORT = 8000" in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_check_warns_of_a_model_that_ends_and_passes(tmp_path: Path) -> None:
    variables = {"API_KEYS": "sk-canary-0123", "GEMINI_API_KEY": "AI-canary", "GEMINI_MODEL": "gemini-3.1-flash-lite"}
    done = command(tmp_path, "check", **variables)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if line.startswith("Warning: gemini: ")]
    assert [line for line in warnings if "gemini-3.5-flash-lite" in line and "2027-05-07" in line] == warnings
    assert warnings


def test_check_finds_a_base_url_that_cannot_work(tmp_path: Path) -> None:
    done = command(tmp_path, "check", API_KEYS="sk-canary-0123", OLLAMA_BASE_URL="http://127.0.0.1:9/api/chat")
    assert done.returncode == 1
    assert done.stderr.startswith("OLLAMA_BASE_URL: must be the address of the server, and not of one of its calls")


def test_a_probe_fails_where_a_configured_server_does_not_answer(tmp_path: Path) -> None:
    variables = {"API_KEYS": "sk-canary-0123", "OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    assert command(tmp_path, "check", **variables).returncode == 0
    done = command(tmp_path, "check", "--probe", **variables)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Probe: ollama/llama3.1  fails  not reachable at its address"
    assert done.stderr == "A configured provider can't answer, or a store can't be used.\n"


def test_keys_new_makes_a_key_and_the_digest_that_stands_for_it(tmp_path: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in command(tmp_path, "keys", "new").stdout.splitlines()[:2])
    assert lines["digest"] == f"sha256:{digest_of(lines['key']).hex()}"
    assert lines != dict(line.split(maxsplit=1) for line in command(tmp_path, "keys", "new").stdout.splitlines()[:2])


def test_explain_shows_the_plan_and_why_not_elsewhere(tmp_path: Path) -> None:
    done = command(tmp_path, "explain", "hello", "--demo", "--hint", "fast")
    assert done.returncode == 0, done.stderr
    assert "embedded/" in done.stdout
    assert "left out: gemini" in done.stdout


def test_an_unknown_model_is_told_in_a_line(tmp_path: Path) -> None:
    done = command(tmp_path, "explain", "hello", "--demo", "--model", "nobody")
    assert done.returncode == 1
    assert "No hint, provider or model has this name here" in done.stderr


def test_chat_in_the_process_streams_to_the_terminal(tmp_path: Path) -> None:
    done = command(tmp_path, "chat", "Say hello", "--demo", "--hint", "local")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "tokens" in done.stderr


def test_chat_with_a_server_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = command(tmp_path, "chat", "Say hello", "--server", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("http://127.0.0.1:9: ")


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:8000", "ftp://127.0.0.1"])
def test_an_address_of_a_server_that_is_none_is_told_in_a_line(tmp_path: Path, address: str) -> None:
    done = command(tmp_path, "chat", "Say hello", "--server", address)
    assert done.returncode == 1
    assert done.stderr == f"--server: must be an address such as http://127.0.0.1:8000, not {address}\n"


def test_serve_shows_a_line_that_a_shell_puts_the_key_into(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "serve"],
        cwd=tmp_path,
        env=environment(PORT="0", API_KEYS="key-number-1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = next(line for line in process.stdout if line.startswith("curl"))
    finally:
        process.terminate()
        process.communicate(timeout=20)
    said = subprocess.run(
        ["sh", "-c", f"printf '%s\n' {line}"],
        env={"LLM_GATEWAY_API_KEY": "key-number-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "X-API-Key: key-number-1" in said.stdout.splitlines()


def test_a_newcomer_serves_asks_and_stops(tmp_path: Path) -> None:
    began = time.monotonic()
    with served(tmp_path) as (process, address):
        with urlopen(f"{address}/health", timeout=5) as response:
            assert json.load(response) == {"status": "ok"}
        assert time.monotonic() - began < 10
        done = command(tmp_path, "chat", "What is the capital of France?", "--server", address)
        assert done.returncode == 0, done.stderr
        assert "Paris" in done.stdout
        for base in ("/", "/v1", "/v1/", "/api/v1"):
            assert command(tmp_path, "chat", "Say hello", "--server", address + base).returncode == 0, base
        refused = command(tmp_path, "chat", "Say hello", "--server", address, "--key", "sk-of-nobody")
        assert refused.returncode == 1
        assert refused.stderr == "401: Invalid or missing API Key\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_port_that_is_taken_is_told_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command(tmp_path, "serve", "--demo", PORT=str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    told = [line for line in done.stderr.splitlines() if "is loaded" not in line]
    assert told == [f"HOST, PORT: can't listen on 127.0.0.1, port {port}: Address already in use"]


def test_a_host_that_is_not_this_machine_s_is_told_in_a_line(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", API_KEYS="key-number-1", HOST="999.1.1.1", PORT="0")
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.startswith("HOST, PORT: can't listen on 999.1.1.1, port 0: ")


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_logs_are_lines_of_the_style_that_was_asked_for(tmp_path: Path, style: str) -> None:
    with served(tmp_path, LOG_FORMAT=style) as (process, address):
        with urlopen(f"{address}/health", timeout=5):
            pass
        assert process.stderr is not None
        told = next(line for line in process.stderr if "/health" in line)
    if style == "json":
        assert json.loads(told)["level"] == "INFO"
    else:
        assert " 200 GET /health " in told


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
def test_what_can_t_be_printed_is_told_and_the_gateway_serves(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [COMMAND, "serve", "--demo"],
            cwd=tmp_path,
            env=environment(PORT="0"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert process.stderr is not None
    told = next(line for line in process.stderr if "Standard output" in line)
    address = told.rpartition(" ")[2].strip()
    try:
        with urlopen(f"{address}/health", timeout=20) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        rest = process.communicate(timeout=20)[1]
    assert process.returncode == 0
    assert "Traceback" not in told + rest
