"""Which models a server offers, and whether it answers: looked at in the background."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderTimeout
from llm_gateway.domain.routing import (
    UNSEEN,
    Endpoint,
    EndpointId,
    EndpointState,
    Feature,
    Locality,
    Task,
)

from ..vendor_http.addresses import resolves_on_premises
from ..vendor_http.errors import HttpRefusal
from .client import SpokenClient
from .dialects import SpokenModels
from .failures import SpokenFailures
from .offers import known_of

UP_SECONDS: Final = 30.0
DOWN_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0
LAST_KNOWN_SECONDS: Final = 60.0
"""How long what was last seen of a server goes on to hold while it can't be looked at."""
MAX_MODELS: Final = 1_000
_NO_LIST: Final = (404, 405, 501)
_ELSEWHERE: Final = (":cloud", "-cloud")
"""By the custom of Ollama, whose server passes such a model's prompts on, also where it is asked in OpenAI's form."""

_log = logging.getLogger(__name__)


class SpokenDirectory(EndpointDirectory):
    """The models of one server: its own `model`, and the `others` that it is to offer, or all that its list has.

    `outside`: the server passes requests on, so that none of its models is on the premises, wherever it is itself.
    """

    def __init__(
        self,
        client: SpokenClient,
        clock: Clock,
        models: SpokenModels,
        *,
        provider: str,
        model: str,
        others: Sequence[str] = (),
        outside: bool = False,
    ) -> None:
        self._client = client
        self._clock = clock
        self._models = models
        self._id = EndpointId(provider=provider, model=model)
        self._others = tuple(name for name in others if name != model)
        self._outside = outside
        self._has_list = False
        self._locality = Locality.ON_PREMISES  # until it is known: a client for it can't leave the premises
        self._unusable: str | None = UNSEEN
        self._holds_until = clock.monotonic()
        self._states = self._tell()
        self._task: asyncio.Task[None] | None = None

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        return self._states

    def start(self) -> None:
        """Look now, and again for ever. To be called inside the event loop."""
        self._task = self._task or asyncio.create_task(self._keep_looking())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def look(self) -> bool:
        """Whether it answered. Never raises for the server's troubles."""
        trouble: str | None = None
        try:
            with SpokenFailures(self._id, self._clock.now):
                await self._look()
        except ProviderError as error:
            trouble = _reason(error)
            if self._clock.monotonic() >= self._holds_until:
                self._unusable = trouble
        else:
            self._unusable = None
            self._holds_until = self._clock.monotonic() + LAST_KNOWN_SECONDS
        states = self._tell()
        if states != self._states:
            self._states = states
        return trouble is None

    async def _keep_looking(self) -> None:
        while True:
            before = self._unusable
            answered = await self.look()
            if self._unusable != before:
                _log.info("%s: %s", self._id.provider, self._unusable or "answers")
            await self._clock.sleep(UP_SECONDS if answered else DOWN_SECONDS)

    async def _look(self) -> None:
        async with self._clock.timeout_at(self._soon()):
            at_home = await resolves_on_premises(urlsplit(self._client.base_url).hostname or "localhost")
        self._locality = Locality.ON_PREMISES if at_home else Locality.CLOUD
        try:
            told = await self._client.listed(self._locality, until=self._soon())
        except HttpRefusal as refusal:
            if refusal.status not in _NO_LIST:
                raise
            self._has_list = False
            return
        self._models.listed = await off_the_loop(len(told), partial(known_of, told, MAX_MODELS))
        self._has_list = True

    def _soon(self) -> float:
        return self._clock.monotonic() + ANSWER_SECONDS

    def _tell(self) -> Sequence[EndpointState]:
        others = self._others or sorted(name for name in self._models.listed if name != self._id.model)
        states = [self._state(self._id.model, pin_only=False)]
        states += (self._state(name, pin_only=True) for name in others)
        return tuple(state for state in states if state.tasks or not state.pin_only)

    def _state(self, name: str, *, pin_only: bool) -> EndpointState:
        model = self._models.of(name, self._clock.now())
        facts = model.facts
        tasks = frozenset(Task) if facts.tasks is None else frozenset(facts.tasks)
        outside = self._outside or name.lower().endswith(_ELSEWHERE)
        locality = Locality.CLOUD if outside else self._locality
        unusable = self._unusable
        if unusable is None and self._has_list and name not in (*self._models.listed, *self._others):
            unusable = "the server's list has no such model"
        elif unusable is None and not tasks:
            unusable = "this model neither chats nor embeds"
        at_home = {Feature.IMAGE_URLS} if locality is Locality.ON_PREMISES else set()  # to fetch one is to go outside
        return EndpointState(
            endpoint=Endpoint(
                id=EndpointId(provider=self._id.provider, model=name),
                locality=locality,
                fingerprint=self._client.base_url.rpartition("@")[2],
            ),
            features=model.features - at_home,
            left_out=model.left_out,
            tasks=tasks,
            unusable=unusable,
            pin_only=pin_only,
            signs_calls=bool(model.dialect.returns),
            context_length=facts.context_length,
            output_limit=facts.output_limit,
            media_types=None if facts.media_types is None else frozenset(facts.media_types),
        )


def _reason(error: ProviderError) -> str:
    match error:
        case ProviderRefused():
            return "not reachable at its address"
        case ProviderTimeout():
            return "did not answer in time when last asked"
        case ProviderMisconfigured():
            return "refused access when last asked"
        case _:
            return "answered wrongly when last asked"
