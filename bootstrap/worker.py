"""One worker process: configured by its parent over standard input, it serves on the parent's listeners."""

import asyncio
import gc
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from msgspec import json

from llm_gateway.adapters.inbound.http.server.server import GatewayServer
from llm_gateway.application.ports.models import EndpointDirectory

from .assignment import Assignment, decode_assignment
from .heartbeat import beat
from .serving import serve_in_slot


def main() -> None:
    gc.disable()  # until `keep_for_good`
    # Standard output is the parent's. What anything else in this process prints goes where the log goes.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as parent:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        line = sys.stdin.buffer.readline()
        if not line:
            return  # the parent is gone already
        assignment = decode_assignment(line)
        try:
            listening = partial(_say_listening, parent, assignment.settings.hung_worker_seconds)
            serve_in_slot(assignment, _end_with_parent, listening)
        finally:
            if os.getppid() != assignment.parent:
                _tidy(assignment)


def _say_listening(parent: IO[bytes], hung_seconds: float, endpoints: EndpointDirectory, _: str) -> None:
    """The parent's sign that this worker listens, with what its table shows, and from then on that its loop turns."""
    with suppress(BrokenPipeError):  # the parent is gone: `_end_with_parent` will see it too
        parent.write(json.encode(list(endpoints.snapshot())) + b"\n")
        beat(parent.fileno(), hung_seconds)


def _end_with_parent(server: GatewayServer) -> None:
    """Drain once the parent is gone, whose end closes the pipe: nothing else would restart or end this process.

    A new parent can have the address at once.
    """
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def gone() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            server.drain_elsewhere()

    loop.add_reader(descriptor, gone)


def _tidy(slot: Assignment) -> None:
    """What the parent would have done; the last one removes the folder."""
    with suppress(OSError):
        folder = Path(slot.folder)
        for path in folder.glob(f"{slot.slot}.*"):
            path.unlink()
        folder.rmdir()


if __name__ == "__main__":
    main()
