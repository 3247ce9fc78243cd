"""How long the first part of an answer is waited for: no longer than agreed, unless the server loads the model."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderError, ProviderThrottled
from llm_gateway.domain.routing import Endpoint

from .client import Clients
from .failures import OllamaFailures
from .loading import Loaded, Loads
from .transport import Refusal

T = TypeVar("T")

SILENT_SECONDS = 1.0
"""How long a call waits for its first byte before the server is asked whether it loads the model for it."""
ALIVE_SECONDS = 5.0
"""How often, and how quickly, a server that loads a model has to say that it is there."""


class FirstParts:
    """A model can be loaded again although it was seen loaded: for another's call with other options, or because it
    was evicted since. The call that it is loaded for is silent meanwhile, and would lose the load if it were given up.

    A call to load the model is sent beside one that is silent. The server answers it at once where the model is there,
    and else when it is: nothing else that the server tells distinguishes the two (ollama's server/sched.go).
    """

    def __init__(self, loads: Loads, clients: Clients, clock: Clock, load_seconds: float) -> None:
        self._loads = loads
        self._clients = clients
        self._clock = clock
        self._load_seconds = load_seconds

    async def get(self, to: Endpoint, model: Loaded, first: Awaitable[T], limit: float) -> tuple[T, float]:
        """The first part, and the seconds that the model's load took of the wait for it, but for the first one.

        Raises `TimeoutError` at `limit`, moved on by those seconds.
        """
        asking = asyncio.ensure_future(first)
        loaded = 0.0
        try:
            silent = self._clock.monotonic() + SILENT_SECONDS
            if model.here and silent < limit and not await self._one_ends(silent, asking):
                await self._load_beside(asking, to, model)
                loaded = self._clock.monotonic() - silent
            if not await self._one_ends(limit + loaded, asking):
                raise TimeoutError
            return asking.result(), loaded
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.wait((asking,))
            if not asking.cancelled():
                asking.exception()  # taken, or the event loop would print it with all that it quotes

    async def _load_beside(self, asking: "asyncio.Future[Any]", to: Endpoint, model: Loaded) -> None:
        """Until the model is loaded, the call has begun, the server stands still or the load's time is up."""
        until = self._clock.monotonic() + self._load_seconds
        while not asking.done() and self._clock.monotonic() < until and await self._lives(to):
            loading = self._loads.load(to, model)
            if not await self._one_ends(min(until, self._clock.monotonic() + ALIVE_SECONDS), asking, loading):
                continue
            if not _queue_was_full(loading):
                return
            await self._one_ends(min(until, self._clock.monotonic() + SILENT_SECONDS), asking)

    async def _lives(self, to: Endpoint) -> bool:
        try:
            with OllamaFailures(to.id, self._clock.now):
                async with self._clock.timeout_at(self._clock.monotonic() + ALIVE_SECONDS):
                    with suppress(Refusal):
                        await self._clients.of(to.locality).version()
        except ProviderError:
            return False
        return True

    async def _one_ends(self, when: float, *tasks: "asyncio.Future[Any]") -> bool:
        """Whether one does by then."""
        with suppress(TimeoutError):
            async with self._clock.timeout_at(when):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return any(task.done() for task in tasks)


def _queue_was_full(loading: "asyncio.Future[Loaded]") -> bool:
    return loading.done() and not loading.cancelled() and isinstance(loading.exception(), ProviderThrottled)
