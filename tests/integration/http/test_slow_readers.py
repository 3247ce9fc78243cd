"""What waits for clients that read slowly is bounded together: who has most waiting is told, and the call ends."""

import asyncio

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.events import Finished, TextDelta

from .served import Serve, Served, Wire, eventually, stopped_clock

MOST_BYTES = 1 << 20
PART = TextDelta(text="x" * 100_000)
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="scripted-1")
LONG: Script = [TextDelta(text="Begun."), Wait(1), *[(PART,)] * 200, END]
CLIENTS = 12


async def begun(served: Served, text: str) -> Wire:
    """A client that has read the beginning of its answer, and stops there."""
    wire = await served.connect()
    await wire.send(served.chat_request(text, stream=True))
    await wire.until(b"Begun.")
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return wire


async def test_slow_readers_of_many_answers_are_cut_with_an_error_event(start: Serve) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, LONG)
    served = await start(model, max_answers_bytes=MOST_BYTES, max_answer_bytes=1 << 30)
    backlog = served.gateway.flights.backlog
    wires = [await begun(served, f"{number}") for number in range(CLIENTS)]
    await clock.advance(1)
    await eventually(lambda: model.open_calls < CLIENTS)
    assert 0 < backlog.bytes <= MOST_BYTES

    ends = []
    for wire in wires:
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        body = await read_to_the_end(wire)
        ends.append(body[-2000:])
    cut = [end for end in ends if b"event: error" in end]
    assert 0 < len(cut) < CLIENTS
    assert all(b'"code":"overloaded"' in end and b'"status":503' in end for end in cut)
    assert all(b"event: done" in end for end in ends if end not in cut)
    await eventually(lambda: not len(served.gateway.flights))
    assert backlog.bytes == 0
    outcomes = [record.error for record in served.observer.records]
    assert outcomes.count("SlowReader") == len(cut)


async def test_of_one_answer_s_readers_the_slow_one_is_cut_and_the_quick_one_reads_it_all(start: Serve) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, LONG)
    served = await start(model, max_answers_bytes=MOST_BYTES, max_answer_bytes=1 << 30)
    quick = await served.connect()
    await quick.send(served.chat_request(stream=True))
    await quick.until(b"Begun.")
    slow = await begun(served, "Hello")

    await clock.advance(1)
    assert b"event: done" in await read_to_the_end(quick)
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    end = await read_to_the_end(slow)

    assert b'"code":"overloaded"' in end
    assert b"event: done" not in end
    assert len(model.calls) == 1


async def read_to_the_end(wire: Wire) -> bytes:
    """The last of the body."""
    seen = b""
    while not seen.endswith(b"\r\n0\r\n\r\n"):
        part = await wire.reader.read(1 << 20)
        assert part, "the connection is kept"
        seen = (seen + part)[-4000:]
        await asyncio.sleep(0)
    return seen
