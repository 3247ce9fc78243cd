"""`llm-gateway chat` where a terminal shows it, and where none does; interrupted, and cut off."""

import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from typing_extensions import override

COMMAND = Path(sys.executable).with_name("llm-gateway")
DONE = {
    "provider": "embedded",
    "model": "small-1",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
USAGE = r"embedded, small-1, 3 \+ 2 tokens, \d+\.\d s \(demonstration\)"
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONWARNINGS": "error"}


class Server(ThreadingHTTPServer):
    """A gateway's streaming API, a text when the test says so. `left` once the client has gone away."""

    daemon_threads = True

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked, self.may_answer, self.may_end, self.left = Event(), Event(), Event(), Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.server.asked.set()
        try:
            self._wait(self.server.may_answer)
            for text in self.server.texts:
                self._event("delta", {"content": text})
            self._wait(self.server.may_end)
            self._event("done", DONE)
        except OSError:
            self.server.left.set()

    def do_GET(self) -> None:
        self.send_response(503)  # as of a gateway that is draining: what it says of its endpoints still counts
        self.end_headers()
        self.wfile.write(json.dumps({"endpoints": [{"name": "embedded/small-1", "demonstration": True}]}).encode())

    def _wait(self, event: Event) -> None:
        while not event.wait(0.02):
            self.wfile.write(b": keep-alive\n\n")

    def _event(self, name: str, data: object) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def serving(*texts: str) -> Iterator[Server]:
    server = Server(*texts)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.may_end.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chatting(
    folder: Path, *arguments: str, terminals: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, int]]]:
    """The command, with a terminal for each of `terminals`; the descriptors to read its output from, by name."""
    readers: dict[str, int] = {}
    writers = {}
    for name in ("stdout", "stderr"):
        readers[name], writers[name] = pty.openpty() if name in terminals else os.pipe()
    process = subprocess.Popen(
        [COMMAND, "chat", "Hello", *arguments],
        cwd=folder,
        env=ENVIRONMENT | variables,
        stdin=subprocess.DEVNULL,
        stdout=writers["stdout"],
        stderr=writers["stderr"],
    )
    for descriptor in writers.values():
        os.close(descriptor)
    try:
        yield process, readers
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for descriptor in readers.values():
            with suppress(OSError):
                os.close(descriptor)


def rest(descriptor: int, until: str = "") -> str:
    """What is written until the end, or until something stands there."""
    data = b""
    while not until or until not in data.decode(errors="ignore"):
        try:
            part = os.read(descriptor, 4096)
        except OSError as error:
            if error.errno != errno.EIO:  # so a terminal ends
                raise
            break
        if not part:
            break
        data += part
    return data.decode()


def test_a_terminal_sees_a_spinner_until_the_first_word_and_the_answer_goes_where_it_is_sent(tmp_path: Path) -> None:
    with (
        serving("One", " two") as server,
        chatting(tmp_path, "--server", server.address, terminals="stderr") as (process, read),
    ):
        seen = rest(read["stderr"], until="Waiting for the first word")
        server.may_answer.set()
        server.may_end.set()
        answer = rest(read["stdout"])
        seen += rest(read["stderr"])

        assert process.wait(10) == 0
    assert answer == "One two\n"
    assert re.search(r"Waiting for the first word \d\.\d s", seen)
    assert re.fullmatch(USAGE, seen.strip().rpartition("\r")[2])


def test_without_a_terminal_nothing_turns(tmp_path: Path) -> None:
    with (
        serving("One", "\x1b[31m two") as server,
        chatting(tmp_path, "--server", server.address, terminals="") as (
            process,
            read,
        ),
    ):
        server.asked.wait(10)
        server.may_answer.set()
        server.may_end.set()

        assert rest(read["stdout"]) == "One\x1b[31m two\n"
        assert re.fullmatch(rf"{USAGE}\n", rest(read["stderr"]))
        assert process.wait(10) == 0


def test_an_answer_can_t_steer_the_terminal(tmp_path: Path) -> None:
    with serving("One\x1b]0;title\x07\x1b[2J\r", "\x9b31m\ttwo\n") as server:
        server.may_answer.set()
        server.may_end.set()
        with chatting(tmp_path, "--server", server.address, terminals="stdout") as (process, read):
            assert rest(read["stdout"]).replace("\r\n", "\n") == "One]0;title[2J31m\ttwo\n\n"
            assert process.wait(10) == 0


@pytest.mark.parametrize("begun", [False, True])
def test_an_interrupt_ends_it_cleanly_and_closes_the_call(tmp_path: Path, begun: bool) -> None:
    with (
        serving("One") as server,
        chatting(tmp_path, "--server", server.address, terminals="stdout stderr") as (process, read),
    ):
        rest(read["stderr"], until="Waiting")
        assert server.asked.wait(10)  # Python may lose an interrupt that comes while it still imports
        if begun:
            server.may_answer.set()
            assert rest(read["stdout"], until="One") == "One"

        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 130
        assert server.left.wait(10)
        assert "Traceback" not in rest(read["stderr"])
        assert rest(read["stdout"]) == ("\r\n" if begun else "")


def test_a_reader_that_has_enough_ends_it_without_a_word(tmp_path: Path) -> None:
    with (
        serving(*["word "] * 1000) as server,
        chatting(tmp_path, "--server", server.address, terminals="") as (
            process,
            read,
        ),
    ):
        os.close(read["stdout"])
        server.may_answer.set()

        assert process.wait(10) == 1
        assert rest(read["stderr"]) == ""
        assert server.left.wait(10)


def test_the_embedded_model_s_load_is_seen_and_an_interrupt_ends_it_too(tmp_path: Path) -> None:
    file = tmp_path / "small-1.gguf"
    os.mkfifo(file)  # loads for as long as nobody writes
    arguments = ("--demo", "--model", "embedded")
    with chatting(tmp_path, *arguments, terminals="stderr", EMBEDDED_MODEL_PATH=str(file)) as (process, read):
        rest(read["stderr"], until="Loading small-1")

        process.send_signal(signal.SIGINT)
        with file.open("wb"):
            file.unlink()  # or the engine would wait for it too

        assert process.wait(30) == 130
        assert "Traceback" not in rest(read["stderr"])
        assert rest(read["stdout"]) == ""


def test_an_answer_of_the_embedded_model_is_labelled(tmp_path: Path) -> None:
    with chatting(tmp_path, "--demo", terminals="") as (process, read):
        assert rest(read["stdout"]).strip()
        told = rest(read["stderr"])
        assert process.wait(30) == 0
    assert re.fullmatch(r"embedded, smollm2\S*, \d+ \+ \d+ tokens, \d+\.\d s \(demonstration\)\n", told)
