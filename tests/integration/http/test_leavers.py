"""Many who leave, in each phase of an answer, by each provider's adapter and through a whole gateway."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from msgspec import Struct

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import Carrier, GeminiClient
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.events import ChatEvent, TextDelta, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..gemini import payloads as gemini_payloads
from ..gemini.server import GeminiServer
from ..ollama import server as ollama_server
from ..ollama.transports import TRANSPORTS
from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Flood, Hold, ScriptedVendor, whole
from ..waiting import HANG_SECONDS
from .served import KEY, Served, Wire, eventually, serve

TOGETHER = 50
GONE_SECONDS = 1.0
LOOK = 4
"""Sockets and tasks of the directory's look at its server, which may be under way or keep its connection a while."""
GROWTH_BYTES = 8 << 20
WORD = "word " * 4_000
CHAT = ChatRequest(messages=(UserMessage(content=(Text(text="hi"),)),))


class Phase(Struct, frozen=True, kw_only=True):
    """Where in an answer one leaves: what each provider says. `read`: the first part was; `fills`: and no more."""

    says: Mapping[str, Any]
    read: bool = True
    fills: bool = False


_PART = gemini_payloads.said({"text": WORD})
_LINE = ollama_server.line(WORD)

PHASES = (
    Phase(  # before the first token
        read=False, says={"gemini": BEFORE_THE_HEAD, "ollama": [Hold()]}
    ),
    Phase(  # in mid-stream
        says={
            "gemini": gemini_payloads.stream(_PART, then=(Hold(),)),
            "ollama": ollama_server.stream(_LINE, then=[Hold()]),
        },
    ),
    Phase(  # while nobody takes what is sent
        fills=True,
        says={
            "gemini": Answer((Flood(gemini_payloads.sse(_PART)),), headers={"Content-Type": "text/event-stream"}),
            "ollama": [
                ollama_server.HEAD,
                Flood(ollama_server.chunk(_LINE)),
            ],
        },
    ),
)
LAST = {
    "gemini": gemini_payloads.stream(gemini_payloads.said({"text": "fine"}, finish="STOP")),
    "ollama": ollama_server.answer("fine"),
}
ENDPOINTS = {
    "gemini": Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD),
    "ollama": Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES),
}

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to count in")
PROVIDERS = pytest.mark.parametrize("provider", ["gemini", "ollama"])
EACH_TRANSPORT = pytest.mark.parametrize("transport", TRANSPORTS)
LEAVERS = pytest.mark.parametrize(
    "leavers", [36, pytest.param(10_050, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])]
)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


SERVERS: Mapping[str, Callable[[], ScriptedVendor]] = {
    "gemini": lambda: GeminiServer(whole({"models": []})),
    "ollama": ollama_server.OllamaServer,
}


@asynccontextmanager
async def adapter(provider: str, url: str, transport: Carrier) -> AsyncIterator[ChatModel]:
    clock = SystemClock()
    if provider == "ollama":
        model = OllamaChatModel(base_url=url, clock=clock, connect=TRANSPORTS[transport])
        yield model
        await model.aclose()
    else:
        client = GeminiClient(provider="gemini", api_key="key-1", base_url=url, clock=clock, carrier=transport)
        yield GeminiChatModel(client, clock)
        await client.aclose()


class Leaving(Protocol):
    """So many begin, leave together, and are gone."""

    async def __call__(self, phase: Phase, number: int) -> None: ...


async def leave_in_every_phase(server: ScriptedVendor, provider: str, leavers: int, leaving: Leaving) -> None:
    """With nothing left behind: no call, no socket, no task, no memory."""
    together = min(TOGETHER, leavers // len(PHASES) // 4)
    batches = leavers // together // len(PHASES)
    tasks = sockets = 0
    resident = []
    for batch in range(batches):
        for phase in PHASES:
            server.scripts = [phase.says[provider]]
            await leaving(phase, together)
        server.forget()
        if batch >= batches // 2 - 1:  # by then the allocator has what it needs for so many at once
            resident.append(resident_bytes())
            tasks, sockets = tasks or len(asyncio.all_tasks()), sockets or descriptors()
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks + LOOK and descriptors() <= sockets + LOOK)
    third = len(resident) // 3
    grown = min(resident[-third:]) - min(resident[:third])  # what a batch takes for a while varies
    print(f"{leavers} left {provider}: {grown / 1e6:+.1f} MB in the second half")
    assert grown < GROWTH_BYTES


