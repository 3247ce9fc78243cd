"""What clients get of four gateways on one Redis: their quotas and no more, whatever else the machine does."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from msgspec import Struct

from .quota_load import CASES, GATEWAYS, Case, Given, QuotaLoad, busy, excess
from .quota_troubles import TROUBLES, Trouble, skewed, skewed_gateways
from .valkey import Valkey

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

CALLERS: Final = 50
SECONDS: Final = 4.0
CALM_SECONDS, AFTER_SECONDS = 4.0, 6.0
RECOVERY_SECONDS = 2.0
LONGEST_SECONDS = 10.0
FINE = {200, 429}


async def press_one_after_another(url: str) -> Mapping[str, Mapping[str, float]]:
    found = {}
    async with QuotaLoad(url) as load:
        with busy(4):
            for case in CASES:
                stop = asyncio.Event()
                asyncio.get_running_loop().call_later(SECONDS, stop.set)
                await load.press([case], CALLERS, stop)
                found[case.name] = excess(case, load.given)
                assert {one.status for one in load.given if one.case == case.name} <= FINE, case.name
    return found


def test_four_gateways_give_no_client_more_than_its_quota_on_a_busy_machine(server: Valkey) -> None:
    found = asyncio.run(press_one_after_another(server.url))
    assert not [(name, limit, above) for name, limits in found.items() for limit, above in limits.items() if above > 0]


class Outcome(Struct, frozen=True):
    """Of all clients in one trouble: what they got above each limit, and who got nothing after it."""

    given: Sequence[Given]
    mended: float
    locked_out: Sequence[str]

    def recovery(self) -> float:
        """Seconds until the last of the gateways counts together with the others again."""
        exact = [one for one in self.given if not one.degraded and one.asked > self.mended]
        return max(
            min((one.began - self.mended for one in exact if one.port == port), default=math.inf)
            for port in {one.port for one in self.given}
        )

    def degraded_later(self) -> float:
        """The share of requests that were decided without Redis though all had recovered."""
        later = [one.degraded for one in self.given if one.asked > self.mended + RECOVERY_SECONDS]
        return sum(later) / len(later)


async def go_through(trouble: Trouble) -> Outcome:
    async with trouble.open() as ground, QuotaLoad(ground.url, ground.environ) as load:
        stop = asyncio.Event()
        pressing = asyncio.create_task(load.press(CASES, 2, stop, pause=0.25))
        await asyncio.sleep(CALM_SECONDS)
        await asyncio.to_thread(trouble.begin, ground)
        await asyncio.sleep(trouble.seconds)
        await asyncio.to_thread(trouble.end, ground)
        mended = time.monotonic()
        await asyncio.sleep(AFTER_SECONDS)
        stop.set()
        await pressing
        given = tuple(load.given)
        answered = await asyncio.gather(*(_is_admitted(load, case) for case in CASES))
        return Outcome(
            given, mended, [case.name for case, admitted in zip(CASES, answered, strict=True) if not admitted]
        )


async def _is_admitted(load: QuotaLoad, case: Case) -> bool:
    """With nothing else under way, before leases have ended and debts have refilled twice over."""
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        if (await load.ask(case)).admitted:
            return True
        await asyncio.sleep(0.25)
    return False


def most(case: Case, trouble: Trouble) -> Mapping[str, float]:
    """What the document lets a client have above each limit, in its units: one local share, and what was forgotten.

    A share below one unit is one in each gateway, and so is a share of the concurrency.
    """
    limits = {"requests": case.requests[0], "tokens": (case.tokens or (0,))[0], "concurrency": case.concurrency or 0}
    shares = {name: limit // GATEWAYS or GATEWAYS for name, limit in limits.items()}
    shares["concurrency"] = GATEWAYS * max(1, limits["concurrency"] // GATEWAYS)
    return {name: trouble.away * shares[name] + trouble.forgets * limit for name, limit in limits.items()}


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(
            one, id=one.name, marks=[pytest.mark.external("faketime")] if one.open in (skewed, skewed_gateways) else []
        )
        for one in TROUBLES
    ],
)
def test_no_trouble_of_redis_gives_more_than_is_said_or_locks_a_client_out(trouble: Trouble) -> None:
    outcome = asyncio.run(go_through(trouble))
    above = {
        (case.name, limit): (got, most(case, trouble)[limit])
        for case in CASES
        for limit, got in excess(case, outcome.given).items()
    }
    told = f"{trouble.name}: recovery {outcome.recovery():.1f} s, above the quota, and what may be: " + ", ".join(
        f"{name} {limit} {got:.1f} ({may})" for (name, limit), (got, may) in above.items() if got > 0
    )
    print(told)
    assert {one.status for one in outcome.given} <= FINE, told
    assert not {name: found for name, found in above.items() if found[0] > found[1]}, told
    assert outcome.recovery() <= RECOVERY_SECONDS, told
    assert outcome.degraded_later() < 0.01, told
    assert not outcome.locked_out, told
    assert any(one.degraded for one in outcome.given) <= trouble.away, told
