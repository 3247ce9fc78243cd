"""CPU time of each provider's adapter, a call and a streamed chunk, beside a bare aiohttp POST read by msgspec."""

import argparse
import asyncio
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import aiohttp
import msgspec
import uvloop
from msgspec import Struct

from llm_gateway import ChatModel, ChatRequest, Deadline, Endpoint, EndpointId, Grain, Locality, Text, UserMessage
from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.system import SystemClock

PROVIDERS = Path(__file__).with_name("providers.py")
PROMPT = "x" * 800
FEW, MANY = 10, 210
"""Chunks of a short and of a long stream: the difference is what a chunk costs."""
TOGETHER = 4

Call = Callable[[int | None], Awaitable[None]]
"""One call, streamed in so many chunks, or whole."""


class Part(Struct, frozen=True):
    text: str = ""


class Content(Struct, frozen=True):
    parts: tuple[Part, ...] = ()


class Candidate(Struct, frozen=True):
    content: Content = Content()
    finishReason: str | None = None


class GeminiAnswer(Struct, frozen=True):
    candidates: tuple[Candidate, ...] = ()


class Message(Struct, frozen=True):
    content: str = ""


class OllamaAnswer(Struct, frozen=True):
    message: Message = Message()
    done: bool = False


def bare_gemini(session: aiohttp.ClientSession, url: str) -> Call:
    decode = msgspec.json.Decoder(GeminiAnswer).decode
    body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}

    async def call(chunks: int | None) -> None:
        verb = "generateContent" if chunks is None else "streamGenerateContent?alt=sse"
        data = msgspec.json.encode(body)
        async with session.post(f"{url}/v1beta/models/chunks-{chunks or 0}:{verb}", data=data) as answer:
            if chunks is None:
                decode(await answer.read())
                return
            async for line in answer.content:
                if line.startswith(b"data: "):
                    decode(line[6:])

    return call


def bare_ollama(session: aiohttp.ClientSession, url: str) -> Call:
    decode = msgspec.json.Decoder(OllamaAnswer).decode

    async def call(chunks: int | None) -> None:
        messages = [{"role": "user", "content": PROMPT}]
        data = msgspec.json.encode({"model": f"chunks-{chunks}", "messages": messages, "stream": chunks is not None})
        async with session.post(f"{url}/api/chat", data=data) as answer:
            if chunks is None:
                decode(await answer.read())
                return
            async for line in answer.content:
                decode(line)

    return call


def through(model: ChatModel, provider: str, locality: Locality) -> Call:
    request = ChatRequest(messages=(UserMessage(content=(Text(text=PROMPT),)),))
    endpoints = {
        chunks: Endpoint(id=EndpointId(provider=provider, model=f"chunks-{chunks or FEW}"), locality=locality)
        for chunks in (None, FEW, MANY)
    }

    async def call(chunks: int | None) -> None:
        deadline = Deadline(time.monotonic() + 60)
        grain = Grain.WHOLE if chunks is None else Grain.STREAM
        events = model.events(endpoints[chunks], request, grain=grain, deadline=deadline, headers={})
        async with aclosing(events):
            async for _ in events:
                pass

    return call


async def cpu_us(call: Call, chunks: int | None, number: int) -> float:
    """Of this process alone, a call."""

    async def several() -> None:
        for _ in range(number // TOGETHER):
            await call(chunks)

    began = time.process_time_ns()
    await asyncio.gather(*(several() for _ in range(TOGETHER)))
    return (time.process_time_ns() - began) / (number // TOGETHER * TOGETHER) / 1000


async def measure(rounds: int, number: int) -> Mapping[str, Sequence[float]]:
    """For each client the medians of a whole call, of a short stream and of a long one."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROVIDERS), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
    gemini = GeminiClient(provider="gemini", api_key="key", base_url=url, clock=SystemClock())
    ollama = OllamaChatModel(base_url=url, clock=SystemClock())
    try:
        async with aiohttp.ClientSession() as session:
            calls = {
                "bare, Gemini's answers": bare_gemini(session, url),
                "Gemini's adapter": through(GeminiChatModel(gemini, SystemClock()), "gemini", Locality.CLOUD),
                "bare, Ollama's answers": bare_ollama(session, url),
                "Ollama's adapter": through(ollama, "ollama", Locality.ON_PREMISES),
            }
            cases = [(name, chunks) for name in calls for chunks in (None, FEW, MANY)]
            measured: dict[tuple[str, int | None], list[float]] = {case: [] for case in cases}
            for turn in range(rounds + 1):  # the first one warms up
                for name, chunks in cases:
                    took = await cpu_us(calls[name], chunks, number if chunks is None else number // 4)
                    if turn:
                        measured[name, chunks].append(took)
    finally:
        await ollama.aclose()
        await gemini.aclose()
        process.terminate()
        await process.wait()
    return {name: [statistics.median(measured[name, chunks]) for chunks in (None, FEW, MANY)] for name in calls}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="whole calls in each round; a quarter as streams")
    parsed = parser.parse_args()
    results = uvloop.run(measure(parsed.rounds, parsed.requests))
    print(f"Python {platform.python_version()}, {parsed.rounds} rounds of {parsed.requests} calls, medians\n")
    print(f"| client | CPU µs a call | times bare | a stream of {FEW} chunks | a chunk | times bare |")
    print("|---|---:|---:|---:|---:|---:|")
    base = (1.0, 1.0)
    for name, (whole, few, many) in results.items():
        chunk = (many - few) / (MANY - FEW)
        base = (whole, chunk) if name.startswith("bare") else base
        print(f"| {name} | {whole:.0f} | {whole / base[0]:.1f} | {few:.0f} | {chunk:.1f} | {chunk / base[1]:.1f} |")


if __name__ == "__main__":
    main()
