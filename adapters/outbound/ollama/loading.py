"""Which models are loaded, and the loading of those that are not: once, however many wait."""

import asyncio
from collections.abc import Sequence

import ollama
from msgspec import Struct

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality, Task

from .client import Clients, OllamaClient
from .failures import OllamaFailures
from .names import hold_local, hosted_elsewhere, same_model, speaks_harmony
from .options import Options
from .translate_embedding import embed_load_body
from .translate_request import encoded, load_body
from .transport import Refusal
from .vendor import Shown

KNOWN_SECONDS = 10.0
"""How long a model counts as loaded, and as local, after it was last seen so."""
ELSEWHERE_SECONDS = 60.0
"""How long a model that turned out to be hosted elsewhere gets nothing: the directory has looked again by then."""

_NOT_THERE = (404, 405, 501)


class Ready(Struct, frozen=True, kw_only=True):
    """A model that can answer at once. `waited`: the seconds that its load took, for which no deadline runs."""

    harmony: bool
    waited: float = 0.0


class Loads:
    """A load runs in a task of its own, which no caller's leaving ends: the server gives up a load that no call waits
    for, so that a model slower than its clients' patience would never be there. The load's own limit ends it.
    `task` is what the models are loaded for: the server loads none for a task that it can't do.

    A name can come to stand for a model that is hosted elsewhere at any time, and `/api/ps` goes on naming the loaded
    one. `/api/show` tells, and takes the server about 60 ms (ollama #5242), so it is not asked before every prompt.
    """

    def __init__(
        self, clients: Clients, options: Options, clock: Clock, load_seconds: float, *, task: Task = Task.CHAT
    ) -> None:
        self._clients = clients
        self._options = options
        self._answered_seconds = min(KNOWN_SECONDS, options.loaded_seconds / 2)
        self._clock = clock
        self._load_seconds = load_seconds
        self._for = task
        self._known: dict[Endpoint, tuple[float, bool]] = {}
        self._elsewhere: dict[Endpoint, float] = {}
        self._tasks: dict[Endpoint, asyncio.Task[bool]] = {}

    async def ready(self, to: Endpoint, look_until: float) -> Ready:
        """Waits until the model is loaded. `look_until` limits the question whether it is, and not the load.

        Raises `ProviderMisconfigured` for a model that was to be local and is not.
        """
        now = self._clock.monotonic()
        if now < self._elsewhere.get(to, 0.0):
            hold_local(to)
        known = self._remembered(to, now)
        if known is None and to not in self._tasks:
            known = await self._look(to, look_until)
        if known is not None:
            return Ready(harmony=known)
        began = self._clock.monotonic()
        harmony = await asyncio.shield(self._task(to))
        return Ready(harmony=harmony, waited=self._clock.monotonic() - began)

    def answered(self, to: Endpoint, ready: Ready) -> None:
        """It has just answered, so it is loaded, unless it was configured not to stay so."""
        self._known[to] = (self._clock.monotonic() + self._answered_seconds, ready.harmony)

    def failed(self, to: Endpoint, *, elsewhere: bool) -> None:
        """`elsewhere`: what answered was not the local model."""
        self._known.pop(to, None)
        if elsewhere:
            self._elsewhere[to] = self._clock.monotonic() + ELSEWHERE_SECONDS

    async def aclose(self) -> None:
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remembered(self, to: Endpoint, now: float) -> bool | None:
        until, harmony = self._known.get(to, (0.0, False))
        return harmony if now < until else None

    def _know(self, to: Endpoint, *, harmony: bool) -> None:
        self._known[to] = (self._clock.monotonic() + KNOWN_SECONDS, harmony)

    async def _look(self, to: Endpoint, until: float) -> bool | None:
        """Whether it thinks by level, if it is loaded or the server can't say; None if it is to be loaded."""
        with OllamaFailures(to.id, self._clock.now):
            async with self._clock.timeout_at(until):
                if to.locality is Locality.ON_PREMISES:
                    await self._shown(to)
                running = await self._running(to)
        if running is None:
            return speaks_harmony(None, to.id.model)
        for model in running:
            if self._fits(to, model):
                harmony = speaks_harmony(model.details.family if model.details else None, to.id.model)
                self._know(to, harmony=harmony)
                return harmony
        return self._remembered(to, self._clock.monotonic())  # loaded for another, while the server was asked

    async def _running(self, to: Endpoint) -> Sequence[ollama.ProcessResponse.Model] | None:
        """None where the server can't say."""
        try:
            return (await self._clients.of(to.locality).ps()).models
        except Refusal as refusal:
            if refusal.status not in _NOT_THERE:
                raise
            return None

    def _fits(self, to: Endpoint, model: ollama.ProcessResponse.Model) -> bool:
        if not same_model(model.model or model.name or "", to.id.model):
            return False
        return self._options.num_ctx is None or model.context_length in (None, self._options.num_ctx)

    def _task(self, to: Endpoint) -> "asyncio.Task[bool]":
        task = self._tasks.get(to)
        if task is None:
            task = self._tasks[to] = asyncio.create_task(self._load(to))
            task.add_done_callback(lambda ended: self._ended(to, ended))
        return task

    def _ended(self, to: Endpoint, task: "asyncio.Task[bool]") -> None:
        self._tasks.pop(to, None)
        if not task.cancelled() and task.exception() is None:
            self._know(to, harmony=task.result())

    async def _load(self, to: Endpoint) -> bool:
        """A model that is hosted elsewhere is never loaded."""
        client = self._clients.of(to.locality)
        with OllamaFailures(to.id, self._clock.now, "the model was not loaded in time"):
            async with self._clock.timeout_at(self._clock.monotonic() + self._load_seconds):
                shown = await self._shown(to)
                if not _elsewhere(to, shown) and await self._loaded_at(client, to.id):
                    hold_local(to)
        return speaks_harmony(shown.details.family if shown.details else None, to.id.model, shown.capabilities)

    async def _shown(self, to: Endpoint) -> Shown:
        """What the server tells of a model. Raises `ProviderMisconfigured` where it was to be local and is not."""
        shown = await self._clients.of(to.locality).shown(to.id.model)
        if _elsewhere(to, shown):
            hold_local(to)
        return shown

    async def _loaded_at(self, client: OllamaClient, to: EndpointId) -> str | None:
        """Has the model loaded. The host that it runs at, where that is another one."""
        if self._for is Task.EMBED:
            return (await client.embedded(encoded(to, embed_load_body(to.model, self._options)), {})).remote_host
        part = await client.ask(encoded(to, load_body(to.model, self._options)), {})
        if not part.done:
            raise ProviderBroken(to.provider, "the model's load broke off")
        return part.remote_host


def _elsewhere(to: Endpoint, shown: Shown) -> bool:
    return bool(shown.remote_host) or hosted_elsewhere(to.id.model)
