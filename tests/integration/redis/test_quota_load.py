"""What clients get of four gateways on one Redis: their quotas and no more, whatever else the machine does."""

import asyncio
from typing import Final

import pytest

from .quota_load import CASES, QuotaLoad, busy, excess
from .valkey import Valkey

CALLERS: Final = 50
SECONDS: Final = 4.0


async def press_one_after_another(url: str) -> dict[str, dict[str, float]]:
    found = {}
    async with QuotaLoad(url) as load:
        with busy(4):
            for case in CASES:
                stop = asyncio.Event()
                asyncio.get_running_loop().call_later(SECONDS, stop.set)
                await load.press([case], CALLERS, stop)
                found[case.name] = excess(case, load.given)
                statuses = {one.status for one in load.given if one.case == case.name}
                assert statuses <= {200, 429}, case.name
    return found


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_four_gateways_give_no_client_more_than_its_quota_on_a_busy_machine(server: Valkey) -> None:
    found = asyncio.run(press_one_after_another(server.url))
    print(found)
    assert not [(name, limit) for name, limits in found.items() for limit, above in limits.items() if above > 0]
