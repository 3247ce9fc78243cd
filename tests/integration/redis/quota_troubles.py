"""What may befall the Redis that quotas are counted in, as docs/reliability.md says what may be got above them then."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from msgspec import Struct

from ..ports import free_port
from ..waiting import wait_until
from .proxy import Proxy
from .sentinel import watched
from .skewed import Skew, SkewedValkey
from .valkey import Valkey, valkey_cluster

HOUR = 3_600.0


class Ground(Struct, frozen=True):
    """`url` is what the gateways are told. `servers` begin with the one that is broken. `skew` is of the gateways."""

    url: str
    servers: list[Any]
    wire: Proxy | None = None
    skew: Skew | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        return self.skew.environ if self.skew else {}


Act: TypeAlias = Callable[[Ground], object]


class Trouble(Struct, frozen=True, kw_only=True):
    """`end` returns when the server can be used again. `away`: meanwhile it can't be asked. `forgets`: what it counted.

    A clock that is set ahead is as good as forgetting, for each client once.
    """

    name: str
    begin: Act
    end: Act
    open: Callable[[], AbstractAsyncContextManager[Ground]]
    away: bool = False
    forgets: bool = False
    seconds: float = 4.0


@asynccontextmanager
async def one_server(make: Callable[[Path], Valkey] = Valkey) -> AsyncGenerator[Ground, None]:
    """Behind a wire that can be cut."""
    with TemporaryDirectory(prefix="valkey-") as folder:
        server = make(Path(folder))
        server.start()
        try:
            async with Proxy(server.port) as wire:
                yield Ground(wire.url, [server], wire)
        finally:
            server.kill()


@asynccontextmanager
async def skewed() -> AsyncGenerator[Ground, None]:
    async with one_server(SkewedValkey) as ground:
        yield ground


@asynccontextmanager
async def skewed_gateways() -> AsyncGenerator[Ground, None]:
    with TemporaryDirectory(prefix="skew-") as folder:
        async with one_server() as ground:
            yield Ground(ground.url, ground.servers, skew=Skew(Path(folder)))


@asynccontextmanager
async def sentinels() -> AsyncGenerator[Ground, None]:
    with watched() as everybody:
        yield Ground(everybody.url, everybody.servers)


@asynccontextmanager
async def cluster() -> AsyncGenerator[Ground, None]:
    """Three masters, then their replicas."""
    with valkey_cluster(replicas=True, timeout_ms=1_000) as nodes:
        yield Ground(f"redis+cluster://127.0.0.1:{nodes[1].port},127.0.0.1:{nodes[2].port}", [nodes[0], nodes[3]])


def _nothing(ground: Ground) -> None:
    """It ends by itself, or has no end."""


def _asks(*command: str | int) -> Act:
    return lambda ground: ground.servers[0].ask(*command)


def _kill(ground: Ground) -> None:
    ground.servers[0].kill()


def _start(ground: Ground) -> None:
    ground.servers[0].start()


def _restart(ground: Ground) -> None:
    _kill(ground)
    _start(ground)


def _promoted(ground: Ground) -> None:
    """The replica is the master."""
    wait_until(lambda: ground.servers[1].ask("ROLE")[0] == b"master")


def _become_a_replica(ground: Ground) -> None:
    ground.servers[0].ask("REPLICAOF", "127.0.0.1", free_port())


def _fail_over(ground: Ground) -> None:
    ground.servers[1].ask("CLUSTER", "FAILOVER")
    _promoted(ground)


def _set(seconds: float) -> Act:
    return lambda ground: ground.servers[0].set_skew(ground.servers[0].skew + seconds)


def _set_gateways(seconds: float) -> Act:
    def done(ground: Ground) -> None:
        assert ground.skew is not None
        ground.skew.set(seconds)

    return done


def _wire(act: Callable[[Proxy], object]) -> Act:
    def done(ground: Ground) -> None:
        assert ground.wire is not None
        act(ground.wire)

    return done


TROUBLES = (
    Trouble(name="kill", open=one_server, begin=_kill, end=_start, away=True, forgets=True),
    Trouble(name="restart empty", open=one_server, begin=_restart, end=_nothing, away=True, forgets=True),
    Trouble(name="SIGSTOP", open=one_server, away=True,
            begin=lambda ground: ground.servers[0].stop(), end=lambda ground: ground.servers[0].go_on()),
    Trouble(name="CLIENT PAUSE", open=one_server, away=True, seconds=90.0,
            begin=_asks("CLIENT", "PAUSE", 90_000, "ALL"), end=_nothing),
    Trouble(name="network cut", open=one_server, away=True, begin=_wire(Proxy.cut), end=_wire(Proxy.heal)),
    Trouble(name="FLUSHALL", open=one_server, begin=_asks("FLUSHALL"), end=_nothing, forgets=True),
    Trouble(name="SCRIPT FLUSH", open=one_server, begin=_asks("SCRIPT", "FLUSH"), end=_nothing),
    Trouble(name="OOM", open=one_server, away=True,
            begin=_asks("CONFIG", "SET", "maxmemory", 1), end=_asks("CONFIG", "SET", "maxmemory", 0)),
    Trouble(name="READONLY", open=one_server, away=True,
            begin=_become_a_replica, end=_asks("REPLICAOF", "NO", "ONE")),
    Trouble(name="Sentinel failover", open=sentinels, begin=_kill, end=_promoted, away=True, forgets=True),
    Trouble(name="Cluster failover", open=cluster, begin=_kill, end=_promoted, away=True, forgets=True),
    Trouble(name="Cluster failover by hand", open=cluster, begin=_fail_over, end=_nothing, away=True, forgets=True),
    Trouble(name="clock an hour back", open=skewed, begin=_set(-HOUR), end=_nothing),
    Trouble(name="clock an hour ahead", open=skewed, begin=_set(HOUR), end=_nothing, forgets=True),
    Trouble(name="clock to and fro", open=skewed, begin=_set(-HOUR), end=_set(HOUR), forgets=True),
    Trouble(name="the gateways' clocks", open=skewed_gateways, begin=_set_gateways(-HOUR), end=_set_gateways(HOUR)),
)  # fmt: skip
