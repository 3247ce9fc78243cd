"""The record of requests in this process keeps its contract and its bounds."""

from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.records import RequestId
from llm_gateway.testing import MemoryRequestLog, RequestLogContract, ScriptedClock
from llm_gateway.testing.contracts.observer import FULL


class TestMemoryRequestLog(RequestLogContract):
    max_records = 3
    max_age_seconds = 60.0

    @override
    def make(self) -> MemoryRequestLog:
        return MemoryRequestLog(self.clock, max_records=3, max_age_seconds=60.0)


async def test_what_has_expired_makes_room() -> None:
    clock = ScriptedClock()
    log = MemoryRequestLog(clock, max_records=10, max_age_seconds=60.0)
    log.put(FULL)
    await clock.advance(60)

    log.put(replace(FULL, id=RequestId("r2")))

    assert len(log) == 1
