"""Records of the latest requests in this process, bounded in number and in age: the oldest goes first."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from typing_extensions import override

from llm_gateway.application.ports.stores import MAX_LISTED, RequestLog
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.clients import ClientId

DEFAULT_MAX_RECORDS = 4096
DEFAULT_MAX_AGE_SECONDS = 3600.0


class MemoryRequestLog(RequestLog):
    """The latest requests in this process's memory, bounded in number and in age, in seconds."""

    def __init__(
        self, clock: Clock, max_records: int = DEFAULT_MAX_RECORDS, max_age_seconds: float = DEFAULT_MAX_AGE_SECONDS
    ) -> None:
        self._clock = clock
        self._max_records = max_records
        self._max_age_seconds = max_age_seconds
        self._first_expires = 0.0
        self._records: OrderedDict[tuple[ClientId, RequestId], tuple[float, RequestRecord]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    @override
    def put(self, record: RequestRecord) -> None:
        if record.client is None:
            return
        now = self._clock.monotonic()
        key = (record.client, record.id)
        self._records.pop(key, None)  # so that the order stays that of age
        self._records[key] = (now + self._max_age_seconds, record)
        if len(self._records) > self._max_records or self._first_expires <= now:
            self._drop(now)

    def _drop(self, now: float) -> None:
        """Those that are too many, or too old. What expires first does so no earlier than what did before it."""
        while len(self._records) > self._max_records or next(iter(self._records.values()))[0] <= now:
            self._records.popitem(last=False)
        self._first_expires = next(iter(self._records.values()))[0]

    @override
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        expires, record = self._records.get((client, request), (0.0, None))
        return record if expires > self._clock.monotonic() else None

    @override
    async def latest(self, client: ClientId, count: int) -> Sequence[RequestRecord]:
        now = self._clock.monotonic()
        own = (
            record
            for (whose, _), (expires, record) in reversed(self._records.items())
            if whose == client and expires > now
        )
        return tuple(islice(own, min(count, MAX_LISTED)))
