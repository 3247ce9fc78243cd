"""Signatures that every gateway finds, each under its key's digest. Whatever goes wrong, they are not there."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from typing_extensions import override

from llm_gateway.application.ports.stores import SignatureStore
from llm_gateway.domain.signature_key import SignatureKey

from .client.store import RedisReply, Store, StoreError

VERSION = 1
MAX_ENTRY_BYTES = 256 * 1024
"""Longer than the signatures of almost any answer, and short enough not to hold up the calls beside it."""


AT_A_TIME = 100
"""Keys that are asked for at once: a few milliseconds of the event loop."""


class RedisSignatureStore(SignatureStore):
    """A call waits as long as any call to the store. Its failures are counted by the store's meter."""

    def __init__(self, store: Store, life: timedelta) -> None:
        self._store = store
        self._life_ms = round(life / timedelta(milliseconds=1))

    @override
    async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
        """So many at a time as others can wait for. Where the store fails, the rest is not asked for."""
        found: dict[SignatureKey, bytes] = {}
        for at in range(0, len(keys), AT_A_TIME):
            asked = keys[at : at + AT_A_TIME]
            entries = await asyncio.gather(*map(self._get, asked))  # one write; a Cluster has them on several servers
            found |= {key: entry for key, entry in zip(asked, entries, strict=True) if isinstance(entry, bytes)}
            if any(isinstance(entry, StoreError) for entry in entries):
                break
        return found

    @override
    async def put(self, key: SignatureKey, entry: bytes) -> None:
        """What is too large is not kept, and an older entry does not stay in its place."""
        name = _name(key)
        try:
            if len(entry) > MAX_ENTRY_BYTES:
                await self._store.call("forget_signatures", name, "DEL", name, quick=True)
            else:
                await self._store.call("put_signatures", name, "SET", name, entry, "PX", self._life_ms, quick=True)
        except StoreError:
            return  # as the port says, and the meter has counted it

    async def _get(self, key: SignatureKey) -> RedisReply | StoreError:
        name = _name(key)
        try:
            return await self._store.call("get_signatures", name, "GET", name, quick=True)
        except StoreError as error:
            return error


def _name(key: SignatureKey) -> bytes:
    return b"llm-gateway:signatures:%d:%b" % (VERSION, key.hex().encode())