async def hung_up(server: ScriptedVendor) -> None:
    """The provider sees it within a second."""
    await eventually(lambda: not server.open_calls, within=GONE_SECONDS)


@PROVIDERS
@EACH_TRANSPORT
@LEAVERS
async def test_an_adapter_forgets_who_leaves(provider: str, leavers: int, transport: Carrier) -> None:
    async with SERVERS[provider]().running() as server, adapter(provider, server.url, transport) as model:

        def ask() -> AsyncGenerator[ChatEvent, None]:
            deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
            return flattened(model.events(ENDPOINTS[provider], CHAT, grain=Grain.STREAM, deadline=deadline, headers={}))

        async def leaving(phase: Phase, number: int) -> None:
            if phase.read:
                answers = [ask() for _ in range(number)]
                for _ in range(2):
                    events = await asyncio.gather(*(anext(answer) for answer in answers))
                assert all(isinstance(event, TextDelta) for event in events)
                await asyncio.gather(*(answer.aclose() for answer in answers))
                await hung_up(server)
                return
            tasks = [asyncio.create_task(collect(ask())) for _ in range(number)]
            await eventually(lambda: server.open_calls >= number)
            for task in tasks:
                task.cancel()
            await hung_up(server)
            await asyncio.gather(*tasks, return_exceptions=True)

        await leave_in_every_phase(server, provider, leavers, leaving)
        server.scripts = [LAST[provider]]
        assert (await collect(ask())).content == "fine"


@PROVIDERS
@EACH_TRANSPORT
@LEAVERS
async def test_a_gateway_forgets_who_leaves(provider: str, leavers: int, transport: Carrier) -> None:
    client = ClientSettings(name="counted", keys=(Secret(KEY),), concurrency=1_000_000)
    async with SERVERS[provider]().running() as server:
        urls = {f"{provider}_base_url": server.url, f"{provider}_transport": transport} | (
            {"gemini_api_key": Secret("key-1")} if provider == "gemini" else {}
        )
        settings: dict[str, Any] = {"api_keys": (), "clients": (client,), "max_answer_bytes": 1 << 30, **urls}
        async with serve(None, **settings) as served:

            async def leaving(phase: Phase, number: int) -> None:
                wires = await asyncio.gather(*(_asking(served, provider, phase) for _ in range(number)))
                await eventually(lambda: server.open_calls >= number)
                if phase.fills:
                    await eventually(lambda: _blocked(served) >= number)
                for wire in wires:
                    wire.reset()
                await hung_up(server)
                await eventually(lambda: served.observer.active == 0)
                served.observer.requests.clear()  # it holds how each attempt ended, with all that was said

            await leave_in_every_phase(server, provider, leavers, leaving)
            assert len(served.gateway.flights) == 0
            assert _leases(served) == 0
            server.scripts = [LAST[provider]]
            assert "fine" in (await served.chat("The last one", model=provider, stream=True)).text


async def _asking(served: Served, provider: str, phase: Phase) -> Wire:
    """A client with a question of its own. It reads the first part and no more, or waits for one."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # little is on its way before the server has to wait
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", served.port))
    wire = Wire(*await asyncio.open_connection(sock=raw))
    await wire.send(served.chat_request(f"Question {id(wire)}", model=provider, stream=True, cache={"mode": "bypass"}))
    if phase.read:
        await wire.until(b"event: delta")
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return wire


def _blocked(served: Served) -> int:
    connections: Sequence[Any] = list(served.server.server_state.connections)
    return sum(bool(open.flow.write_paused) for open in connections)


def _leases(served: Served) -> int:
    limiter: Any = served.gateway.answer_chat._throttle._limiter
    return sum(account.leases for account in limiter._accounts.values())
