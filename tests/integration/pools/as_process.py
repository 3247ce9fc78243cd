"""A server in a process of its own: llama.cpp's, or a scripted Ollama that is steady, slow or full."""

import asyncio
import sys
from contextlib import suppress

from typing_extensions import override

from ..ollama.server import OllamaServer, end
from ..scripted_vendor import Asked, Script, whole

SLOW_SECONDS = 0.2


class PacedOllama(OllamaServer):
    """Takes its time for each answer, as a model does."""

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        answer: Script = await super().answer_to(asked, reader)
        if asked.path == "/api/chat" and asked.body["messages"]:
            await asyncio.sleep(SLOW_SECONDS)
        return answer


def answer(asked: Asked) -> Script:
    return whole(end(content=f"answer to {asked.body['messages'][-1]['content']}"))


async def ollama(port: int, mode: str) -> None:
    server = PacedOllama() if mode == "slow" else OllamaServer()
    server.scripts = [answer]
    server.queue_full = sys.maxsize if mode == "full" else 0
    async with server.running(port):
        await asyncio.Event().wait()


async def llama(port: int) -> None:
    """With one thread: several wait for each other in turns of the machine's."""
    import xllamacpp

    from ..openai.test_llamacpp import served

    one = xllamacpp.CommonParams().cpuparams
    one.n_threads = 1
    server = served(port=port, cpuparams=one, cpuparams_batch=one)
    await asyncio.Event().wait()
    del server


if __name__ == "__main__":
    kind, port, mode = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        asyncio.run(llama(int(port)) if kind == "llama" else ollama(int(port), mode))
