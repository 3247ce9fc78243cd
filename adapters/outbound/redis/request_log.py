"""Records of the latest requests that every gateway finds, sent some at a time once the answers have ended."""

import asyncio
from collections import deque
from functools import partial
from hashlib import blake2b

from msgspec import MsgspecError, Struct, msgpack
from typing_extensions import override

from llm_gateway.application.ports.stores import RequestLog
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

    @override
    def put(self, record: RequestRecord) -> None:
        if record.client is None or len(self._pending) >= MAX_PENDING:
            return
        self._pending.append(record)
        self._send_soon()

    @override
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        name = _name(client, request)
        try:
            data = await self._store.call("find", name, "GET", name)
            entry = _decoder.decode(data) if isinstance(data, bytes) else None
        except (StoreError, MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if entry is None or (entry.version, entry.record.client, entry.record.id) != (VERSION, client, request):
            return None
        return entry.record

    async def aclose(self) -> None:
        """Send what is left, for `CLOSE_SECONDS` at most."""
        if self._pending or self._under_way:
            self._closing = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._closing,), timeout=CLOSE_SECONDS)
        self._pending.clear()

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


def _entry(record: RequestRecord) -> bytes:
    return _encode(_Entry(VERSION, record))


def _name_of(record: RequestRecord) -> bytes:
    assert record.client is not None
    return _name(record.client, record.id)


def _name(client: ClientId, request: RequestId) -> bytes:
    """A digest of both, so that no choice of an id reaches into another client's."""
    digest = blake2b(msgpack.encode((client, request)), digest_size=16).hexdigest()
    return b"llm-gateway:record:%d:%b" % (VERSION, digest.encode())
