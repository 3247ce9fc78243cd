"""The loading of models that are not loaded: once, however many wait, and on a budget of its own."""

import asyncio

from msgspec import Struct

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRefused, ProviderTimeout
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality, Task

from ..vendor_http.errors import HttpRefusal
from . import wire
from .client import Clients, OllamaClient
from .failures import OllamaFailures
from .names import hold_local, hosted_elsewhere, same_model, speaks_harmony
from .options import Options
from .translate_embedding import embed_load_body
from .translate_request import encoded, load_body
from .transport import whole
from .version import ServerVersion

KNOWN_SECONDS = 10.0
"""How long a model counts as loaded, and as local, after it was last seen so."""
ELSEWHERE_SECONDS = 60.0
"""How long a model that turned out to be hosted elsewhere gets nothing: the directory has looked again by then."""
_NO_LOADS = (400, 405, 501)
_TELLS_NOTHING = (404, 405, 501)
_AWAY = (ProviderBroken, ProviderRefused, ProviderTimeout)


class Loaded(Struct, frozen=True, kw_only=True):
    """What is known of a model that can answer. `harmony`: it thinks by level.

    `here`: the server loads it, and does not pass on what it is asked. `context`: the tokens that it was loaded for,
    where an answer has to be kept within them; None where the server can be told to.
    """

    harmony: bool
    here: bool = True
    context: int | None = None


class Ready(Struct, frozen=True, kw_only=True):
    """A model that can answer at once. `waited`: the seconds that its load took, for which no deadline runs."""

    model: Loaded
    waited: float = 0.0


