"""The Gemini models that there are to route to: the configured one, and in the background the vendor's list."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Task, is_name

from .client import NO_KEY, GeminiClient
from .failures import GeminiFailures, credentials_refused
from .models import PACKAGED, GeminiModels
from .places import MAX_STOPS, SEED_BITS

REFRESH_SECONDS: Final = 600.0
AGAIN_SECONDS: Final = 30.0
"""Between refreshes while they fail."""
LIST_SECONDS: Final = 20.0
MAX_MODELS: Final = 1_000

_TASKS: Final = {"generateContent": Task.CHAT, "embedContent": Task.EMBED}

_log = logging.getLogger(__name__)


class _Listed(Struct, frozen=True):
    """A model as the vendor's list has it. `tasks` is None for one that is not in it."""

    name: str
    tasks: frozenset[Task] | None = None
    context_length: int | None = None
    output_limit: int | None = None


class GeminiDirectory(EndpointDirectory):
    """The configured model first, whatever the list says of it; every other model answers only requests that name it.

    A refresh that fails changes nothing, but for one that shows that the key is refused. Without a key: no I/O.
    """

    def __init__(self, client: GeminiClient, clock: Clock, *, model: str, models: GeminiModels = PACKAGED) -> None:
        self._client = client
        self._models = models
        self._clock = clock
        self._model = model
        self._task: asyncio.Task[None] | None = None
        self._unlisted = _Listed(model)
        unusable = None if client.configured else NO_KEY
        self._states: tuple[EndpointState, ...] = (self._state(self._unlisted, unusable),)

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        return self._client.answering.told(self._states)

    def start(self) -> None:
        """Inside a running loop."""
        if self._client.configured and self._task is None:
            self._task = asyncio.create_task(self._keep_fresh())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def refresh(self) -> bool:
        """Ask the vendor once. False where that failed; never raises."""
        try:
            listed = await self._list()
        except Exception as error:
            self._failed(error)
            return False
        configured = next((model for model in listed if model.name == self._model), self._unlisted)
        others = [model for model in listed if model.name != self._model]
        self._states = tuple(self._state(model, None) for model in (configured, *others))
        return True

    async def _keep_fresh(self) -> None:
        while True:
            fresh = await self.refresh()
            await self._clock.sleep(REFRESH_SECONDS if fresh else AGAIN_SECONDS)

    async def _list(self) -> list[_Listed]:
        found: dict[str, _Listed] = {}
        for model in await self._client.transport.models(until=self._clock.monotonic() + LIST_SECONDS):
            name = (model.name or "").removeprefix("models/")
            listed = {_TASKS[action] for action in model.supported_generation_methods or () if action in _TASKS}
            tasks = listed.intersection(self._facts(name).tasks or ())
            if is_name(name) and tasks:
                limits = model.input_token_limit, model.output_token_limit
                found.setdefault(name, _Listed(name, frozenset(tasks), *limits))
            if len(found) >= MAX_MODELS:
                break
        return sorted(found.values(), key=lambda model: model.name)

    def _failed(self, error: Exception) -> None:
        if credentials_refused(error):
            self._states = tuple(replace(state, unusable=self._client.refused) for state in self._states)
        failure = GeminiFailures(self._states[0].endpoint.id, self._clock.now).failure(error)
        _log.warning("The list of models could not be refreshed. %s", failure.message)

    def _facts(self, name: str) -> ModelFacts:
        return self._models.of(name, self._clock.now()).facts

    def _state(self, listed: _Listed, unusable: str | None) -> EndpointState:
        model = self._models.of(listed.name, self._clock.now())
        facts = model.facts
        known = frozenset(facts.tasks or ()) or frozenset({Task.CHAT})  # one that is configured is asked all the same
        return EndpointState(
            endpoint=Endpoint(
                id=EndpointId(provider=self._client.provider, model=listed.name),
                locality=Locality.CLOUD,  # also behind a local address: it may pass prompts on
                fingerprint=self._client.address,
            ),
            features=model.features,
            left_out=model.left_out,
            tasks=known if listed.tasks is None else listed.tasks,
            configured=self._client.configured,
            unusable=unusable,
            pin_only=listed.name != self._model,
            signs_calls=bool(facts.signatures),
            context_length=listed.context_length or facts.context_length,
            output_limit=listed.output_limit or facts.output_limit,
            max_stops=MAX_STOPS,
            seed_bits=SEED_BITS,
            media_types=frozenset(facts.media_types or ()),
        )
