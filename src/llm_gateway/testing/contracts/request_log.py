"""What holds for every `RequestLog`."""

from abc import ABC, abstractmethod

import pytest
from msgspec.structs import replace

from llm_gateway.application.ports.stores import MAX_LISTED, RequestLog
from llm_gateway.application.records import CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.clients import ClientId

from .observer import FULL
from .timed import Timed

ONE, OTHER = ClientId("one"), ClientId("other")


@pytest.mark.asyncio
class RequestLogContract(Timed, ABC):
    """`max_records` and `max_age_seconds` are what bounds the log that `make` returns, None for no such bound."""

    max_records: int | None = None
    max_age_seconds: float | None = None

    @abstractmethod
    def make(self) -> RequestLog: ...

    async def settle(self) -> None:
        """Wait until what was put is kept. For a log that keeps things later, override it."""

    async def test_a_record_is_found_as_it_was_put(self) -> None:
        log = self.make()
        log.put(FULL)
        await self.settle()
        assert await log.find(ONE, FULL.id) == FULL

    async def test_a_record_is_found_by_its_own_client_alone(self) -> None:
        log = self.make()
        log.put(FULL)
        await self.settle()
        assert await log.find(OTHER, FULL.id) is None
        assert await log.find(ONE, RequestId("another")) is None

    async def test_two_clients_may_use_the_same_id(self) -> None:
        log = self.make()
        log.put(FULL)
        log.put(replace(FULL, client=OTHER, cache=CacheStatus.HIT))
        await self.settle()
        mine, theirs = await log.find(ONE, FULL.id), await log.find(OTHER, FULL.id)
        assert mine is not None
        assert theirs is not None
        assert (mine.cache, theirs.cache) == (CacheStatus.MISS, CacheStatus.HIT)

    async def test_the_latest_of_an_id_wins(self) -> None:
        log = self.make()
        log.put(FULL)
        log.put(replace(FULL, error="ProviderBroken"))
        await self.settle()
        found = await log.find(ONE, FULL.id)
        assert found is not None
        assert found.error == "ProviderBroken"

    async def test_a_record_without_a_client_is_nobodys(self) -> None:
        log = self.make()
        log.put(RequestRecord(id=RequestId("r1"), error="Unauthenticated"))
        await self.settle()
        assert await log.find(ClientId(""), RequestId("r1")) is None

    async def test_ids_and_clients_do_not_run_into_each_other(self) -> None:
        log = self.make()
        log.put(replace(FULL, client=ClientId("a"), id=RequestId("b:c")))
        await self.settle()
        assert await log.find(ClientId("a:b"), RequestId("c")) is None

    async def test_a_record_expires(self) -> None:
        if self.max_age_seconds is None:
            return
        log = self.make()
        log.put(FULL)
        await self.settle()
        await self.advance(self.max_age_seconds)
        assert await log.find(ONE, FULL.id) is None

    async def test_the_oldest_goes_where_there_are_too_many(self) -> None:
        if self.max_records is None:
            return
        log = self.make()
        for number in range(self.max_records + 1):
            log.put(replace(FULL, id=RequestId(f"r{number}")))
        await self.settle()
        assert await log.find(ONE, RequestId("r0")) is None
        assert await log.find(ONE, RequestId("r1")) is not None
        assert await log.find(ONE, RequestId(f"r{self.max_records}")) is not None

    async def test_a_client_s_latest_are_listed_the_newest_first(self) -> None:
        log, client = self.make(), ClientId("in order")
        for number in range(3):
            log.put(replace(FULL, client=client, id=RequestId(f"r{number}")))
        await self.settle()
        assert [record.id for record in await log.latest(client, 2)] == ["r2", "r1"]
        assert list(await log.latest(client, 50)) == [
            replace(FULL, client=client, id=RequestId(f"r{number}")) for number in (2, 1, 0)
        ]

    async def test_none_of_another_client_s_is_listed(self) -> None:
        log, client, other = self.make(), ClientId("mine:"), ClientId("theirs")
        log.put(replace(FULL, client=client))
        log.put(replace(FULL, client=other, cache=CacheStatus.HIT))
        log.put(replace(FULL, client=None))
        await self.settle()
        assert [record.cache for record in await log.latest(client, 50)] == [CacheStatus.MISS]
        assert [record.cache for record in await log.latest(other, 50)] == [CacheStatus.HIT]
        for stranger in ("", "mine", "*"):
            assert not await log.latest(ClientId(stranger), 50)

    async def test_an_id_that_came_again_is_listed_once_as_its_latest(self) -> None:
        log, client = self.make(), ClientId("again")
        for id, error in (("r1", None), ("r2", None), ("r1", "ProviderBroken")):
            log.put(replace(FULL, client=client, id=RequestId(id), error=error))
        await self.settle()
        assert [(record.id, record.error) for record in await log.latest(client, 50)] == [
            ("r1", "ProviderBroken"),
            ("r2", None),
        ]

    async def test_what_has_expired_is_not_listed(self) -> None:
        if self.max_age_seconds is None:
            return
        log = self.make()
        log.put(FULL)
        await self.settle()
        await self.advance(self.max_age_seconds)
        assert not await log.latest(ONE, 50)

    async def test_a_list_is_bounded(self) -> None:
        log, client = self.make(), ClientId("busy")
        for number in range(MAX_LISTED + 10):
            log.put(replace(FULL, client=client, id=RequestId(f"r{number}")))
        await self.settle()
        listed = await log.latest(client, 1_000)
        assert listed[0].id == f"r{MAX_LISTED + 9}"
        assert len(listed) == min(MAX_LISTED, self.max_records or MAX_LISTED)
