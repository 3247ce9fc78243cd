"""One round of everything that can become of a chat."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from .topology import KEY, Topology

_STREAMED = {"stream": True}
_BYPASS: dict[str, Any] = {"cache": {"mode": "bypass"}}
_PROMPTS: Sequence[tuple[str, dict[str, Any]]] = (
    ("hello", {"model": "ollama"}),
    ("hello", {"model": "ollama"}),
    ("hello again", {"model": "ollama"} | _BYPASS),
    ("hello again", {"model": "gemini"} | _STREAMED | _BYPASS),
    ("hello again", {"model": "ollama"} | _STREAMED | _BYPASS),
    ("hello", {"model_hint": "fast"}),
    ("unavailable", {"model": "gemini"}),
    ("throttled", {"model": "ollama"}),
    ("rejected", {"model": "ollama"}),
    ("broken", {"model": "gemini"} | _STREAMED),
    ("broken", {"model": "ollama"}),
    ("hello", {"model": "nobody"}),
    ("hello", {"colour": "blue"}),
)


async def round_of_traffic(topology: Topology) -> set[int]:
    """The statuses that it was answered with."""
    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(trust_env=False, timeout=20, limits=limits, headers={"x-api-key": KEY}) as client:
        gateway, plain = (f"http://127.0.0.1:{port}/api/v1/chat" for port in (topology.gateway, topology.plain))
        asked = [_ask(client, gateway, prompt, **fields) for prompt, fields in _PROMPTS]
        asked += [
            _ask(client, plain, "Say hello", model="embedded", max_tokens=2, stream=stream, **_BYPASS)
            for stream in (False, True, True)  # one waits for another, and for the third there is no room
        ]
        asked += [_ask(client, gateway, "hello", model="ollama") for _ in range(20)]  # more than the quota
        statuses = set(await asyncio.gather(*asked))
        statuses.add((await client.post(gateway, headers={"x-api-key": "nobody's key"})).status_code)
        statuses.add((await client.get(gateway.replace("chat", "nothing"))).status_code)
    return statuses


async def _ask(client: httpx.AsyncClient, url: str, prompt: str, **fields: Any) -> int:
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 64} | fields
    return (await client.post(url, json=body)).status_code
