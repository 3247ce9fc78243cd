"""The clients that are kept beside the settings: made, listed, given a new key, and revoked."""

from collections.abc import Sequence

from msgspec.structs import replace

from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, RegisteredKey, Registration
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.quota import Bucket

from .ports.stores import ClientRegistry
from .ports.system import Clock


class ManageClients:
    """Creates, lists and revokes registered clients, and rotates their keys.

    `common` is the quota of requests for a client without one of its own. It is stored with the client, so that
    gateways with different settings count alike. Every method raises `DirectoryUnavailable` where the registry can't be
    reached, and `InvalidRequest` for what can't be done.
    """

    def __init__(self, registry: ClientRegistry, clock: Clock, common: Bucket) -> None:
        self._registry = registry
        self._clock = clock
        self._common = common

    async def create(self, client: Client, digest: ApiKeyDigest) -> Registration:
        """Register a client with its first key."""
        if client.quota.requests is None:
            client = replace(client, quota=replace(client.quota, requests=self._common))
        new = Registration(client=client, keys=(self._key(digest),))
        if not await self._registry.replace(client.id, None, new):
            raise InvalidRequest.at("name", "there is a client of this name; `keys rotate` gives it a new key")
        return new

    async def all(self) -> Sequence[Registration]:
        """Every registered client, in the order of their ids."""
        return await self._registry.all()

    async def rotate(self, id: ClientId, digest: ApiKeyDigest) -> Registration:
        """Give a client a new key; the one before it lives on until it is revoked, or until the next rotation."""
        old = await self._known(id)
        new = old.rotated(self._key(digest))
        await self._replace(id, old, new)
        return new

    async def revoke(self, id: ClientId, key: str | None = None) -> Sequence[RegisteredKey]:
        """End a client, or only the key of it whose digest begins so. Returns the keys that ended."""
        old = await self._known(id)
        if key is None:
            await self._replace(id, old, None)
            return old.keys
        named = [kept for kept in old.keys if kept.digest.hex().startswith(key.lower())]
        if len(named) != 1:
            raise InvalidRequest.at("key", "is the beginning of no digest, or of several, of this client's keys")
        rest = old.without(named[0])
        await self._replace(id, old, rest if rest.keys else None)
        return named

    async def _known(self, id: ClientId) -> Registration:
        known = await self._registry.get(id)
        if known is None:
            raise InvalidRequest.at("name", "there is no client of this name")
        return known

    async def _replace(self, id: ClientId, old: Registration, new: Registration | None) -> None:
        if not await self._registry.replace(id, old, new):
            raise InvalidRequest.at("name", "this client was changed by somebody else meanwhile; nothing was done")

    def _key(self, digest: ApiKeyDigest) -> RegisteredKey:
        return RegisteredKey(digest=digest, created=int(self._clock.now()))
