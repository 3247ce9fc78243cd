"""Which models a server offers, by its list."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec import DecodeError
from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.routing import (
    Endpoint,
    EndpointId,
    EndpointState,
    Feature,
    Locality,
    Task,
)

from ..vendor_http.errors import HttpRefusal, VendorHttpError
from ..vendor_http.server_directory import MAX_MODELS, ServerDirectory
from .client import MODELS, SpokenClient
from .dialects import SpokenModels
from .failures import SpokenFailures
from .offers import known_of, slots_in

_NO_LIST: Final = (404, 405, 501)
_ELSEWHERE: Final = (":cloud", "-cloud")
"""By the custom of Ollama, whose server passes such a model's prompts on, also where it is asked in OpenAI's form."""


class SpokenDirectory(ServerDirectory):
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
        super().__init__(clock, EndpointId(provider=provider, model=model), client.base_url)
        self._client = client
        self._models = models
        self._others = tuple(name for name in others if name != model)
        self._outside = outside
        self._has_list = False
        self.slots: int | None = None
        """How many requests the server says that it answers at once."""
        self._states = self._tell()

    @override
    def _failures(self) -> SpokenFailures:
        return SpokenFailures(self._id, self._clock.now)

    @override
    async def _look(self) -> None:
        try:
            told = await self._client.told(MODELS, self._locality, until=self._soon())
        except HttpRefusal as refusal:
            if refusal.status not in _NO_LIST:
                raise
            self._has_list = False
            return
        self._models.listed = await off_the_loop(len(told), partial(known_of, told, MAX_MODELS))
        self._has_list = True
        if (at := self._models.dialect.slots_at) is not None:
            with suppress(VendorHttpError, TimeoutError, DecodeError):  # it answers chats without it
                self.slots = slots_in(await self._client.told(at, self._locality, until=self._soon()))

    @override
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
