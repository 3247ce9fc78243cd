"""A master with a replica, and the Sentinels that watch over them: real ones, of Valkey, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from typing_extensions import override

from ..waiting import wait_until
from .valkey import Valkey

SERVICE = "main"
WATCHERS = 3


class Watcher(Valkey):
    """A Sentinel of `master`, which needs a file that it may write to. `lines` are added to it."""

    def __init__(
        self, folder: Path, master: Valkey, quorum: int, *lines: str, program: str | None = None, port: bool = True
    ) -> None:
        """Without `port` the lines say which one it listens on."""
        super().__init__(folder, program=program)
        self._lines = (
            "bind 127.0.0.1",
            f"port {self.port if port else 0}",
            f"dir {folder}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} {quorum}",
            f"sentinel down-after-milliseconds {SERVICE} 1000",
            f"sentinel failover-timeout {SERVICE} 5000",
            *lines,
        )

    @override
    def arguments(self) -> list[str]:
        file = self.folder / "sentinel.conf"
        if not file.exists():  # else it knows more by now
            file.write_text("\n".join(self._lines) + "\n")
        return [str(file), "--sentinel"]


class Watched(Struct, frozen=True):
    """`servers` are the master, at first, and its replica."""

    servers: list[Valkey]
    watchers: list[Watcher]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in self.watchers)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    def master(self) -> Valkey:
        """As the first of the Sentinels says."""
        _, port = self.watchers[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))


@contextmanager
def watched() -> Iterator[Watched]:
    """Once everybody knows everybody."""
    with TemporaryDirectory(prefix="sentinel-") as folder:
        started: list[Valkey] = []

        def home() -> Path:
            (own := Path(folder) / str(len(started))).mkdir()
            return own

        def begun(server: Valkey) -> Valkey:
            server.start()
            started.append(server)
            return server

        try:
            master = begun(Valkey(home()))
            replica = begun(Valkey(home(), replicaof=f"127.0.0.1 {master.port}"))
            watchers = [Watcher(home(), master, WATCHERS // 2 + 1)]
            begun(watchers[0])
            for _ in range(WATCHERS - 1):
                watchers.append(Watcher(home(), master, WATCHERS // 2 + 1))
                begun(watchers[-1])
            wait_until(lambda: all(map(_knows_all, watchers)))
            yield Watched([master, replica], watchers)
        finally:
            for server in started:
                server.kill()


def _knows_all(watcher: Watcher) -> bool:
    row = watcher.ask("SENTINEL", "MASTER", SERVICE)
    state = dict(zip(row[::2], row[1::2], strict=True))
    return (state[b"num-slaves"], state[b"num-other-sentinels"]) == (b"1", b"%d" % (WATCHERS - 1))
