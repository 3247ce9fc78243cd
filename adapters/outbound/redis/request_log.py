"""Records of the latest requests that every gateway finds, sent some at a time once the answers have ended."""

import asyncio
from collections import deque
from hashlib import blake2b

from msgspec import MsgspecError, Struct, msgpack
from typing_extensions import override

from llm_gateway.application.ports.stores import RequestLog
from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.clients import ClientId

from .client.store import Store, StoreError

VERSION = 1
LIFE_MS = 3_600_000
MAX_PENDING = 4096
"""Records that wait to be sent; while there are so many, new ones are not kept."""
AT_ONCE = 64
CLOSE_SECONDS = 0.5


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
        self._sending: asyncio.Task[None] | None = None

    @override
    def put(self, record: RequestRecord) -> None:
        if record.client is None or len(self._pending) >= MAX_PENDING:
            return
        self._pending.append(record)
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())

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
        sending = self._sending
        if sending is not None and (await asyncio.wait((sending,), timeout=CLOSE_SECONDS))[1]:
            sending.cancel()

    async def _send(self) -> None:
        try:
            while self._pending:
                batch = [self._pending.popleft() for _ in range(min(AT_ONCE, len(self._pending)))]
                await asyncio.gather(*map(self._keep, batch))
        finally:
            self._sending = None

    async def _keep(self, record: RequestRecord) -> None:
        assert record.client is not None
        name = _name(record.client, record.id)
        try:
            await self._store.call("record", name, "SET", name, _encode(_Entry(VERSION, record)), "PX", LIFE_MS)
        except StoreError:
            return  # as the port says, and the meter has counted it


def _name(client: ClientId, request: RequestId) -> bytes:
    """A digest of both, so that no choice of an id reaches into another client's."""
    digest = blake2b(msgpack.encode((client, request)), digest_size=16).hexdigest()
    return b"llm-gateway:record:%d:%b" % (VERSION, digest.encode())
