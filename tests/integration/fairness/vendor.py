"""A process of its own: an Ollama that answers 32 chats at once, each in 200 ms. Prints its address."""

import asyncio

from typing_extensions import override

from ..ollama.server import OllamaServer, end
from ..scripted_vendor import Asked, Script, whole

SLOTS = 32
SECONDS = 0.2


class SlottedServer(OllamaServer):
    def __init__(self) -> None:
        super().__init__()
        self._slots = asyncio.Semaphore(SLOTS)

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        self.asked.clear()
        if asked.path != "/api/chat":
            return await super().answer_to(asked, reader)
        async with self._slots:
            await asyncio.sleep(SECONDS)
        return whole(end(content="Hello there"))


async def main() -> None:
    async with SlottedServer().running() as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