class Loads:
    """A load runs in a task of its own, which no caller's leaving ends: the server gives up a load that no call waits
    for, so that a model slower than its clients' patience would never be there. The load's own limit ends it.
    `task` is what the models are loaded for: the server loads none for a task that it can't do.

    Whether a model is loaded as our calls need it nobody tells: `/api/ps` leaves out what makes the server load it
    anew, and since 0.30 it waits for a load itself. A call to load one that is there takes 1 to 2 ms.

    A name can come to stand for a model that is hosted elsewhere at any time, and a loaded one goes on under it.
    `/api/show` tells, and takes the server about 60 ms (ollama #5242), so it is not asked before every prompt.
    """

    def __init__(
        self,
        clients: Clients,
        options: Options,
        clock: Clock,
        load_seconds: float,
        *,
        version: ServerVersion,
        task: Task = Task.CHAT,
    ) -> None:
        self._clients = clients
        self._options = options
        self._answered_seconds = min(KNOWN_SECONDS, options.loaded_seconds / 2)
        self._clock = clock
        self._load_seconds = load_seconds
        self._version = version
        self._for = task
        self._known: dict[Endpoint, tuple[float, Loaded]] = {}
        self._elsewhere: dict[Endpoint, float] = {}
        self._tasks: dict[Endpoint, asyncio.Task[Loaded]] = {}

    async def ready(self, to: Endpoint, look_until: float) -> Ready:
        """Waits until the model is loaded. `look_until` limits what is asked before, and not the load.

        Raises `ProviderMisconfigured` for a model that was to be local and is not.
        """
        now = self._clock.monotonic()
        if now < self._elsewhere.get(to, 0.0):
            hold_local(to)
        if (known := self._remembered(to)) is not None:
            return Ready(model=known)
        loading = self._tasks.get(to)
        if loading is None:
            seen = await self._look(to, look_until)
            if not seen.here:
                self._know(to, seen, KNOWN_SECONDS)
            if (known := self._remembered(to)) is not None:  # or loaded for another, while the server was asked
                return Ready(model=known)
            loading = self.load(to, seen)
        began = self._clock.monotonic()
        loaded = await asyncio.shield(loading)
        return Ready(model=loaded, waited=self._clock.monotonic() - began)

    def load(self, to: Endpoint, seen: Loaded) -> "asyncio.Task[Loaded]":
        """The load that is under way, else another."""
        task = self._tasks.get(to)
        if task is None:
            task = self._tasks[to] = asyncio.create_task(self._load(to, seen), name=f"load {to.name}")
            task.add_done_callback(lambda ended: self._ended(to, ended))
        return task

    def answered(self, to: Endpoint, ready: Ready) -> None:
        """It has just answered, so it is loaded, unless it was configured not to stay so."""
        self._know(to, ready.model, self._answered_seconds)

    def failed(self, to: Endpoint, error: ProviderError, *, elsewhere: bool) -> None:
        """`elsewhere`: what answered was not the local model."""
        self._known.pop(to, None)
        if isinstance(error, _AWAY):
            self._version.forget()
        if elsewhere:
            self._elsewhere[to] = self._clock.monotonic() + ELSEWHERE_SECONDS

    async def aclose(self) -> None:
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remembered(self, to: Endpoint) -> Loaded | None:
        until, model = self._known.get(to, (0.0, None))
        return model if self._clock.monotonic() < until else None

    def _know(self, to: Endpoint, model: Loaded, seconds: float) -> None:
        self._known[to] = (self._clock.monotonic() + seconds, model)

    async def _look(self, to: Endpoint, until: float) -> Loaded:
        """What the server tells of a model before it loads it; one that is hosted elsewhere is never loaded."""
        try:
            with OllamaFailures(to.id, self._clock.now):
                client = self._clients.of(to.locality)
                try:
                    shown = await client.shown(to.id.model, until=until)
                except HttpRefusal as refusal:
                    if to.locality is not Locality.CLOUD or refusal.status not in _TELLS_NOTHING:
                        raise
                    # another's server that speaks Ollama's chat: if it lacks the model, the chat says so
                    return Loaded(harmony=speaks_harmony(None, to.id.model), here=False)
                await self._version.learn(client, until=until)
        except ProviderError as error:
            self.failed(to, error, elsewhere=False)
            raise
        elsewhere = bool(shown.remote_host) or hosted_elsewhere(to.id.model)
        if elsewhere:
            hold_local(to)
        family = shown.details.family if shown.details else None
        return Loaded(harmony=speaks_harmony(family, to.id.model, shown.capabilities), here=not elsewhere)

    def _ended(self, to: Endpoint, task: "asyncio.Task[Loaded]") -> None:
        self._tasks.pop(to, None)
        if not task.cancelled() and task.exception() is None:
            self._know(to, task.result(), KNOWN_SECONDS)

    async def _load(self, to: Endpoint, seen: Loaded) -> Loaded:
        until = self._clock.monotonic() + self._load_seconds
        with OllamaFailures(to.id, self._clock.now, "the model was not loaded in time"):
            client = self._clients.of(to.locality)
            try:
                if await self._loaded_at(client, to.id, until):
                    hold_local(to)
                    return Loaded(harmony=seen.harmony, here=False)
            except HttpRefusal as refusal:
                if refusal.status not in _NO_LOADS:
                    raise
                return Loaded(harmony=seen.harmony, here=False)  # the prompt is refused as well, or needs no load
            return Loaded(harmony=seen.harmony, context=await self._context(client, to.id.model, until))

    async def _loaded_at(self, client: OllamaClient, to: EndpointId, until: float) -> str | None:
        """Has the model loaded. The host that it runs at, where that is another one."""
        if self._for is Task.EMBED:
            nothing = encoded(to, embed_load_body(to.model, self._options))
            return wire.vectors.decode(await whole(client.embedding(nothing, {}, first_by=until))).remote_host
        body = load_body(to.model, self._options)
        if self._version.fixes_shift:
            body.pop("shift", None)
        part = wire.chat_part.decode(await whole(client.chat(encoded(to, body), {}, streamed=False, first_by=until)))
        if not part.done:
            raise ProviderBroken(to.provider, "the model's load broke off")
        return part.remote_host

    async def _context(self, client: OllamaClient, name: str, until: float) -> int | None:
        """What a model was just loaded for, where its answers are to be kept within that."""
        if self._for is not Task.CHAT or not self._version.fixes_shift:
            return None
        try:
            loaded = (await client.loaded(until=until)).models
        except HttpRefusal:
            return None
        lengths = (one.context_length for one in loaded if same_model(one.model or one.name or "", name))
        return next((length for length in lengths if length is not None and length > 0), None)
