"""Writes lines from a thread of its own: logging never waits for the reader of the log."""

import threading
from collections import deque
from collections.abc import Callable

MAX_PENDING = 10_000
GATHER_SECONDS = 0.05
"""How long the thread gathers lines, so that many are one write and one change of threads."""
WRITE_BYTES = 4096
"""What a pipe takes whole: the lines of several processes stay lines."""
CLOSE_SECONDS = 2.0


class LineWriter:
    """`write` may block, and raise `OSError`. Where it is too slow, the newest lines are dropped and counted."""

    def __init__(self, write: Callable[[bytes], object], *, max_pending: int = MAX_PENDING) -> None:
        self._write = write
        self._max_pending = max_pending
        self._lines: deque[bytes] = deque()
        self.dropped = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        # A daemon: where the log's reader has stopped reading, the process must be able to end all the same.
        self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Write a line soon; it has no end of line of its own. From any thread."""
        if len(self._lines) >= self._max_pending:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what is left, for `CLOSE_SECONDS` at most."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._closing.wait(GATHER_SECONDS)
            self._wake.clear()
            last = self._closing.is_set()
            self._flush()
            if last:
                return

    def _flush(self) -> None:
        batch: list[bytes] = []
        size = 0
        for _ in range(len(self._lines)):
            line = self._lines.popleft() + b"\n"
            if batch and size + len(line) > WRITE_BYTES:
                self._write_batch(batch)
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            self._write_batch(batch)

    def _write_batch(self, batch: list[bytes]) -> None:
        try:
            self._write(b"".join(batch))
        except OSError:
            self.dropped += len(batch)
