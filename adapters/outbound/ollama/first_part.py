"""How long the first part of an answer is waited for: no longer than agreed, unless the server loads the model."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec.json import Decoder

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderError, ProviderThrottled
from llm_gateway.domain.routing import Endpoint

from ..vendor_http.errors import HttpRefusal
from .client import Clients
from .failures import OllamaFailures
from .loading import Loaded, Loads
from .transport import ServerAnswer, T, parts_of

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

    async def get(
        self, to: Endpoint, model: Loaded, answer: ServerAnswer, due: float, decoder: Decoder[T]
    ) -> tuple[Iterable[T] | None, float]:
        """What came first, and the seconds that the model's load took of the wait for it, but for the first one.

        Raises `TimeoutError` when the answer is due, moved on by those seconds.
        """
        silent = self._clock.monotonic() + SILENT_SECONDS
        if not model.here or silent >= due:
            return parts_of(await answer.next(), decoder), 0.0
        looking: asyncio.Task[None] | None = None
        moved = due

        def move(first_by: float) -> None:
            nonlocal moved
            moved = first_by
            answer.move(first_by)

        def look() -> None:
            nonlocal looking
            looking = asyncio.create_task(self._load_beside(to, model, due, move))

        alarm = self._clock.call_at(silent, look)
        try:
            parts = parts_of(await answer.next(), decoder)
        finally:
            alarm.cancel()
            if looking is not None:
                looking.cancel()
                await asyncio.wait((looking,))
        return parts, moved - due

    async def _load_beside(self, to: Endpoint, model: Loaded, due: float, move: Callable[[float], object]) -> None:
        """Until the model is loaded, the server stands still or the load's time is up. The answer is due so much later.

        To be cancelled when the answer begins.
        """
        began = self._clock.monotonic()
        until = began + self._load_seconds
        move(due + self._load_seconds)
        try:
            while self._clock.monotonic() < until and await self._lives(to):
                loading = self._loads.load(to, model)
                if not await self._ends(loading, min(until, self._clock.monotonic() + ALIVE_SECONDS)):
                    continue
                if not _queue_was_full(loading):
                    return
                await self._clock.sleep(min(until - self._clock.monotonic(), SILENT_SECONDS))
        finally:
            move(due + self._clock.monotonic() - began)

    async def _lives(self, to: Endpoint) -> bool:
        try:
            with OllamaFailures(to.id, self._clock.now), suppress(HttpRefusal):
                await self._clients.of(to.locality).version(until=self._clock.monotonic() + ALIVE_SECONDS)
        except ProviderError:
            return False
        return True

    async def _ends(self, loading: "asyncio.Task[Loaded]", when: float) -> bool:
        """Whether it does by then."""
        with suppress(TimeoutError):
            async with self._clock.timeout_at(when):
                await asyncio.wait((loading,))
        return loading.done()


def _queue_was_full(loading: "asyncio.Task[Loaded]") -> bool:
    return loading.done() and not loading.cancelled() and isinstance(loading.exception(), ProviderThrottled)
