"""Which of this project's functions one streamed miss calls, and what an event takes: counted, not timed.

An event that the vendor sends alone, every 20 ms, has a read and a turn of the loop of its own; of those that come back
to back a read brings several.
"""

import asyncio
import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import CodeType, FrameType

from load import chat, connected
from msgspec.structs import replace
from processes import vendors
from servers import KEY
from vendors import MODELS, PACED, PACED_FEW, SATURATED_FEW, SATURATED_MANY, WHOLE

from llm_gateway import Secret, Settings, open_gateway
from llm_gateway.bootstrap.serving import create_server

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("domain", "application", "adapters", "bootstrap")
VENDORS = ("ollama", "gemini")
MOST_GENERATORS, MOST_FRAMES = 4, 30
"""Between vendor and socket, and for an event, also for one that comes alone."""

STREAMS = {"alone": (PACED_FEW, PACED), "back to back": (SATURATED_FEW, SATURATED_MANY)}
"""A short and a long one of each."""

Calls = Counter[CodeType]


@contextmanager
def counting(calls: Calls) -> Iterator[None]:
    """Counts calls of functions and resumptions of coroutines of the four layers, in whichever task."""
    layers = tuple(f"{folder / layer}/" for folder in (ROOT, ROOT / "src" / "llm_gateway") for layer in LAYERS)

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(layers):
            calls[frame.f_code] += 1

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


async def trips(vendor_port: int, transport: str | None) -> dict[tuple[str, str], tuple[Calls, Calls]]:
    """For each vendor, and each way to stream, the calls of a short miss and of a long one, once everything is warm."""
    address = f"http://127.0.0.1:{vendor_port}"
    settings = Settings(
        api_keys=(Secret(KEY),),
        port=0,
        rate_limiter_capacity=1000,
        ollama_base_url=address,
        ollama_model=WHOLE,
        gemini_base_url=address,
        gemini_api_key=Secret("key"),
        gemini_model=WHOLE,
    )
    if transport:
        settings = replace(settings, **{f"{vendor}_transport": transport for vendor in VENDORS})
    unique = count()
    async with open_gateway(settings, first_look_seconds=5) as gateway:
        server = create_server(gateway)
        serving = asyncio.create_task(server.serve())
        async with connected(await server.listening()) as connection:

            async def counted(model: str) -> Calls:
                for calls in (Calls(), Calls()):
                    with counting(calls):
                        answer = await connection.ask(chat(model, f"{next(unique)}", stream=True))
                    assert (answer.status, answer.whole) == (200, True)
                return calls

            found = {
                (vendor, how): (await counted(f"{vendor}/{few}"), await counted(f"{vendor}/{many}"))
                for vendor in VENDORS
                for how, (few, many) in STREAMS.items()
            }
        server.should_exit = True
        await serving
    return found


def tell(vendor: str, how: str, few: Calls, many: Calls, *, every: bool) -> bool:
    """Whether an event takes no more than it may."""
    by_file: dict[Path, list[str]] = {}
    for code in few:
        file = Path(code.co_filename).resolve().relative_to(ROOT)
        by_file.setdefault(file, []).append(code.co_qualname)
    short, long = STREAMS[how]
    events = MODELS[long][0] - MODELS[short][0]
    frames = (many.total() - few.total()) / events
    resumed = (code for code in many if many[code] > few[code])
    generators = sorted(code.co_qualname for code in resumed if code.co_flags & inspect.CO_ASYNC_GENERATOR)
    print(
        f"{vendor}, {how}: {len(few)} functions in {len(by_file)} files; {frames:.1f} calls and resumptions an event; "
        f"{len(generators)} async generators: {', '.join(generators)}"
    )
    if every:
        for file, names in sorted(by_file.items()):
            print(f"{file}: {', '.join(sorted(names))}")
        for code, number in (many - few).most_common(60):
            print(f"{number / events:5.1f} an event: {code.co_qualname}")
    return frames <= MOST_FRAMES and len(generators) <= MOST_GENERATORS


async def main() -> int:
    transport = next((option for option in sys.argv[1:] if not option.startswith("-")), None)
    vendor = await vendors().start()
    try:
        found = await trips(vendor.port, transport)
    finally:
        await vendor.stop()
    well = [tell(*of, *calls, every="--list" in sys.argv) for of, calls in found.items()]
    return 1 if "--gate" in sys.argv and not all(well) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
