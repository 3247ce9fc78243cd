"""Which server is asked for a key."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from .address import Address
from .command_pipe import RedisReply
from .server import CALL_SECONDS, RedisServer


class Route(Protocol):
    @abstractmethod
    def servers(self) -> Sequence[RedisServer]:
        """Those that keys are on."""
        ...

    @abstractmethod
    async def call(self, key: bytes, command: bytes) -> RedisReply:
        """Raises `StoreAway` or `StoreRefused`."""
        ...

    @abstractmethod
    async def aclose(self) -> None: ...


class OneServer(Route):
    def __init__(self, address: Address, clock: Clock, patience: float = CALL_SECONDS) -> None:
        self._server = RedisServer(address.nodes[0], address, clock, patience)

    @override
    def servers(self) -> Sequence[RedisServer]:
        return (self._server,)

    @override
    async def call(self, key: bytes, command: bytes) -> RedisReply:
        return await self._server.call(command)

    @override
    async def aclose(self) -> None:
        await self._server.aclose()
