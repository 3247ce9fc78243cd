"""A connection without a socket: what uvicorn's protocol, or ours, writes for what an application sends."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from llm_gateway.adapters.inbound.http.server.protocol import BoundedHttpProtocol, Bounds

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class RecordedTransport(asyncio.Transport):
    """Keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.reading = True

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True

    @override
    def get_write_buffer_size(self) -> int:
        return 0


class Connection:
    """To one application. `ours` is the protocol of this gateway's server, else it is uvicorn's."""

    def __init__(self, app: Any, *, ours: bool = True) -> None:
        config = uvicorn.Config(app, lifespan="off", ws="none", access_log=False, log_config=None, proxy_headers=False)
        self.state = ServerState()
        self.state.default_headers = [(b"server", b"uvicorn")]
        parts: Mapping[str, Any] = {"config": config, "server_state": self.state, "app_state": {}}
        self.protocol = BoundedHttpProtocol(bounds=Bounds(), **parts) if ours else HttpToolsProtocol(**parts)
        self.transport = RecordedTransport()
        self.protocol.connection_made(self.transport)

    async def ask(self, *parts: bytes) -> Sequence[bytes]:
        """What is written until each application has ended."""
        for part in parts:
            self.protocol.data_received(part)
        while self.state.tasks:
            await asyncio.wait(tuple(self.state.tasks))
        return self.transport.writes

    def lose(self) -> None:
        self.protocol.connection_lost(ConnectionResetError())
