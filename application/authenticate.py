"""From a key to the client that it belongs to."""

from llm_gateway.domain.clients import Client, digest_of
from llm_gateway.domain.errors import Unauthenticated

from .ports.stores import ClientDirectory


class Authenticate:
    """Finds the client that an API key belongs to. Keys are looked up by their digests."""

    def __init__(self, clients: ClientDirectory) -> None:
        self._clients = clients

    async def __call__(self, key: str | None) -> Client:
        """Raises `Unauthenticated`, or `DirectoryUnavailable` where the keys can't be looked up."""
        if not key:
            raise Unauthenticated
        client = await self._clients.find(digest_of(key))
        if client is None:
            raise Unauthenticated
        return client
