"""What holds for every `SharedStore`, and for every `StoreMeter`."""

from abc import ABC, abstractmethod

import pytest

from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.application.ports.stores import SharedStore
from llm_gateway.domain.quota import LimiterMode


@pytest.mark.asyncio
class SharedStoreContract(ABC):
    """`make_away` gives one whose server does not answer."""

    @abstractmethod
    def make(self) -> SharedStore: ...

    @abstractmethod
    def make_away(self) -> SharedStore: ...

    async def test_one_that_answers_has_no_trouble_and_always_the_same_name(self) -> None:
        store = self.make()

        assert [await store.trouble() for _ in range(3)] == [None] * 3
        assert store.name == self.make_away().name != ""

    async def test_one_that_is_away_says_why_each_time_and_never_raises(self) -> None:
        store = self.make_away()

        assert all([await store.trouble() for _ in range(10)])


class StoreMeterContract(ABC):
    @abstractmethod
    def make(self) -> StoreMeter: ...

    @pytest.mark.parametrize("failed", [True, False])
    def test_every_call_is_counted(self, failed: bool) -> None:
        meter = self.make()

        for operation in ("take", "renew", "settle", "get", "put", "forget"):
            meter.called(operation, 0.0, failed)
            meter.called(operation, 0.1, failed)

    @pytest.mark.parametrize("usable", [True, False])
    def test_whether_a_store_is_usable_is_told_as_often_as_one_likes(self, usable: bool) -> None:
        meter = self.make()

        meter.usable("redis", usable)
        meter.usable("redis", usable)

    @pytest.mark.parametrize("mode", LimiterMode)
    def test_every_way_of_deciding_is_counted(self, mode: LimiterMode) -> None:
        self.make().limiter(mode)
