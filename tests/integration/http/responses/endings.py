"""Every way in which a stream of a response ends, as the bytes that a client gets."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait
from llm_gateway.domain.chat import FinishReason
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import ToolCallDelta

from ..messages.endings import NEVER, SAID, ended
from ..messages.endings import SCRIPTS as SAME
from ..served import Serve, Served, eventually, stopped_clock

URL: Final = "/v1/responses"
SIGNED: Final = {"google": {"thought_signature": "c2ln"}}
TOOLS: Final = [
    {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False},
    {"type": "custom", "name": "patch", "description": "It patches.", "format": {"type": "text"}},
    {"type": "namespace", "name": "agents", "description": "Others.", "tools": [{"type": "function", "name": "ask"}]},
]
CALLED: Final[Script] = [
    ToolCallDelta(index=0, id="c1", name="look", arguments='{"at":', extra_content=SIGNED),
    ToolCallDelta(index=0, arguments='"it"}'),
    ToolCallDelta(index=1, id="c2", name="patch", arguments='{"input":"*** a"}'),
    ToolCallDelta(index=2, id="c3", name="agents__ask"),
]
SCRIPTS: Final[Mapping[str, Script]] = {**SAME, "tools": [*SAID, *CALLED, ended(FinishReason.TOOL_CALLS)]}


def body(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    asked = {"model": "ollama", "input": text, "tools": TOOLS, "store": False}
    return {**asked, "include": ["reasoning.encrypted_content"], **fields}


async def streamed(
    served: Served, mark: bytes = b"event", then: Callable[[], Awaitable[object]] | None = None, **fields: Any
) -> bytes:
    """The body of a stream, from the first event to the last. `then` is done once, when the mark was read."""
    read = b""
    async with served.client.stream("POST", URL, json=body(stream=True, **fields)) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        async for part in response.aiter_bytes():
            read += part
            if then is not None and mark in read:
                doing, then = then, None
                await doing()
    return read


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
    """After a comment, with which the status line is out."""
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), ProviderTimeout("ollama", "too slow")])
    served = await start(model, pace=Pace(keep_alive=0.02), provider_max_retries=0)
    return await streamed(served, b": keep-alive", lambda: clock.advance(1))


async def _drained(start: Serve) -> bytes:
    served = await start(ScriptedChatModel(stopped_clock(), [*SAID, NEVER]), drain_seconds=0.05)

    async def end() -> None:
        served.server.handle_exit(signal.SIGTERM, None)

    return await streamed(served, b"see.", end)


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
