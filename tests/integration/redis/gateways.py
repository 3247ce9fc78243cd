"""Gateways over a shared store that one client asks, and what they write to it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from secrets import token_hex
from typing import Any, TypeAlias

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret

from ..http.served import Served, serve

Writes: TypeAlias = list[bytes]
"""What was written to stores, a write each."""


class Gateways:
    """Each has a model of its own, and they share what they may."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.key = token_hex(16)
        self.name = f"client-{token_hex(8)}"
        self.models: list[ScriptedChatModel] = []

    async def open(self, capacity: int = 1_000, others: Sequence[ClientSettings] = (), **settings: Any) -> Served:
        """With the one client, who is sent for where nothing else is said, and `others`."""
        model = ScriptedChatModel(ScriptedClock())
        self.models.append(model)
        me = ClientSettings(
            name=self.name, keys=(Secret(self.key),), requests=BucketSettings(capacity=capacity, refill_rate=0.001)
        )
        urls = {name: Secret(url) for name, url in settings.items() if name.endswith("redis_url")}
        served = await self._stack.enter_async_context(
            serve({"ollama": model}, clients=(me, *others), **settings | urls)
        )
        served.client.headers["x-api-key"] = self.key
        return served

    @property
    def calls(self) -> int:
        return sum(len(model.calls) for model in self.models)


class WatchedTransport:
    """A connection whose writes are counted: those of one turn of the loop may arrive as one all the same."""

    def __init__(self, transport: asyncio.Transport, writes: Writes) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
