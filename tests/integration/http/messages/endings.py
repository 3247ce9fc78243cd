"""Every way in which a stream of Anthropic's ends, as the bytes that a client gets."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import json

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Script, ScriptedChatModel, Wait
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta

from ..served import Serve, Served, Wire, eventually, stopped_clock

URL: Final = "/v1/messages"
SIGNED: Final = {"google": {"thought_signature": "c2ln"}}
USAGE: Final = Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2, cached_tokens=1)
TOOLS: Final = [{"name": "look", "input_schema": {"type": "object"}}]
NEVER: Final = Wait(1_000)


def ended(reason: FinishReason) -> Finished:
    return Finished(reason=reason, usage=USAGE, model="scripted-9", extra_content=SIGNED)


SAID: Final[Script] = [ReasoningDelta(text="Hm."), TextDelta(text="Let me "), TextDelta(text="see.")]
CALLED: Final[Script] = [
    ToolCallDelta(index=0, id="c1", name="look", arguments='{"at":', extra_content=SIGNED),
    ToolCallDelta(index=0, arguments='"it"}'),
    ToolCallDelta(index=1, id="c2", name="look"),
]
SCRIPTS: Final[Mapping[str, Script]] = {
    "stop": [*SAID, ended(FinishReason.STOP)],
    "tools": [*SAID, *CALLED, ended(FinishReason.TOOL_CALLS)],
    "length": [*SAID, ended(FinishReason.LENGTH)],
    "filtered": [*SAID, ended(FinishReason.CONTENT_FILTER)],
    "empty": [ended(FinishReason.STOP)],
    "broken after the first event": [*SAID, *CALLED[:1], Cut()],
}


def message(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    asked = {"model": "ollama", "max_tokens": 99, "messages": [{"role": "user", "content": text}], "tools": TOOLS}
    return {**asked, "thinking": {"type": "adaptive"}, **fields}


async def streamed(served: Served, **fields: Any) -> bytes:
    """The body of a stream, from the first event to the last."""
    return await _streamed(served, **fields)


async def _streamed(
    served: Served, mark: bytes = b"message_start", then: Callable[[], Awaitable[object]] | None = None, **fields: Any
) -> bytes:
    """`then` is done once, when the mark was read."""
    body = b""
    async with served.client.stream("POST", URL, json=message(stream=True, **fields)) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        async for part in response.aiter_bytes():
            body += part
            if then is not None and mark in body:
                doing, then = then, None
                await doing()
    return body


async def begun(served: Served, until: bytes = b"see.") -> Wire:
    """A stream on its way."""
    wire = await served.connect()
    await wire.send(served.request(path=URL, body=json.encode(message(stream=True))))
    await wire.until(until)
    return wire


async def every_ending(start: Serve) -> Mapping[str, bytes]:
    """By its name the body of each, from the first event to the last."""
    ends = {}
    for name, script in SCRIPTS.items():
        ends[name] = await streamed(await start(ScriptedChatModel(stopped_clock(), script), provider_max_retries=0))
    ends["broken before the first event"] = await _broken_before(start)
    ends["drained"] = await _drained(start)
    ends["replayed"], ends["coalesced"] = await _again(start)
    return ends


async def _broken_before(start: Serve) -> bytes:
    """After a `ping`, with which the status line is out."""
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), ProviderTimeout("ollama", "too slow")])
    served = await start(model, pace=Pace(keep_alive=0.02), provider_max_retries=0)
    return await _streamed(served, b"event: ping", lambda: clock.advance(1))


async def _drained(start: Serve) -> bytes:
    served = await start(ScriptedChatModel(stopped_clock(), [*SAID, NEVER]), drain_seconds=0.05)

    async def end() -> None:
        served.server.handle_exit(signal.SIGTERM, None)

    return await _streamed(served, b"see.", end)


async def _again(start: Serve) -> tuple[bytes, bytes]:
    """An answer from the cache, and one that two share while it is made."""
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *SCRIPTS["tools"]])
    served = await start(model)
    first = asyncio.create_task(streamed(served, temperature=0))
    await eventually(lambda: bool(model.calls))
    second = asyncio.create_task(streamed(served, temperature=0))
    await eventually(lambda: served.observer.active == 2)
    await clock.advance(1)
    await first
    shared = await second
    replayed = await streamed(served, temperature=0)
    assert len(model.calls) == 1
    return replayed, shared
