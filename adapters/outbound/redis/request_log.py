"""Records of the latest requests that every gateway finds, sent some at a time once the answers have ended."""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import cast

from msgspec import MsgspecError, Struct, msgpack
from typing_extensions import override

from llm_gateway.application.ports.stores import MAX_LISTED, RequestLog
from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.clients import ClientId

from .client.store import RedisReply, Store, StoreError

VERSION = 1
LIFE_MS = 3_600_000
MAX_PENDING = 4096
"""Records that wait to be sent; while there are so many, new ones are not kept."""
AT_ONCE = 64
"""Records that are sent and not yet kept."""
CLOSE_SECONDS = 0.5
SET_ALL = "for at, name in ipairs(KEYS) do redis.call('SET', name, ARGV[at + 1], 'PX', ARGV[1]) end"
"""As one call to one server, since `MSET` gives no time to live: a call each costs ten times as much here."""

LIST_SECONDS = 1.0
"""How long the lists of latest ids wait for more: they cost a call a client and moment, and not one a request."""
MAX_LISTS = 1024
"""Clients whose lists wait to be sent; the ids of any more are not listed."""
ADD = (
    "redis.call('LPUSH', KEYS[1], unpack(ARGV, 3)) redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1) "
    "redis.call('PEXPIRE', KEYS[1], ARGV[1])"
)


class _Entry(Struct, frozen=True, array_like=True):
    version: int
    record: RequestRecord


_encode = msgpack.Encoder().encode
_decoder = msgpack.Decoder(_Entry)


class RedisRequestLog(RequestLog):
    """What can't be sent is lost: a record is never worth an error."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: deque[RequestRecord] = deque()
        self._under_way = 0
        self._called = False
        self._closing: asyncio.Future[None] | None = None
        self._unlisted: dict[ClientId, deque[RequestId]] = {}
        self._listing: asyncio.TimerHandle | None = None

    @override
    def put(self, record: RequestRecord) -> None:
        if record.client is None or len(self._pending) >= MAX_PENDING:
            return
        self._pending.append(record)
        self._send_soon()
        self._list_later(record.client, record.id)

    @override
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        name = _name(client, request)
        try:
            return _record(await self._store.call("find", name, "GET", name), client, request)
        except StoreError:
            return None

    @override
    async def latest(self, client: ClientId, count: int) -> Sequence[RequestRecord]:
        """Those that this gateway kept are there at once, those of others after `LIST_SECONDS`."""
        self._list()
        name = _list_name(client)
        try:
            ids = await self._store.call("list", name, "LRANGE", name, 0, MAX_LISTED - 1)
            requests = [RequestId(id.decode()) for id in dict.fromkeys(ids)][:count]
            entries = await self._entries([_name(client, request) for request in requests])
        except (StoreError, UnicodeDecodeError):
            return ()
        found = (_record(entry, client, request) for entry, request in zip(entries, requests, strict=True))
        return tuple(record for record in found if record is not None)

    async def _entries(self, names: Sequence[bytes]) -> Sequence[RedisReply]:
        if names and self._store.has_one_server:
            return cast("list[RedisReply]", await self._store.call("list", names[0], "MGET", *names))
        return await asyncio.gather(*[self._store.call("list", name, "GET", name) for name in names])

    async def aclose(self) -> None:
        """Send what is left, for `CLOSE_SECONDS` at most."""
        self._list()
        if self._pending or self._under_way:
            self._closing = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._closing,), timeout=CLOSE_SECONDS)
        self._pending.clear()

    def _list_later(self, client: ClientId, request: RequestId) -> None:
        ids = self._unlisted.get(client)
        if ids is not None:
            ids.append(request)
        elif len(self._unlisted) < MAX_LISTS:
            self._unlisted[client] = deque((request,), MAX_LISTED)
            if self._listing is None:
                self._listing = asyncio.get_running_loop().call_later(LIST_SECONDS, self._list)

    def _list(self) -> None:
        if self._listing is None:
            return
        self._listing.cancel()
        self._listing = None
        unlisted, self._unlisted = self._unlisted, {}
        for client, ids in unlisted.items():
            name = _list_name(client)
            self._start(1, name, "EVAL", ADD, 1, name, LIFE_MS, MAX_LISTED, *ids)

    def _send_soon(self) -> None:
        """In the next turn of the loop: this one has answers to write."""
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._called = False
        records = [self._pending.popleft() for _ in range(min(len(self._pending), AT_ONCE - self._under_way))]
        if len(records) > 1 and self._store.has_one_server:
            names = [_name_of(record) for record in records]
            self._start(len(records), names[0], "EVAL", SET_ALL, len(names), *names, LIFE_MS, *map(_entry, records))
        else:
            for record in records:
                name = _name_of(record)
                self._start(1, name, "SET", name, _entry(record), "PX", LIFE_MS)
        if self._under_way:
            return
        if self._pending:
            self._send_soon()
        elif self._closing is not None and not self._closing.done():
            self._closing.set_result(None)

    def _start(self, records: int, name: bytes, *command: str | bytes | int) -> None:
        try:
            kept = self._store.start("record", name, *command)
        except StoreError:
            return  # as the port says, and the meter has counted it
        self._under_way += records
        kept.add_done_callback(partial(self._kept, records))

    def _kept(self, records: int, _: "asyncio.Future[RedisReply]") -> None:
        """A failure is as good here, as the port says, and the meter has counted it."""
        self._under_way -= records
        self._send_soon()


def _record(data: RedisReply, client: ClientId, request: RequestId) -> RequestRecord | None:
    """None for what is not this record, whatever it is."""
    try:
        entry = _decoder.decode(data) if isinstance(data, bytes) else None
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if entry is None or (entry.version, entry.record.client, entry.record.id) != (VERSION, client, request):
        return None
    return entry.record


def _entry(record: RequestRecord) -> bytes:
    return _encode(_Entry(VERSION, record))


def _name_of(record: RequestRecord) -> bytes:
    assert record.client is not None
    return _name(record.client, record.id)


def _name(client: ClientId, request: RequestId) -> bytes:
    """A digest of both, so that no choice of an id reaches into another client's."""
    digest = blake2b(msgpack.encode((client, request)), digest_size=16).hexdigest()
    return b"llm-gateway:record:%d:%b" % (VERSION, digest.encode())


def _list_name(client: ClientId) -> bytes:
    return b"llm-gateway:requests:%d:%b" % (VERSION, blake2b(client.encode(), digest_size=16).hexdigest().encode())
