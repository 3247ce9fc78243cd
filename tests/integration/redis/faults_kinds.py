"""What is done to the Redis of two gateways in `just faults`, and what may come of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from msgspec import Struct

from ..waiting import wait_until
from .proxy import Proxy
from .sentinel import Watched
from .valkey import Valkey

MOST_RECOVERY_SECONDS = 2
STALLS, STALL_SECONDS, BETWEEN_SECONDS = 5, 0.13, 2.0


class Scene(Struct, kw_only=True):
    """`evicted`: how often the server forgot the second client's account to make room."""

    server: Valkey
    wire: Proxy
    guarded: Watched | None = None
    evicted: int = 0


Act: TypeAlias = Callable[[Scene], Awaitable[object]]


class Fault(Struct, frozen=True, kw_only=True):
    """`begin` and `end` are told what there is to break; `present`: Redis is there when the gateways start.

    `forgets`: the server may lose what the second client spent. `guarded`: Sentinels have one, with a replica.
    """

    name: str
    begin: Act
    end: Act
    present: bool = True
    seconds: float | None = None
    forgets: bool = False
    guarded: bool = False
    recovery: float = MOST_RECOVERY_SECONDS


async def _nothing(scene: Scene) -> None:
    """The fault ends by itself, or has none to end."""


def _done(act: Callable[[Scene], object]) -> Act:
    async def done(scene: Scene) -> None:
        await asyncio.to_thread(act, scene)

    return done


def _evict(scene: Scene) -> None:
    """As little memory as there is in use, and writes that push out whatever was there."""
    used = scene.server.ask("INFO", "memory").split(b"used_memory:")[1].split(b"\r\n")[0]
    scene.server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", int(used))
    for number in range(300):
        scene.server.ask("SET", f"filler {number}", bytes(20_000))


async def _stall(scene: Scene) -> None:
    for _ in range(STALLS):
        scene.server.stop()
        await asyncio.sleep(STALL_SECONDS)
        scene.server.go_on()
        await asyncio.sleep(BETWEEN_SECONDS - STALL_SECONDS)


def _kill_master(scene: Scene) -> None:
    assert scene.guarded is not None
    scene.guarded.master().kill()


async def _promoted(scene: Scene) -> None:
    """The Sentinels name another master."""
    guarded = scene.guarded
    assert guarded is not None
    await asyncio.to_thread(wait_until, lambda: guarded.master() is not guarded.servers[0])


def faults(pause_seconds: float) -> list[Fault]:
    return [
        Fault(name=f"five stalls of {STALL_SECONDS * 1000:.0f} ms, two seconds apart", seconds=0, begin=_stall,
              end=_nothing),
        Fault(name="`kill -9`, then started again", forgets=True, begin=_done(lambda scene: scene.server.kill()),
              end=_done(lambda scene: scene.server.start())),
        Fault(name="`SIGSTOP`, then `SIGCONT`", begin=_done(lambda scene: scene.server.stop()),
              end=_done(lambda scene: scene.server.go_on())),
        Fault(name=f"`CLIENT PAUSE {pause_seconds * 1000:.0f} ALL`", seconds=pause_seconds, end=_nothing,
              begin=_done(lambda scene: scene.server.ask("CLIENT", "PAUSE", int(pause_seconds * 1000), "ALL"))),
        Fault(name="absent at the start", present=False, begin=_nothing, end=_done(lambda scene: scene.server.start())),
        Fault(name="`SCRIPT FLUSH`", begin=_done(lambda scene: scene.server.ask("SCRIPT", "FLUSH")), end=_nothing),
        Fault(name="`maxmemory` evicts everything", begin=_done(_evict),
              end=_done(lambda scene: scene.server.ask("CONFIG", "SET", "maxmemory", "0"))),
        Fault(name="the network is cut", begin=_done(lambda scene: scene.wire.cut()),
              end=_done(lambda scene: scene.wire.heal())),
        Fault(name="full (`OOM`)", begin=_done(lambda scene: scene.server.ask("CONFIG", "SET", "maxmemory", "1")),
              end=_done(lambda scene: scene.server.ask("CONFIG", "SET", "maxmemory", "0"))),
        Fault(name="a replica (`READONLY`)", begin=_done(lambda scene: scene.server.ask("REPLICAOF", "127.0.0.1", 1)),
              end=_done(lambda scene: scene.server.ask("REPLICAOF", "NO", "ONE"))),
        Fault(name="the master is killed, and Sentinels promote", guarded=True, forgets=True, recovery=3, seconds=0,
              begin=_done(_kill_master), end=_promoted),
    ]  # fmt: skip
