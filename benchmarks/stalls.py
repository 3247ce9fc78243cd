"""How long an admitted request of up to 1 MiB keeps the event loop from anybody else."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TypeAlias

import msgspec
from cases import VENDORS, Case, Figures, Rig, transports
from load import Connection, connected, post
from vendors import WHOLE, WITH_TOOLS

BYTES = 1 << 20
_HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
_LATER_SECONDS = 0.02

Body: TypeAlias = dict[str, object]
MODEL = {"ollama": WHOLE, "gemini": WITH_TOOLS}


def _messages(number: int, size: int = BYTES) -> Body:
    """So many that together they take so many bytes."""
    text = "z" * (size // number - 37)
    return {"messages": [{"role": ("user", "assistant")[turn % 2], "content": text} for turn in range(number)]}


def _rounds(number: int) -> Body:
    """Of calls of a tool and their results."""
    text = "z" * (BYTES // number // 2 - 160)
    messages: list[object] = [{"role": "user", "content": "go"}]
    for turn in range(number):
        function = {"name": "look", "arguments": msgspec.json.encode({"at": text}).decode()}
        call = {"id": f"call-{turn}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"call-{turn}", "content": text})
    return {"messages": messages, "tools": [{"type": "function", "function": {"name": "look", "parameters": _wide()}}]}


def _tools(schema: object) -> Body:
    """Half of it in tools of this schema."""
    tool = {"name": "f-0000", "description": "w" * 200, "parameters": schema}
    number = min(90, BYTES // 2 // len(msgspec.json.encode(tool)))
    functions = [tool | {"name": f"f-{index:04}"} for index in range(number)]
    return {"tools": [{"type": "function", "function": one} for one in functions]} | _messages(511, BYTES // 2)


def _wide() -> object:
    return {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(100)}}


def _deep() -> object:
    schema: object = {"type": "string"}
    for _ in range(25):
        schema = {"type": "object", "properties": {"p": schema, "q": {"type": "array", "items": {"type": "number"}}}}
    return schema


SHAPES: Mapping[str, Callable[[], Body]] = {
    "one message": lambda: _messages(1),
    "1,023 turns": lambda: _messages(1023),
    "4,001 turns": lambda: _messages(4001),
    "9,999 turns": lambda: _messages(9999),
    "500 rounds of calls": lambda: _rounds(500),
    "2,000 rounds of calls": lambda: _rounds(2000),
    "wide tools": lambda: _tools(_wide()),
    "deep tools": lambda: _tools(_deep()),
}


def stalls(rig: Rig) -> Iterator[Case]:
    """Each shape whole and streamed. One that is refused has no figures."""
    unique = count()
    for vendor in VENDORS:
        for transport in transports(vendor):
            for shape, make in SHAPES.items():
                for stream in (False, True):
                    name = f"{shape}/{vendor}/{transport}/{'streamed' if stream else 'whole'}"

                    async def measure(
                        name: str = name, vendor: str = vendor, transport: str = transport, stream: bool = stream,
                        make: Callable[[], Body] = make,
                    ) -> Figures:  # fmt: skip
                        body = make() | {"model": f"{vendor}/{MODEL[vendor]}", "stream": stream}
                        return await _stall(rig, transport, name, post(_unlike(body, next(unique))))

                    yield Case(name=f"stall/{name}", measure=measure, long=True)


def _unlike(body: Body, number: int) -> Body:
    messages = body["messages"]
    assert isinstance(messages, list)
    return body | {"messages": [{"role": "user", "content": f"{number}"}, *messages[1:]]}


async def _stall(rig: Rig, transport: str, name: str, data: bytes) -> Figures:
    """The longest that `/health` waited beside it: the CPU time of the loop's thread meanwhile, and the wall's."""
    server = rig.gateways[transport]
    cpu, wall = 0.0, 0.0
    async with connected(server.port) as heavy, connected(server.port) as probe:
        await probe.ask(_HEALTH)
        asking = asyncio.create_task(_later(heavy, data))
        while not asking.done():
            before, began = server.loop_us(), time.perf_counter()
            await probe.ask(_HEALTH)
            cpu = max(cpu, (server.loop_us() - before) / 1000)
            wall = max(wall, (time.perf_counter() - began) * 1000)
        status = await asking
    return {f"stall/cpu/{name}": cpu, f"stall/wall/{name}": wall} if status == 200 else {}


async def _later(heavy: Connection, data: bytes) -> int:
    await asyncio.sleep(_LATER_SECONDS)
    return (await heavy.ask(data)).status
