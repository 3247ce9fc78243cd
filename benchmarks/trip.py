"""Which of this project's functions one streamed miss calls, and how often an event does: counted, not timed."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import CodeType, FrameType

from llm_gateway import Secret, Settings, open_gateway
from llm_gateway.bootstrap.serving import create_server

ROOT = Path(__file__).resolve().parents[1]
PROVIDERS = Path(__file__).with_name("providers.py")
KEY = "sk-bench-0123456789"
FEW, MANY = 10, 210


def request(prompt: str, chunks: int) -> bytes:
    messages = [{"role": "user", "content": prompt}]
    body = json.dumps({"messages": messages, "model": f"ollama/chunks-{chunks}", "stream": True}).encode()
    head = f"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def counting(calls: Counter[CodeType]) -> Iterator[None]:
    """Counts calls of functions and resumptions of coroutines of the four layers, in whichever task."""
    layers = tuple(str(ROOT / layer) for layer in ("domain", "application", "adapters", "bootstrap"))
    linked = tuple(str(ROOT / "src" / "llm_gateway" / Path(layer).name) for layer in layers)

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith((*layers, *linked)):
            calls[frame.f_code] += 1

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


async def trips(url: str) -> dict[int, Counter[CodeType]]:
    """The calls of one streamed miss of so many chunks, once everything is warm."""
    settings = Settings(
        api_keys=(Secret(KEY),),
        port=0,
        rate_limiter_capacity=1000,
        ollama_base_url=url,
        ollama_model="chunks-10",
    )
    unique = count()
    async with open_gateway(settings) as gateway:
        server = create_server(gateway)
        serving = asyncio.create_task(server.serve())
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.listening())

        async def ask(chunks: int) -> None:
            writer.write(request(f"{next(unique)}", chunks))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readuntil(b"0\r\n\r\n")

        counted = {}
        for chunks in (FEW, MANY):
            await ask(chunks)
            counted[chunks] = Counter[CodeType]()
            with counting(counted[chunks]):
                await ask(chunks)
        writer.close()
        server.should_exit = True
        await serving
    return counted


async def main() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROVIDERS), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        counted = await trips(f"http://127.0.0.1:{int(await process.stdout.readline())}")
    finally:
        process.terminate()
        await process.wait()
    tell(counted, every="--list" in sys.argv)


def tell(counted: dict[int, Counter[CodeType]], *, every: bool) -> None:
    by_file: dict[Path, list[str]] = {}
    for code in counted[FEW]:
        file = Path(code.co_filename).resolve().relative_to(ROOT)
        by_file.setdefault(file, []).append(code.co_qualname)
    an_event = (counted[MANY].total() - counted[FEW].total()) / (MANY - FEW)
    print(f"{len(counted[FEW])} functions in {len(by_file)} files; {an_event:.1f} calls and resumptions an event")
    if every:
        for file, names in sorted(by_file.items()):
            print(f"{file}: {', '.join(sorted(names))}")


if __name__ == "__main__":
    asyncio.run(main())
