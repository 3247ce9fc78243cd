"""A cold model behind a whole gateway: it is loaded once, and who waits for it is told that the line is alive."""

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace

from ..ollama.server import answer, ollama_server
from .served import serve

WAITING = 8


async def test_a_load_is_asked_for_once_and_keeps_every_waiting_stream_alive() -> None:
    async with ollama_server() as ollama:
        ollama.loaded.clear()
        ollama.may_load.clear()
        ollama.scripts = [answer("Warm", " now.")]
        async with serve(None, pace=Pace(keep_alive=0.02), ollama_base_url=ollama.url) as served:
            wires = [await served.connect() for _ in range(WAITING)]
            for number, wire in enumerate(wires):
                await wire.send(served.chat_request(f"Question {number}", model_hint="secure", stream=True))
            for wire in wires:
                for _ in range(3):
                    await wire.until(b": keep-alive\n\n")
            assert len(ollama.loads()) == 1
            assert not ollama.chats()

            ollama.may_load.set()

            for wire in wires:
                rest = await wire.until(b"event: done")
                assert b"Warm" in rest
                assert b" now." in rest
        assert len(ollama.loads()) == 1
        assert len(ollama.chats()) == WAITING
