"""What a process does that serves and nothing else."""

import asyncio
import gc
from collections.abc import Sequence

import pytest
from typing_extensions import override

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.bootstrap import serving
from llm_gateway.bootstrap.serving import YOUNG_OBJECTS, keep_for_good
from llm_gateway.domain.routing import UNSEEN, Endpoint, EndpointId, EndpointState, Locality


def test_what_start_up_made_is_not_looked_through_again() -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    gc.disable()
    try:
        keep_for_good()
        assert gc.get_freeze_count() > before + 1_000
        assert gc.isenabled()
        assert gc.get_threshold() == (YOUNG_OBJECTS, *thresholds[1:]), "what a turn of the loop holds is no garbage"
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
        gc.unfreeze()


class Seen(EndpointDirectory):
    """Looked at after so many snapshots."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.asked = 0

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        self.asked += 1
        endpoint = Endpoint(id=EndpointId(provider="ollama", model="m"), locality=Locality.ON_PREMISES)
        return [
            EndpointState(
                endpoint=endpoint, features=frozenset(), unusable=UNSEEN if self.asked <= self.after else None
            )
        ]


async def test_what_is_announced_waits_for_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_TURN_SECONDS", 0.001)
    endpoints = Seen(after=3)
    until = asyncio.create_task(asyncio.Event().wait())
    await serving._seen(endpoints, until)
    assert endpoints.snapshot()[0].unusable is None
    monkeypatch.setattr(serving, "FIRST_LOOKS_SECONDS", 0.005)
    never = Seen(after=1_000)
    await serving._seen(never, until)
    assert never.asked <= 6
    until.cancel()
