"""Servers that nobody here wrote, as processes on loopback: started once, and ended for sure."""

import ctypes
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..waiting import HANG_SECONDS

LISTENING: Final = re.compile(r"(?:listening|running) on http://127\.0\.0\.1:(\d+)")


class Foreign:
    """A running server, and its own interface for tests."""

    def __init__(self, port: int) -> None:
        self.port = port

    def tell(self, method: str, path: str, body: object = None) -> Any:
        """Blocks, for milliseconds: `make` of a contract suite is no coroutine."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=HANG_SECONDS) as answer:
            return json.loads(answer.read())


@contextmanager
def started(command: Sequence[str | Path], log: Path) -> Iterator[Foreign]:
    """Asks for any free port, and reads from what the server prints which one it is."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_the_tests if sys.platform == "linux" else None,
        )
    try:
        yield Foreign(_port(process, log))
    finally:
        process.terminate()
        try:
            process.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(HANG_SECONDS)


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + HANG_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := LISTENING.search(log.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(f"{log} of a server that does not listen: {log.read_text(errors='replace')[-2000:]}")


def _die_with_the_tests() -> None:
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
