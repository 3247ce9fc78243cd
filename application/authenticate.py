"""From credentials to the client that they belong to."""

from collections.abc import Sequence

from llm_gateway.domain.clients import Client, digest_of
from llm_gateway.domain.errors import DirectoryUnavailable, Unauthenticated

from .ports.stores import ClientDirectory

MAX_CREDENTIALS = 4
"""Different credentials of one request that are looked up: each costs a digest, and may cost a question to a store."""


class Authenticate:
    """Finds the client that an API key belongs to. Keys are looked up by their digests."""

    def __init__(self, clients: ClientDirectory) -> None:
        self._clients = clients

    async def __call__(self, *credentials: str | None) -> Client:
        """The client of the one key among different credentials: those that are no key here do not count beside it.

        Raises `Unauthenticated` for no key, for two, and for more than `MAX_CREDENTIALS`; `DirectoryUnavailable` where
        no key is found and not all of them can be looked up.
        """
        if len(credentials) != 1 or not credentials[0]:
            return await self._among(credentials)
        client = await self._clients.find(digest_of(credentials[0]))
        if client is None:
            raise Unauthenticated
        return client

    async def _among(self, credentials: Sequence[str | None]) -> Client:
        if len(credentials) > MAX_CREDENTIALS:
            raise Unauthenticated
        found: Client | None = None
        away: DirectoryUnavailable | None = None
        for key in credentials:
            try:
                client = await self._clients.find(digest_of(key)) if key else None
            except DirectoryUnavailable as error:
                away = error
                continue
            if client is not None and found is not None:
                raise Unauthenticated
            found = client or found
        if found is None:
            raise away or Unauthenticated
        return found
