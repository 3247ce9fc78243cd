"""Replies that every gateway finds, each under its key's digest. Whatever goes wrong is a miss."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from typing_extensions import override

from llm_gateway.application.begun import Begun
from llm_gateway.application.ports.stores import ReplyCache
from llm_gateway.application.ports.system import Entropy
from llm_gateway.domain.cache_key import CacheKey

from .client.store import RedisReply, Store, StoreError

VERSION = 1
MAX_ENTRY_BYTES = 256 * 1024
"""Longer than almost any answer, and short enough not to hold up the calls that share its connection."""
JITTER = 0.1
"""The share of its life by which an entry may end sooner, so that what was stored together does not end together."""


class RedisReplyCache(ReplyCache):
    def __init__(self, store: Store, entropy: Entropy) -> None:
        self._store = store
        self._entropy = entropy

    @override
    async def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, bytes]:
        return await self.begin(keys)

    @override
    def begin(self, keys: Sequence[CacheKey]) -> Awaitable[Mapping[CacheKey, bytes]]:
        names = list(map(_name, keys))
        if len(keys) > 1 and self._store.has_one_server:
            return Begun(partial(_all_entries, keys, self._start("MGET", names)))
        return Begun(partial(_entries, keys, [self._start("GET", [name]) for name in names]))

    @override
    async def put(self, key: CacheKey, entry: bytes, ttl: timedelta) -> None:
        """What is too large, or has no time to live, is not kept, and an older entry does not stay in its place."""
        name = _name(key)
        life_ms = int(ttl / timedelta(milliseconds=1) * (1 - JITTER * self._entropy.fraction()))
        try:
            if life_ms < 1 or len(entry) > MAX_ENTRY_BYTES:
                await self._store.call("forget", name, "DEL", name, quick=True)
            else:
                await self._store.call("put", name, "SET", name, entry, "PX", life_ms, quick=True)
        except StoreError:
            return  # it is not stored, and asked for again: as the port says, and the meter has counted it

    def _start(self, command: str, names: Sequence[bytes]) -> "asyncio.Future[RedisReply] | None":
        try:
            return self._store.start("get", names[0], command, *names, quick=True)
        except StoreError:
            return None


async def _entries(
    keys: Sequence[CacheKey], replies: "Sequence[asyncio.Future[RedisReply] | None]"
) -> Mapping[CacheKey, bytes]:
    return _found(keys, [await _reply(reply) for reply in replies])


async def _all_entries(
    keys: Sequence[CacheKey], reply: "asyncio.Future[RedisReply] | None"
) -> Mapping[CacheKey, bytes]:
    entries = await _reply(reply)
    return _found(keys, entries if isinstance(entries, list) else ())


async def _reply(reply: "asyncio.Future[RedisReply] | None") -> RedisReply:
    try:
        return None if reply is None else await reply
    except StoreError:
        return None


def _found(keys: Sequence[CacheKey], entries: Sequence[RedisReply]) -> Mapping[CacheKey, bytes]:
    return {key: entry for key, entry in zip(keys, entries, strict=False) if isinstance(entry, bytes)}


def _name(key: CacheKey) -> bytes:
    return b"llm-gateway:reply:%d:%b" % (VERSION, key.hex().encode())
