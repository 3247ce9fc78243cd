"""Several worker processes behind listeners that their parent binds: it starts, restarts and ends them."""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from msgspec import Struct, field, json
from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.server.server import (
    CUT_AFTER_SECONDS,
    bind,
    draining_on_hangup,
)
from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.routing import EndpointState

from .assignment import Assignment, encode_assignment
from .heartbeat import until_silent
from .settings import Settings

log = logging.getLogger("llm_gateway.workers")

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A worker that lived so long is started again as quickly as at first."""
KILL_AFTER_SECONDS = 5.0
"""Beyond all that a worker's own end may take."""

_LINE = 1 << 24

Listening: TypeAlias = Callable[[EndpointDirectory, int], None]
"""Told what the first worker that listens has to answer with, and the port."""


class WorkersFailed(Exception):
    """A worker ended before any had listened: it would end in the same way again. Its own log says why."""


async def serve_workers(settings: Settings, listening: Listening) -> None:
    """Returns once a signal has ended every worker. Raises `CannotListen` or `WorkersFailed`."""
    listeners = bind(settings.host, settings.port)
    try:
        with tempfile.TemporaryDirectory(prefix="llm-gateway-", ignore_cleanup_errors=True) as folder:  # 0700
            await Workers(settings, listeners, folder, listening).run()
    finally:
        for listener in listeners:
            listener.close()


class Workers(Struct):
    """The first signal drains every worker, a second one that is not SIGHUP cuts them."""

    settings: Settings
    listeners: Sequence[socket.socket]
    folder: str
    listening: Listening
    listened: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    processes: dict[int, Process] = field(default_factory=dict)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)

        def hung_up(*_: object) -> None:
            loop.call_soon_threadsafe(self._hung_up)

        try:
            with draining_on_hangup(hung_up):
                await self._fill_all()
        except* WorkersFailed as failed:
            raise failed.exceptions[0] from None
        finally:
            self._signal(signal.SIGKILL)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def _fill_all(self) -> None:
        async with asyncio.TaskGroup() as slots:
            for slot in range(self.settings.workers):
                slots.create_task(self._fill(slot))

    def _hung_up(self) -> None:
        if not self.stopping.is_set():
            self._stop()

    def _stop(self) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
            patience = self.settings.drain_seconds + CUT_AFTER_SECONDS + KILL_AFTER_SECONDS
            asyncio.get_running_loop().call_later(patience, self._signal, signal.SIGKILL)
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes.values():
            with suppress(ProcessLookupError):  # it has just ended
                process.send_signal(number)

    async def _fill(self, slot: int) -> None:
        """Keep a worker in the slot, until all are to end."""
        loop = asyncio.get_running_loop()
        wait, hung = FIRST_WAIT_SECONDS, False
        while not self.stopping.is_set():
            began = loop.time()
            try:
                code, hung = await self._live(slot, after_hang=hung)
                how = f"ended with {code}"
            except OSError as error:  # no memory, process or descriptor to be had: the others go on
                how = f"could not be started: {error.strerror}"
            if self.stopping.is_set():
                return
            if not self.listened:
                raise WorkersFailed(f"a worker {how} before it listened")
            wait = FIRST_WAIT_SECONDS if loop.time() - began > STEADY_SECONDS else wait
            log.error("worker %d %s; another is started in %g s", slot, how, wait)
            try:
                await asyncio.wait_for(self.stopping.wait(), wait)
            except TimeoutError:
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _live(self, slot: int, *, after_hang: bool) -> tuple[int, bool]:
        """A worker's whole life; gives its exit code, and whether it was ended because it hung."""
        descriptors = tuple(listener.fileno() for listener in self.listeners)
        # In a session of its own: a terminal's Ctrl-C reaches the parent alone, and is not a second signal to a worker.
        command = (sys.executable, "-P", "-m", "llm_gateway.bootstrap.worker")
        process = self.processes[slot] = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, limit=_LINE, pass_fds=descriptors, start_new_session=True
        )
        if self.stopping.is_set():
            process.send_signal(signal.SIGTERM)
        assert process.stdin is not None
        assignment = Assignment(
            settings=self.settings,
            parent=os.getpid(),
            listeners=descriptors,
            folder=self.folder,
            slot=slot,
            slots=self.settings.workers,
            after_hang=after_hang,
        )
        process.stdin.write(encode_assignment(assignment))
        await self._hear(process)
        assert process.stdout is not None
        hung = await until_silent(process.stdout, self.settings.hung_worker_seconds)
        if hung:
            seconds = self.settings.hung_worker_seconds
            log.critical("worker %d gave no sign for %g s: it hangs, and is ended with all its answers", slot, seconds)
            with suppress(ProcessLookupError):
                process.kill()
        return await process.wait(), hung

    async def _hear(self, process: Process) -> None:
        """A worker says one line, once it listens, and only beats then."""
        assert process.stdout is not None
        line = await process.stdout.readline()
        if line.endswith(b"\n") and not self.listened:
            self.listened = True
            port = self.listeners[0].getsockname()[1]
            states = json.decode(line, type=list[EndpointState])
            # As it was then: this process would not learn that a model is loaded.
            self.listening(FixedEndpoints(replace(state, loading=False) for state in states), port)
