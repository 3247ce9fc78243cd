"""What every surface does where an answer does not come to its end: vendors, clients, and the server itself."""

import asyncio
import signal
from collections.abc import Sequence

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, ScriptedChatModel, Step, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta

from ..served import Serve, Served, eventually, stopped_clock
from .asking import ask, begin, read, refused, text_in
from .doors import Door, each_door, each_grain

NEVER = Wait(1_000)
EVENTS: Sequence[Step] = (
    ReasoningDelta(text="Hm."),
    TextDelta(text="One."),
    TextDelta(text=" Two."),
    ToolCallDelta(index=0, id="call_1", name="look", arguments='{"a": '),
    ToolCallDelta(index=0, arguments="1}"),
    ToolCallDelta(index=1, id="call_2", name="see", arguments="{}"),
    TextDelta(text=" Three."),
    Finished(reason=FinishReason.TOOL_CALLS, usage=Usage(prompt_tokens=1, completion_tokens=1), model="m"),
)


CUT, SAID = Cut(), ProviderBroken("ollama", "it said something else")
"""A vendor that closes, and one that answers wrongly: to a surface the same error, from two places."""
BREAKS = [*((True, at, (CUT, SAID)[at % 2]) for at in range(len(EVENTS))), (False, 0, SAID), (False, 3, CUT)]


@each_door
@pytest.mark.parametrize(("stream", "at", "fault"), BREAKS)
async def test_an_answer_that_breaks_off_is_never_whole(
    start: Serve, door: Door, stream: bool, at: int, fault: Step
) -> None:
    model = ScriptedChatModel(stopped_clock(), [*EVENTS[:at], fault])
    served = await start(model, provider_max_retries=0)
    response = await ask(served, door, stream=stream)
    if at == 0 or not stream:
        refused(door, response, 502)
    else:
        streamed = door.read(response.text)
        assert not streamed.whole
        assert streamed.error is not None
        assert door.message_of(streamed.error).startswith("ollama: ")
        assert streamed.text == "".join(event.text for event in EVENTS[:at] if isinstance(event, TextDelta))
    assert [record.error for record in served.observer.records] == ["ProviderBroken"]
    assert (await ask(served, door, stream=stream)).headers.get("x-gateway-cache") != "hit"


FAULTS = (
    (ProviderRejected("ollama", "no"), 400),
    (ContextLengthExceeded("ollama", "the prompt does not fit", limit=10, tokens=12), 400),
    (ProviderMisconfigured("ollama", "no key"), 502),
    (ProviderThrottled("ollama", "busy"), 503),
    (ProviderUnavailable("ollama", "down"), 503),
    (ProviderTimeout("ollama", "too slow"), 504),
)


@each_door
@each_grain
@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: type(value).__name__)
async def test_a_vendor_s_failure_has_the_same_status_everywhere(
    start: Serve, door: Door, stream: bool, fault: Exception, status: int
) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), [fault]), provider_max_retries=0)
    refused(door, await ask(served, door, stream=stream), status)
    assert [record.error for record in served.observer.records] == [type(fault).__name__]


@each_door
@pytest.mark.parametrize("ends", ["whole", "failed"])
async def test_a_late_answer_keeps_its_client_waiting_in_the_family_s_way(start: Serve, door: Door, ends: str) -> None:
    clock = stopped_clock()
    last = answer("Late.") if ends == "whole" else [ProviderTimeout("ollama", "too slow")]
    served = await start(ScriptedChatModel(clock, [Wait(1), *last]), pace=Pace(keep_alive=0.02), provider_max_retries=0)
    wire = await begin(served, door, stream=True)
    began = await wire.until(door.keep_alive) + await wire.until(door.keep_alive)
    await clock.advance(1)
    raw = began + await wire.until(b"\r\n0\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert f"content-type: {door.stream_type}".encode() in raw.lower()
    streamed = read(door, raw)
    assert (streamed.text, streamed.whole) == (("Late.", True) if ends == "whole" else ("", False))
    assert (streamed.error is None) is (ends == "whole")


@each_door
async def test_an_idle_stream_is_kept_alive_and_stays_whole(start: Serve, door: Door) -> None:
    clock = stopped_clock()
    end = answer(" two.")[-1]
    script: Sequence[Step] = [TextDelta(text="One,"), Wait(1), TextDelta(text=" two."), end]
    served = await start(ScriptedChatModel(clock, script), pace=Pace(keep_alive=0.02))
    wire = await begin(served, door, stream=True)
    raw = await wire.until(b"One,") + await wire.until(door.keep_alive) + await wire.until(door.keep_alive)
    await clock.advance(1)
    streamed = read(door, raw + await wire.until(b"\r\n0\r\n\r\n"))
    assert (streamed.text, streamed.whole) == ("One, two.", True)


async def gone(served: Served, model: ScriptedChatModel) -> None:
    await eventually(lambda: served.observer.answers and not model.open_calls, within=1)
    assert [(record.left, record.error) for record in served.observer.records] == [(True, None)]
    assert [status for _, _, status, _ in served.observer.answers] == [499]


@each_door
@each_grain
async def test_a_client_that_leaves_before_the_answer_ends_the_call(start: Serve, door: Door, stream: bool) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model)
    wire = await begin(served, door, stream=stream)
    await eventually(lambda: model.open_calls)
    wire.reset()
    await gone(served, model)


@each_door
async def test_a_client_that_leaves_in_the_middle_ends_the_call(start: Serve, door: Door) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="One."), NEVER])
    served = await start(model)
    wire = await begin(served, door, stream=True)
    await wire.until(b"One.")
    wire.reset()
    await gone(served, model)


@each_door
@each_grain
async def test_a_server_that_ends_takes_nothing_new(served: Served, door: Door, stream: bool) -> None:
    assert text_in(door, await ask(served, door))
    served.drain.set()
    response = await ask(served, door, stream=stream)
    refused(door, response, 503)
    assert response.headers["retry-after"] == "1"


@each_door
async def test_a_stream_that_the_server_s_end_cuts_ends_with_an_error(start: Serve, door: Door) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), NEVER])
    served = await start(model, drain_seconds=0.05)
    wire = await begin(served, door, stream=True)
    raw = await wire.until(b"Half")
    served.server.handle_exit(signal.SIGTERM, None)
    streamed = read(door, raw + await wire.rest())
    assert (streamed.text, streamed.whole) == ("Half", False)
    assert streamed.error is not None
    assert "about to stop" in door.message_of(streamed.error)
    assert [record.error for record in served.observer.records] == ["Draining"]


@each_door
@each_grain
async def test_what_runs_may_finish(start: Serve, door: Door, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Finished.")])
    served = await start(model, drain_seconds=100)
    asking = asyncio.create_task(ask(served, door, stream=stream))
    await eventually(lambda: model.open_calls)
    served.server.handle_exit(signal.SIGTERM, None)
    await eventually(lambda: served.drain.is_set())
    await clock.advance(1)
    assert text_in(door, await asking) == "Finished."


@each_door
@each_grain
async def test_a_request_s_own_timeout_ends_it(start: Serve, door: Door, stream: bool) -> None:
    clock = ScriptedClock()
    model = ScriptedChatModel(stopped_clock(), [NEVER])
    served = await start(model, overrides={"clock": clock})
    asking = asyncio.create_task(ask(served, door, stream=stream, headers={"x-gateway-timeout": "300"}))
    await eventually(lambda: model.open_calls)
    await clock.advance(300)
    refused(door, await asking, 504)
