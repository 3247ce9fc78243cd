"""The script on a real server does, in any order of events, what the account and an independent account of it say."""

import asyncio
from collections.abc import Coroutine, Iterator
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.store import Store, open_store
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Charge, Quota, ReservationId

from ...unit.application.test_quota_waits import BURSTS, Asking, Burst, StoppedClock
from ...unit.application.test_quota_waits import QUOTAS as SMALL_QUOTAS
from ...unit.domain.test_limits_machine import QUOTAS, Limits
from .conftest import PATIENCE, REDIS
from .set_time import TimedRateLimiter
from .valkey import Valkey

T = TypeVar("T")


class Bench:
    """A store, and the event loop that it lives in."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.store: Store = self.done(self._open(url))
        self._numbers = count()

    async def _open(self, url: str) -> Store:
        return open_store("redis", url, SystemClock(), SilentStoreMeter(), patience=PATIENCE, look_up=PATIENCE)

    def done(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def new_client(self, quota: Quota) -> Client:
        return Client(id=ClientId(f"machine {next(self._numbers)}"), namespace="team", quota=quota)

    def close(self) -> None:
        self.done(self.store.aclose())
        self._runner.close()


@pytest.fixture(params=["valkey", REDIS])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    server: Valkey = request.getfixturevalue("server" if request.param == "valkey" else "redis_server")
    opened = Bench(server.url)
    yield opened
    opened.close()


@pytest.mark.search
def test_the_script_the_memory_adapter_and_the_model_agree_step_by_step(bench: Bench) -> None:
    class Shared(Limits):
        @initialize(quota=QUOTAS, start=st.sampled_from((0, 1_000, 1_800_000_000_057)))
        @override
        def begin(self, quota: Quota, start: int) -> None:
            super().begin(quota, start)
            self.shared = TimedRateLimiter(bench.store, self.clock)
            self.shared_client = bench.new_client(quota)
            bench.done(self.shared.take(self.shared_client, Charge(), ReservationId("first")))

        @override
        def _take(self, charge: Charge, id: str) -> int:
            wait = super()._take(charge, id)
            said = bench.done(self.shared.take(self.shared_client, charge, ReservationId(id)))
            assert said == self.last
            return wait

        @override
        def _renew(self, id: str) -> None:
            super()._renew(id)
            bench.done(self.shared.renew(self.shared_client, ReservationId(id)))

        @override
        def _settle(self, id: str, tokens: int) -> None:
            super()._settle(id, tokens)
            bench.done(self.shared.settle(self.shared_client, ReservationId(id), tokens))

        @invariant()
        def it_says_the_same_when_it_is_only_asked(self) -> None:
            self.count += 1
            self._take(Charge(), f"asked {self.count}")

    bounds = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)
    run_state_machine_as_test(Shared, settings=bounds)


@pytest.mark.search
def test_who_waits_as_long_as_the_script_told_is_admitted(bench: Bench) -> None:
    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(SMALL_QUOTAS, BURSTS)
    def asks(quota: Quota, bursts: list[Burst]) -> None:
        clock = StoppedClock()
        limiter = TimedRateLimiter(bench.store, clock)
        bench.done(Asking(limiter, clock, bench.new_client(quota)).run(bursts))

    asks()
