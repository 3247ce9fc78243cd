"""Replicas that lose messages, crash and come back keep a client's quota, leave nothing held, and go on together."""

import asyncio
from secrets import randbelow

import pytest

from llm_gateway.application.fallback_limiter import AbsentPolicy

from .replicas import Replicas

IN_CI, NIGHTLY = 200, 20_000


def go_through(seeds: range) -> None:
    for seed in seeds:
        try:
            asyncio.run(Replicas(seed).run())
        except Exception as error:
            raise AssertionError(f"Replicas({seed}).run(): {type(error).__name__}: {error}") from error


@pytest.mark.search
def test_two_hundred_schedules() -> None:
    go_through(range(IN_CI))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_twenty_thousand_schedules_that_no_night_had_before() -> None:
    first = randbelow(2**48)
    go_through(range(first, first + NIGHTLY))


@pytest.mark.search
def test_the_simulation_finds_a_policy_that_keeps_no_limit() -> None:
    async def all_open() -> None:
        for seed in range(100):
            await Replicas(seed, [AbsentPolicy.OPEN]).run()

    with pytest.raises(AssertionError, match=r"\d+ of \d+"):
        asyncio.run(all_open())
