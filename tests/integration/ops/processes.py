"""Programs that a test starts, waits for and ends."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 30
_KEPT = ("PATH", "HOME", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@contextmanager
def running(
    command: Sequence[str | Path], port: int, log: Path, *, environ: Mapping[str, str] | None = None, cwd: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that listens on a port, and ends well when it is told to by SIGTERM."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env=kept | dict(environ or {}), stdout=out, stderr=out)
    try:
        _wait_for(process, port, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, log.read_text()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
