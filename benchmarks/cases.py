"""What is measured of whole answers in each round: the figures of each case, by name, from the servers of a run."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count, repeat, takewhile
from typing import TypeAlias

from load import awake, chat, clients, conversation, load
from msgspec import Struct
from processes import Server, bare, floor, gateway
from servers import FLOOR
from vendors import WHOLE

from llm_gateway import Settings

VENDORS = ("ollama", "gemini")
TOGETHER = (32, 1)
BARE_GROUP = "32"
"""Of the bare app that CPU times are normalised by."""
SLICE_SECONDS = 0.2
"""Long enough for what is done once in many requests: batches of metrics and records, lines of the log, collections of
garbage."""
SLICES: Mapping[str, int] = {"sdk": 4}
SLICES_BY_DEFAULT = 24
"""The ones of a round; a quarter of them where one request is sent at a time."""
PROMPT = "x" * 800
TURN = "y" * 960
CONVERSATIONS = {"1 KB": 1, "10 KB": 10, "100 KB": 100, "1 MB": 1000}
"""Turns of 1 KB."""

Figures: TypeAlias = Mapping[str, float]
Make: TypeAlias = Callable[[], bytes]


class Case(Struct, frozen=True, kw_only=True):
    """A long one is measured in no more than three rounds, and needs no warming up.

    Cases of one `group` are measured in turns, each in so many `slices` a round.
    """

    name: str
    measure: Callable[[], Awaitable[Figures]]
    long: bool = False
    group: str = ""
    slices: int = 1


class Rig(Struct, frozen=True, kw_only=True):
    """The servers of a run. `gateways` is by transport, the default one first; `shared` has its state in Redis."""

    bare: Server
    floor: Server
    gateways: Mapping[str, Server]
    shared: Server
    requests: int

    def asked(self, vendor: str) -> Mapping[str, Server]:
        """The servers that ask this vendor, by transport; the floor first."""
        return {FLOOR: self.floor} | {name: self.gateways[name] for name in transports(vendor)}


def transports(vendor: str) -> Sequence[str]:
    """The vendor's own SDK is the only one where there is no setting."""
    return ("rest", "sdk") if f"{vendor}_transport" in Settings.__struct_fields__ else ("sdk",)


ALL_TRANSPORTS = sorted({one for vendor in VENDORS for one in transports(vendor)})
DEFAULT = ALL_TRANSPORTS[0]


@asynccontextmanager
async def opened(vendor_port: int, redis_url: str, requests: int) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:

        async def start(server: Server) -> Server:
            stack.push_async_callback(server.stop)
            return await server.start()

        yield Rig(
            bare=await start(bare()),
            floor=await start(floor(vendor_port)),
            gateways={name: await start(gateway(vendor_port, name)) for name in ALL_TRANSPORTS},
            shared=await start(gateway(vendor_port, DEFAULT, redis_url=redis_url)),
            requests=requests,
        )


async def cpu(server: Server, make: Make, number: int, together: int) -> float:
    """CPU µs a request of the server's process, its connections warm."""
    async with clients(server.port, together) as connections:
        await load(connections, (make() for _ in range(2 * together)))
        before = server.cpu_us()
        await load(connections, (make() for _ in range(number)))
        return (server.cpu_us() - before) / number


async def slice_us(server: Server, make: Make, together: int, cache: str) -> float:
    """CPU µs a request of the server's process for `SLICE_SECONDS`, its connections warm and its client awake."""
    async with clients(server.port, together) as connections:
        await load(connections, (make() for _ in range(2 * together)))
        with awake():
            ends, before = time.perf_counter() + SLICE_SECONDS, server.cpu_us()
            requests = (make() for _ in takewhile(lambda _: time.perf_counter() < ends, count()))
            answers = await load(connections, requests, cache=cache)
            return (server.cpu_us() - before) / len(answers)


def cases(rig: Rig) -> Iterator[Case]:
    prompts = count()
    for together in TOGETHER:
        yield from _hits(rig, together)
        yield from _misses(rig, together, prompts)
    for vendor in VENDORS:
        for name, server in rig.asked(vendor).items():
            yield from _conversations(f"conversation/{vendor}/{name}", server, vendor, rig.requests, prompts)


def new(prompts: Iterator[int], vendor: str, model: str, *, stream: bool = False) -> Make:
    """Makes requests that no cache has an answer for."""
    return lambda: chat(f"{vendor}/{model}", f"{next(prompts)} {PROMPT}", stream=stream)


def _hits(rig: Rig, together: int) -> Iterator[Case]:
    same = repeat(chat(f"ollama/{WHOLE}", PROMPT)).__next__
    servers = {
        "bare": rig.bare,
        "hit/floor": rig.floor,
        "hit/memory": rig.gateways[DEFAULT],
        "hit/redis": rig.shared,
    }
    for name, server in servers.items():
        yield _whole(f"{name}/{together}", server, same, together, "hit")


def _misses(rig: Rig, together: int, prompts: Iterator[int]) -> Iterator[Case]:
    for vendor in VENDORS:
        for name, server in rig.asked(vendor).items():
            make = new(prompts, vendor, WHOLE)
            yield _whole(f"miss/{vendor}/{name}/{together}", server, make, together, "miss")


def _whole(name: str, server: Server, make: Make, together: int, cache: str) -> Case:
    slices = slices_of(name)

    async def measure() -> Figures:
        return {name: await slice_us(server, make, together, cache)}

    return Case(name=name, measure=measure, group=str(together), slices=slices if together > 1 else -(-slices // 4))


def slices_of(name: str) -> int:
    return next((SLICES[part] for part in name.split("/") if part in SLICES), SLICES_BY_DEFAULT)


def _conversations(name: str, server: Server, vendor: str, requests: int, unique: Iterator[int]) -> Iterator[Case]:
    for size, turns in CONVERSATIONS.items():
        number = max(4, requests // 3 // turns)

        async def measure(size: str = size, turns: int = turns, number: int = number) -> Figures:
            ready = [conversation(f"{vendor}/{WHOLE}", [f"{next(unique)}", *[TURN] * turns]) for _ in range(number + 2)]
            return {f"{name}/{size}": await cpu(server, iter(ready).__next__, number, 1)}

        yield Case(name=f"{name}/{size}", measure=measure)
