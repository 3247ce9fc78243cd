"""Registered clients in this process: for tests of what manages clients, and of hosts that keep their own."""

from collections.abc import Sequence

from typing_extensions import override

from llm_gateway.application.ports.stores import ClientDirectory, ClientRegistry
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, Registration


class MemoryClientRegistry(ClientRegistry, ClientDirectory):
    """As many as are registered."""

    def __init__(self) -> None:
        self._registered: dict[ClientId, Registration] = {}

    @override
    async def all(self) -> Sequence[Registration]:
        return [self._registered[id] for id in sorted(self._registered)]

    @override
    async def get(self, id: ClientId) -> Registration | None:
        return self._registered.get(id)

    @override
    async def replace(self, id: ClientId, old: Registration | None, new: Registration | None) -> bool:
        if self._registered.get(id) != old:
            return False
        if new is None:
            self._registered.pop(id, None)
        else:
            self._registered[id] = new
        return True

    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        for registration in self._registered.values():
            if any(key.digest == digest for key in registration.keys):
                return registration.client
        return None
