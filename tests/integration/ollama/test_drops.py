"""How long a part of an answer is waited for that comes in drops."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Hold, Wait
from ..waiting import eventually
from .server import HEAD, chunk, line, ollama_server

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
HELLO = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))


async def settled() -> None:
    """What the server sent has been read."""
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_each_drop_begins_the_pause_anew_until_the_call_has_to_end() -> None:
    clock, gates = ScriptedClock(), [asyncio.Event() for _ in range(3)]
    drops = [step for gate in gates for step in (Wait(gate), chunk(b" "))]
    async with ollama_server() as server:
        server.scripts = [[HEAD, chunk(line("a")), *drops, Hold()]]
        model = OllamaChatModel(base_url=server.url, clock=clock, idle_seconds=30)
        deadline = Deadline(clock.monotonic() + 100)
        events = model.events(LOCAL, HELLO, grain=Grain.STREAM, deadline=deadline, headers={})
        asking = asyncio.create_task(collect(flattened(events)))
        await eventually(server.chats)
        for gate in gates:
            await settled()
            await clock.advance(29)
            assert not asking.done()
            gate.set()
        await settled()
        await clock.advance(14)
        with pytest.raises(ProviderTimeout):
            await asking
        await model.aclose()
