"""The server's log: every line to standard error, as JSON or for people, without making anyone wait."""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from msgspec import Struct, json
from typing_extensions import override

from llm_gateway.adapters.outbound.logs.access_log import LineAccessLog
from llm_gateway.adapters.outbound.logs.line_writer import LineWriter
from llm_gateway.application.ports.observation import AccessLog

from .settings import Settings


class Logs(Struct, frozen=True, kw_only=True):
    """`dropped` is how many lines could not be written."""

    access: AccessLog
    dropped: Callable[[], int]


@contextmanager
def open_logs(settings: Settings) -> Generator[Logs, None, None]:
    """As JSON where it is asked for, or where no terminal shows it. What Python's own logging says goes there too."""
    pretty = sys.stderr.isatty() if settings.log_format is None else settings.log_format == "pretty"
    writer = LineWriter(_write_all)
    handler = _Lines(writer)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s") if pretty else _JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for library in ("httpx", "httpx2"):  # a line for each call to a provider, with its address
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        yield Logs(access=LineAccessLog(writer, pretty=pretty), dropped=lambda: writer.dropped)
    finally:
        logging.getLogger().removeHandler(handler)
        writer.close()


class _Lines(logging.Handler):
    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._writer.put(self.format(record).encode(errors="backslashreplace"))


class _JsonLines(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            # an exception's text may hold half a character, and logging must never fail for it
            "message": super().format(record).encode(errors="backslashreplace").decode(),
        }
        return json.encode(line).decode()


def _write_all(data: bytes) -> None:
    """Past Python's own buffer, whose lock a thread that never comes back would hold at the end."""
    left = memoryview(data)
    while left:
        left = left[os.write(sys.stderr.fileno(), left) :]
