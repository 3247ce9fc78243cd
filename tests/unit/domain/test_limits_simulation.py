"""In no order of charges, settlements, losses, crashes, failovers and set clocks does an account break its bounds."""

import os
from concurrent.futures import ProcessPoolExecutor
from secrets import randbelow

import pytest
from typing_extensions import override

from llm_gateway.domain.quota import ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

from . import limits_simulation
from .limits_simulation import Simulation

IN_CI, NIGHTLY = 10_000, 1_000_000


def simulate(seeds: range) -> None:
    for seed in seeds:
        try:
            Simulation(seed).run()
        except Exception as error:
            raise AssertionError(f"Simulation({seed}).run(): {type(error).__name__}: {error}") from error


@pytest.mark.search
def test_ten_thousand_schedules() -> None:
    simulate(range(IN_CI))


@pytest.mark.search
@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_million_schedules_that_no_night_had_before() -> None:
    first, parts = randbelow(2**48), 100
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        size = NIGHTLY // parts
        for _ in pool.map(simulate, [range(first + part * size, first + (part + 1) * size) for part in range(parts)]):
            pass


class Waiting(QuotaAccount):
    """A clock that was set back is waited for."""

    @override
    def _advance(self, now_ms: int) -> None:
        super()._advance(max(now_ms, self._seen))


class Generous(QuotaAccount):
    """Whichever way a clock is set, that is time."""

    @override
    def _advance(self, now_ms: int) -> None:
        seen = self._seen
        super()._advance(max(now_ms, 2 * seen - now_ms))
        self._seen = now_ms


class Leaking(QuotaAccount):
    """A lease that is settled late is never given back."""

    @override
    def settle(self, reservation: ReservationId, tokens: int, now_ms: int) -> None:
        if reservation in self._reservations:
            super().settle(reservation, tokens, now_ms)
        else:
            self.leases += 1


class Twice(QuotaAccount):
    """What is settled can be settled again."""

    @override
    def settle(self, reservation: ReservationId, tokens: int, now_ms: int) -> None:
        held = self._reservations.get(reservation)
        super().settle(reservation, tokens, now_ms)
        if held is not None:
            self._reservations[reservation] = held


@pytest.mark.search
@pytest.mark.parametrize("broken", [Waiting, Generous, Leaking, Twice])
def test_the_simulation_finds_an_account_that_is_wrong(
    broken: type[QuotaAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_simulation, "QuotaAccount", broken)
    with pytest.raises(AssertionError, match=r"Simulation\(\d+\)"):
        simulate(range(200))
