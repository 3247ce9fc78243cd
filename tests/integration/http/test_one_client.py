"""One client that asks for more than its share is refused; others, health and metrics are answered."""

import asyncio
import math

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.bootstrap.settings import ClientSettings, Secret

from .served import Serve, eventually, stopped_clock

KEYS = ["modest-key-012345", "third-key-0123456"]
CLIENTS = tuple(ClientSettings(name=key[:5], keys=(Secret(key),)) for key in KEYS)
MOST = 4


async def test_a_client_has_half_and_what_tells_of_the_process_is_answered_when_all_is_taken(start: Serve) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Late.")])
    served = await start(model, max_answers=MOST, clients=CLIENTS)

    async def ask(text: str, key: str | None = None, path: str = "/api/v1/chat") -> tuple[int, dict[str, str], str]:
        body = {"model": "ollama", "messages": [{"role": "user", "content": text}]}
        headers = {"x-api-key": key} if key else {}
        response = await served.client.post(path, json=body, headers=headers)
        return response.status_code, dict(response.headers), response.text

    async with asyncio.TaskGroup() as asking:
        for number in range(MOST // 2):
            asking.create_task(ask(f"greedy {number}"))
        await eventually(lambda: len(model.calls) == MOST // 2)
        for path in ("/api/v1/chat", "/v1/chat/completions"):
            status, headers, text = await ask("one too many", path=path)
            assert (status, '"overloaded"' in text, "half of the answers" in text) == (503, True, True)
            assert math.isfinite(float(headers["retry-after"]))
        modest = [asking.create_task(ask(f"modest {number}", KEYS[0])) for number in range(MOST // 2)]
        await eventually(lambda: len(model.calls) == MOST)
        status, _, text = await ask("no room at all", KEYS[1])
        assert (status, "as much to do" in text) == (503, True)
        for path in ("/health", "/health/ready", "/metrics"):
            assert (await served.client.get(path)).status_code == 200
        await clock.advance(1)
    assert [task.result()[0] for task in modest] == [200] * (MOST // 2)
    outcomes = [record.error for record in served.observer.records]
    assert outcomes.count("Overloaded") == 3
