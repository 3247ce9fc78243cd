"""`llm-gateway chat` as it is asked: through pipes, with a key from the environment, and as a conversation."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

COMMAND = Path(sys.executable).with_name("llm-gateway")
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONWARNINGS": "error"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


class Server(ThreadingHTTPServer):
    """A gateway's streaming API, which answers with the number of the request; a question that asks to fail fails."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, str]]] = []
        self.keys: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append([(message["role"], message["content"]) for message in body["messages"]])
        self.server.keys.append(self.headers["x-api-key"])
        failing = "fail" in body["messages"][-1]["content"]
        self.send_response(503 if failing else 200)
        self.end_headers()
        if failing:
            self.wfile.write(b'{"detail": "Nothing can answer."}')
            return
        self._event("delta", {"content": f"Answer {len(self.server.asked)}"})
        self._event("done", {"provider": "one", "model": "model-1", "usage": USAGE})

    def do_GET(self) -> None:
        self.send_error(404)

    def _event(self, name: str, data: object) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def piped(folder: Path, stdin: bytes, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "chat", *arguments],
        cwd=folder,
        env=ENVIRONMENT | variables,
        input=stdin,
        capture_output=True,
        timeout=40,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "prompt"),
    [
        ((), "Grüße\n".encode(), "Grüße"),
        ((), b"\xef\xbb\xbfa\nb\n", "a\nb"),
        (("Sum it up",), b"a\nb\n", "Sum it up\n\na\nb"),
        (("Say hello",), b"", "Say hello"),
    ],
)
def test_what_comes_through_a_pipe_is_the_prompt_or_added_to_it(
    tmp_path: Path, server: Server, arguments: tuple[str, ...], stdin: bytes, prompt: str
) -> None:
    done = piped(tmp_path, stdin, *arguments, "--server", server.address)

    assert (done.returncode, done.stdout) == (0, b"Answer 1\n")
    assert server.asked == [[("user", prompt)]]


@pytest.mark.parametrize(
    ("stdin", "told"), [(b"", "There is no prompt"), (b" \n", "There is no prompt"), (b"\xff", "is not UTF-8")]
)
@pytest.mark.parametrize("command", ["chat", "explain"])
def test_a_pipe_without_a_text_is_told_in_a_line(tmp_path: Path, command: str, stdin: bytes, told: str) -> None:
    done = subprocess.run(
        [COMMAND, command, "--demo"], cwd=tmp_path, env=ENVIRONMENT, input=stdin, capture_output=True, timeout=40
    )

    assert (done.returncode, done.stdout) == (1, b"")
    assert told in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "variables", "key"),
    [
        ((), {"LLM_GATEWAY_API_KEY": "key-of-mine"}, "key-of-mine"),
        (("--key", "key-of-now"), {"LLM_GATEWAY_API_KEY": "key-of-mine"}, "key-of-now"),
        ((), {"LLM_GATEWAY_API_KEY": ""}, "sk-gateway-123"),
        ((), {}, "sk-gateway-123"),
    ],
)
def test_the_key_may_stand_in_a_variable(
    tmp_path: Path, server: Server, arguments: tuple[str, ...], variables: dict[str, str], key: str
) -> None:
    done = piped(tmp_path, b"", "Hello", "--server", server.address, *arguments, **variables)

    assert (done.returncode, server.keys) == (0, [key])


class Typist:
    """A terminal in which the command runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process = process
        self._terminal = terminal

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def interrupt(self) -> None:
        """Until it ends: Python loses an interrupt that comes between the prompt and the read of what is typed."""
        for _ in range(5):
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
                return

    def read(self, until: str) -> str:
        """What is shown up to this; what comes at the end of the command is shown too."""
        shown = b""
        while until.encode() not in shown:
            try:
                shown += os.read(self._terminal, 4096)
            except OSError:  # so a terminal ends
                break
        return shown.decode()


@contextmanager
def typing(folder: Path, *arguments: str, **variables: str) -> Iterator[Typist]:
    terminal, inside = pty.openpty()
    streams: dict[str, Any] = {"stdin": inside, "stdout": inside, "stderr": inside}
    process = subprocess.Popen(
        [COMMAND, "chat", *arguments],
        cwd=folder,
        env=ENVIRONMENT | variables,
        start_new_session=True,
        **streams,
    )
    os.close(inside)
    try:
        yield Typist(process, terminal)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(terminal)


def test_a_conversation_keeps_what_was_said_until_it_is_reset(tmp_path: Path, server: Server) -> None:
    with typing(tmp_path, "--server", server.address) as typist:
        assert "Ctrl-D ends" in typist.read("> ")
        for text, shown in (
            ("One", "Answer 1"),
            ("fail", "503: Nothing can answer."),
            ("", ""),
            ("Two", "Answer 3"),
            ("/reset", ""),
            ("Three", "Answer 4"),
        ):
            typist.type(f"{text}\n")
            assert shown in typist.read("\n> ")
        typist.type("\x04")
        typist.read("never")
        assert typist.process.wait(10) == 0

    first = [("user", "One"), ("assistant", "Answer 1")]
    assert server.asked == [
        first[:1],
        [*first, ("user", "fail")],
        [*first, ("user", "Two")],
        [("user", "Three")],
    ]


def test_a_prompt_at_a_terminal_is_one_question(tmp_path: Path, server: Server) -> None:
    with typing(tmp_path, "Hello", "--server", server.address) as typist:
        assert "Answer 1" in typist.read("never")
        assert typist.process.wait(10) == 0
    assert server.asked == [[("user", "Hello")]]


def test_an_interrupt_at_the_prompt_ends_the_conversation(tmp_path: Path, server: Server) -> None:
    with typing(tmp_path, "--server", server.address) as typist:
        typist.read("> ")
        typist.interrupt()
        assert "Traceback" not in typist.read("never")
        assert typist.process.wait(10) == 130


def test_a_conversation_here_keeps_one_gateway_open(tmp_path: Path) -> None:
    with typing(tmp_path, "--demo", "--model", "embedded") as typist:
        typist.read("> ")
        for text in ("Say hello", "And goodbye"):
            typist.type(f"{text}\n")
            assert "tokens" in typist.read("\n> ")
        typist.type("\x04")
        assert "Traceback" not in typist.read("never")
        assert typist.process.wait(10) == 0
