"""What becomes of a gateway's clients while its Redis is in trouble: `just faults`, for docs/reliability.md.

Two gateways under load, `REDIS_ABSENT_LIMITER=local`, and one fault after another, each with a server of its own.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from .faults_kinds import Fault, Scene, faults
from .faults_load import GATEWAYS, SMALL_CAPACITY, SMALL_RATE, Answered, Load
from .proxy import Proxy
from .sentinel import watched
from .valkey import Valkey

CALM_SECONDS = 4.0
"""Under load before the fault; all but the first second is what is compared with."""
WATCHED_SECONDS = 7.0
"""Under load after the fault, at least."""
SILENCE_SECONDS = 1.0
"""From the fault until the store is away for certain."""
MOST_P99_ADDED_MS = 150
MOST_MS = 1_000 * SILENCE_SECONDS + 200
"""The longest request: a silence, and what the machine takes."""
MOST_EXCESS = SMALL_CAPACITY / GATEWAYS
"""One local share, beside what the server forgot."""


class Outcome(Struct, frozen=True, kw_only=True):
    requests: int
    failed: int
    worst_ms: float
    p99_added_ms: float
    degraded: int
    excess: float
    forgotten: int
    recovery_seconds: float

    def missed(self, fault: Fault) -> Iterator[str]:
        """The bars that it did not keep."""
        if self.worst_ms > MOST_MS:
            yield f"a request took {self.worst_ms:.0f} ms"
        if self.excess > MOST_EXCESS + self.forgotten * SMALL_CAPACITY:
            yield f"{self.excess:.0f} were over-admitted"
        if self.failed:
            yield f"{self.failed} requests failed"
        if self.p99_added_ms >= MOST_P99_ADDED_MS:
            yield f"p99 is {self.p99_added_ms:.0f} ms longer"
        if self.recovery_seconds > fault.recovery:
            yield f"recovery took {self.recovery_seconds:.1f} s"

    def row(self, name: str) -> str:
        return (
            f"| {name} | {self.requests} | {self.failed} | {self.degraded} | {self.worst_ms:.0f} | "
            f"{self.p99_added_ms:+.0f} | {self.excess:.0f} | {self.recovery_seconds:.1f} |"
        )


@asynccontextmanager
async def _forgotten(scene: Scene) -> AsyncIterator[None]:
    """Counts what the server evicts of the second client's account."""
    account = re.compile(rb".*\{client=small\}:[0-9a-f]+\r\n")
    scene.server.ask("CONFIG", "SET", "notify-keyspace-events", "Ee")
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    writer.write(b"SUBSCRIBE __keyevent@0__:evicted\r\n")

    async def listen() -> None:
        async for line in reader:
            scene.evicted += account.fullmatch(line) is not None

    listening = asyncio.create_task(listen())
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await listening
        writer.close()


async def run(fault: Fault, seconds: float, whole: float, folder: Path) -> Outcome:
    with ExitStack() as stack:
        guarded = stack.enter_context(watched()) if fault.guarded else None
        server = Valkey(folder)
        if fault.present:
            server.start()
        try:
            async with Proxy(server.port) as wire:
                scene = Scene(server=server, wire=wire, guarded=guarded)
                if not fault.present:
                    return await _watch(fault, scene, seconds, whole)
                async with _forgotten(scene):
                    return await _watch(fault, scene, seconds, whole)
        finally:
            server.kill()


async def _watch(fault: Fault, scene: Scene, seconds: float, whole: float) -> Outcome:
    load = Load(scene.guarded.url if scene.guarded else scene.wire.url)
    try:
        await load.start()
        began = time.monotonic()
        await asyncio.sleep(CALM_SECONDS if fault.present else 0)
        broke = time.monotonic()
        await fault.begin(scene)
        await asyncio.sleep(seconds if fault.seconds is None else fault.seconds)
        await fault.end(scene)
        mended = time.monotonic()
        await asyncio.sleep(max(WATCHED_SECONDS, began + whole - mended))
        return _outcome(load, began, broke, mended, scene.evicted + fault.forgets)
    finally:
        await load.stop()


def _outcome(load: Load, began: float, broke: float, mended: float, forgotten: int) -> Outcome:
    ended = time.monotonic()
    ours = load.between(began, ended, _ours)
    admitted = load.between(began, ended, lambda answer: answer.small and answer.status == 200)
    degraded = [answer for answer in ours if answer.degraded]
    calm = load.between(began + 1, broke, _ours) or load.between(mended + 3, ended, _ours)
    away = load.between(broke + SILENCE_SECONDS, mended, _ours)
    since = load.between(broke, ended, _ours)
    allowed = SMALL_CAPACITY + SMALL_RATE * (ended - began)
    return Outcome(
        requests=len(ours),
        failed=sum(answer.status != 200 for answer in ours),
        worst_ms=1000 * max(answer.seconds for answer in ours if broke - 0.2 <= answer.at <= mended + 2),
        p99_added_ms=1000 * (max(_p99(away), _p99(since)) - _p99(calm)),
        degraded=len(degraded),
        excess=max(0.0, len(admitted) - allowed),
        forgotten=forgotten,
        recovery_seconds=_recovery(load, mended) if degraded else 0.0,
    )


def _ours(answer: Answered) -> bool:
    return not answer.small


def _recovery(load: Load, mended: float) -> float:
    """Until the last of the gateways counts together with the others again."""
    firsts = []
    for gateway in load.gateways:
        exact = (answer for answer in load.answers if answer.port == gateway.port and not answer.degraded)
        firsts.append(min(answer.at + answer.seconds - mended for answer in exact if answer.at >= mended))
    return max(firsts)


def _p99(answers: list[Answered]) -> float:
    return sorted(answer.seconds for answer in answers)[int(0.99 * len(answers))] if answers else 0.0


def main() -> int:
    """1 where a bar was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long a fault lasts")
    parser.add_argument("--whole", type=float, default=120, help="how long each is watched, all in all, at least")
    parser.add_argument("--only", default="", help="the faults that have this in their names")
    parser.add_argument("--pause", type=float, default=90, help="how long the server pauses its clients")
    parsed = parser.parse_args()
    print("| fault | requests | failed | by policy | worst, ms | p99 added, ms | over-admitted | recovery, s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    missed = []
    for fault in faults(parsed.pause):
        if parsed.only not in fault.name:
            continue
        with TemporaryDirectory(prefix="faults-") as folder:
            outcome = asyncio.run(run(fault, parsed.seconds, parsed.whole, Path(folder)))
        print(outcome.row(fault.name), flush=True)
        missed += [f"{fault.name}: {bar}" for bar in outcome.missed(fault)]
    print(*missed, sep="\n", file=sys.stderr, end="\n" if missed else "")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
