"""Lack of file descriptors is this process's own overload: it is held against no endpoint."""

import asyncio
import socket
import sys

import pytest

from llm_gateway.adapters.inbound.http.server.listener import BATCH, Listener
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.domain.resilience import BREAKER_FAILURES

from ..ollama.server import end, ollama_server
from ..scripted_vendor import whole
from ..waiting import HANG_SECONDS
from .served import serve, stopped_clock

if sys.platform == "win32":
    pytest.skip("limits descriptors", allow_module_level=True)

from ..descriptors import none_left


@pytest.mark.parametrize("transport", ["rest", "sdk"])
@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_descriptor_for_a_vendor_the_gateway_is_overloaded_and_the_vendor_well(
    transport: str, stream: bool
) -> None:
    async with ollama_server() as ollama:
        ollama.scripts = [whole(end(content="Hello"))]
        async with serve(
            None, ollama_base_url=ollama.url, ollama_transport=transport, provider_max_retries=0
        ) as served:
            wire = await served.connect()
            with none_left():
                for number in range(BREAKER_FAILURES + 1):
                    await wire.send(served.chat_request(f"refused {number}", model_hint="local", stream=stream))
                    status, headers, text = await wire.answer()
                    assert (status, b'"overloaded"' in text, headers["retry-after"]) == (503, True, "1")
            assert (await served.chat("and now", model_hint="local")).status_code == 200, "no breaker is open"
            assert {record.error for record in served.observer.records[:-1]} == {"OutOfDescriptors"}


async def test_without_a_descriptor_for_a_connection_it_is_refused_and_later_ones_are_taken() -> None:
    async with serve({"ollama": ScriptedChatModel(stopped_clock())}) as served:
        with socket.socket() as client:
            with none_left():
                client.connect(("127.0.0.1", served.port))
                client.setblocking(False)
                async with asyncio.timeout(HANG_SECONDS):
                    answer = await asyncio.get_running_loop().sock_recv(client, 65536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"x-content-type-options: nosniff" in answer
            assert b'"code":"overloaded"' in answer
        assert (await served.client.get("/health")).status_code == 200


async def test_one_turn_of_the_loop_accepts_a_bounded_number_of_connections() -> None:
    loop = asyncio.get_running_loop()
    begun: list[asyncio.Protocol] = []

    def begin() -> asyncio.Protocol:
        begun.append(asyncio.Protocol())
        return begun[-1]

    listening = socket.create_server(("127.0.0.1", 0), backlog=10 * BATCH)
    clients = [socket.create_connection(listening.getsockname()) for _ in range(3 * BATCH)]
    turns: list[int] = []
    listener = Listener(listening, begin)
    try:
        while len(begun) < len(clients):
            before = len(begun)
            await asyncio.sleep(0)
            turns.append(len(begun) - before)
        assert max(turns) <= BATCH
        assert not loop.is_closed()
    finally:
        listener.close()
        for one in clients:
            one.close()
