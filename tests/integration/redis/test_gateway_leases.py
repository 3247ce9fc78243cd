"""What becomes of the answers that a client has under way while the Redis that counts them is silent."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret
from llm_gateway.domain.chat import ChatRequest

from ..http.served import serve
from .proxy import Proxy
from .valkey import Valkey

CONCURRENCY = 4


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


def client(key: str) -> ClientSettings:
    bucket = BucketSettings(capacity=100, refill_rate=1.0)
    return ClientSettings(name="one", keys=(Secret(key),), requests=bucket, concurrency=CONCURRENCY)


def model(when_asked: Callable[[], object]) -> ScriptedChatModel:
    def script(request: ChatRequest) -> Script:
        when_asked()
        return answer("An answer.")

    return ScriptedChatModel(ScriptedClock(), script)


def under_way(server: Valkey) -> int:
    names: list[bytes] = server.ask("KEYS", "*:leases")
    return sum(server.ask("ZCARD", name) for name in names)


async def test_a_client_is_not_locked_out_after_a_pause(own: Valkey) -> None:
    """Its answers end within the pause, which is longer than a settlement waits."""
    key, pauses = token_hex(16), iter([400])

    def pause() -> None:
        if ms := next(pauses, None):
            own.ask("CLIENT", "PAUSE", ms, "ALL")

    async with serve({"ollama": model(pause)}, redis_url=Secret(own.url), clients=(client(key),)) as served:
        served.client.headers["x-api-key"] = key
        for turn in range(3):
            texts = [f"{turn} {number}" for number in range(CONCURRENCY)]
            answers = await asyncio.gather(*map(served.chat, texts))
            assert [one.status_code for one in answers] == [200] * CONCURRENCY


async def test_what_could_not_be_settled_is_when_the_gateway_ends(own: Valkey) -> None:
    key = token_hex(16)
    async with Proxy(own.port) as wire:
        async with serve({"ollama": model(wire.cut)}, redis_url=Secret(wire.url), clients=(client(key),)) as served:
            served.client.headers["x-api-key"] = key
            assert (await served.chat()).status_code == 200
            assert under_way(own) == 1
            wire.heal()
        assert under_way(own) == 0
