"""What is measured of streams in each round: a chunk, and how many at once there can be."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

from cases import BARE_GROUP, DEFAULT, SLICE_SECONDS, VENDORS, Case, Figures, Make, Rig, cpu, new, slices_of, transports
from load import Connection, awake, clients, load
from processes import Server
from vendors import MODELS, PACED, SATURATED_FEW, SATURATED_MANY, SLOW

CHUNK_TURNS = 5
"""How often a chunk back to back is measured, of which the least is taken."""
SATURATED_TOGETHER, PACED_TOGETHER = 4, 16
PAUSES_BEFORE = 3
"""Of streams that are paced, until a slice begins: they are all under way then, and end after it."""
MANY_STREAMS = (500, 1000)


def streams(rig: Rig) -> Iterator[Case]:
    prompts = count()
    for vendor in VENDORS:
        for name in transports(vendor):
            make = partial(new, prompts, vendor, stream=True)
            yield from _streams(f"{vendor}/{name}", rig.gateways[name], make, many=name == DEFAULT)


def _streams(name: str, server: Server, new: Callable[[str], Make], *, many: bool) -> Iterator[Case]:
    yield _saturated(f"chunk/saturated/{name}", server, new)
    yield _paced(f"chunk/paced/{name}", server, new(PACED))
    for number in MANY_STREAMS if many else ():
        yield _many(f"streams/{number}/{name}", server, new(SLOW), number)


def _saturated(name: str, server: Server, new: Callable[[str], Make]) -> Case:
    """What a long stream takes more than a short one, a chunk.

    The least of either: the difference of two that were disturbed unlike tells nothing.
    """
    few, many = SATURATED_FEW, SATURATED_MANY

    async def least(model: str) -> float:
        number = 2 * SATURATED_TOGETHER
        return min([await cpu(server, new(model), number, SATURATED_TOGETHER) for _ in range(CHUNK_TURNS)])

    async def measure() -> Figures:
        return {name: (await least(many) - await least(few)) / (MODELS[many][0] - MODELS[few][0])}

    return Case(name=name, measure=measure)


def _paced(name: str, server: Server, make: Make) -> Case:
    async def measure() -> Figures:
        return {name: await paced_us(server, make)}

    return Case(name=name, measure=measure, group=BARE_GROUP, slices=slices_of(name))


def _many(name: str, server: Server, make: Make, number: int) -> Case:
    """All begin at once: the median first text in seconds, and of the ends the 99th percentile, ÷ the ideal."""
    chunks, pause = MODELS[SLOW]
    ideal = (chunks - 1) * pause

    async def measure() -> Figures:
        requests = iter([make() for _ in range(number)])
        async with clients(server.port, number) as connections:
            answers = await load(connections, requests, failing=True)
        whole = [answer for answer in answers if answer.whole and answer.status == 200]
        failed = {f"{name}/failed": float(number - len(whole))}
        if not whole:
            return failed
        first = sorted(answer.first for answer in whole)[len(whole) // 2]
        end = sorted(answer.end for answer in whole)[len(whole) * 99 // 100]
        return {f"{name}/first": first, f"{name}/end": end / ideal} | failed

    return Case(name=name, measure=measure, long=True)


async def paced_us(server: Server, make: Make) -> float:
    """CPU µs a chunk of the server's process for `SLICE_SECONDS` in the midst of streams, its client awake.

    The streams begin spread over a pause.
    """
    pause = MODELS[PACED][1]
    async with clients(server.port, PACED_TOGETHER) as connections, asyncio.TaskGroup() as tasks:
        with awake():
            requests = iter([make() for _ in connections])
            streams = tasks.create_task(load(connections, requests, apart=pause / PACED_TOGETHER))
            await asyncio.sleep(PAUSES_BEFORE * pause)
            before, texts = server.cpu_us(), _texts(connections)
            await asyncio.sleep(SLICE_SECONDS)
            took = (server.cpu_us() - before) / (_texts(connections) - texts)
            await streams
    return took


def _texts(connections: Sequence[Connection]) -> int:
    return sum(connection.texts for connection in connections)
