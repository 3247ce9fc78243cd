"""A wire that can be cut: a TCP proxy to a server on loopback, with TLS before it where that is asked for."""

import asyncio
import ssl
from contextlib import suppress
from typing import Self


class Proxy:
    """Passes bytes on until it is told otherwise. `requests` are what clients sent, as it came in."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._tls = tls
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.muted = False
        """Whether what the server answers is lost."""
        self.requests: list[bytes] = []
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Nothing passes, and nobody is told: what a firewall or a pulled cable does."""
        self._passing.clear()

    def go_on(self) -> None:
        """What was held passes after all."""
        self._passing.set()

    def heal(self) -> None:
        """New connections pass; what was cut is lost with its connections."""
        self.reset()
        self.go_on()

    def reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._passing.wait()
            upstream, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            await asyncio.gather(self._pump(reader, back, self.requests), self._pump(upstream, writer, None))
        except ConnectionRefusedError:
            writer.transport.abort()
        except asyncio.CancelledError:  # by `__aexit__` alone; asyncio's streams would print it
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes] | None) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                await self._passing.wait()
                if seen is None and self.muted:
                    continue
                if seen is not None:
                    seen.append(data)
                writer.write(data)
                await writer.drain()
        writer.close()
