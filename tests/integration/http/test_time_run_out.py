"""A request whose own time ran out before it could be begun is not begun: nobody waits for it any more."""

import asyncio
import json
from datetime import timedelta

import pytest

from llm_gateway.adapters.inbound.http.common import requests
from llm_gateway.adapters.inbound.http.common.problems import RequestTimeout
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer

from .served import Serve, eventually, stopped_clock

BODIES = {
    "/api/v1/chat": {"messages": [{"role": "user", "content": "Late"}]},
    "/v1/chat/completions": {"model": "ollama", "stream": True, "messages": [{"role": "user", "content": "Late"}]},
    "/v1/embeddings": {"model": "ollama", "input": "Late"},
}


class LaterTime:
    """Time that passes when the test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("path", BODIES)
async def test_what_waited_too_long_behind_another_is_not_begun(
    start: Serve, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Two requests on one connection: the second's time is counted from when it came, not from its turn."""
    time = LaterTime()
    monkeypatch.setattr("llm_gateway.adapters.inbound.http.server.protocol.time", time)
    monkeypatch.setattr(requests, "time", time)
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("First.")])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request("First"))
    await eventually(lambda: len(model.calls) == 1)
    await wire.send(served.request(path=path, body=json.dumps(BODIES[path]).encode(), x_gateway_timeout="5"))
    await eventually(lambda: any(len(each.pipeline) == 1 for each in served.server.server_state.connections))  # type: ignore[union-attr]
    time.now += 6
    await clock.advance(1)
    async with asyncio.timeout(10):
        assert (await wire.answer())[0] == 200
        status, _, body = await wire.answer()
    assert (status, b'"request_timeout"' in body) == (408, True)
    assert len(model.calls) == 1
    assert served.observer.records[-1].error == "RequestTimeout"


def test_what_is_left_of_its_time_is_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "time", LaterTime())
    assert requests.time_left(timedelta(seconds=5), LaterTime.now - 3) == timedelta(seconds=2)
    with pytest.raises(RequestTimeout):
        requests.time_left(timedelta(seconds=5), LaterTime.now - 5)
