"""What a server that the operator names offers, and whether it answers: looked at in the background."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

from typing_extensions import override

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderTimeout
from llm_gateway.domain.routing import UNSEEN, EndpointId, EndpointState, Locality

from .addresses import resolves_on_premises

UP_SECONDS: Final = 30.0
DOWN_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0
LAST_KNOWN_SECONDS: Final = 60.0
"""How long what was last seen of a server goes on to hold while it can't be looked at: a look that fails is no proof
that a call would. The calls themselves find out, and another endpoint is asked then.
"""
MAX_MODELS: Final = 1_000

_log = logging.getLogger(__name__)


class ServerDirectory(EndpointDirectory):
    """The models of one server, `id` first. Who makes one tells it once what is known from the start.

    A server that does not answer is looked at again soon, and skipped once what was last seen of it is too old. It is
    on the premises where every address of its host is.
    """

    misconfigured = "refused access when last asked"

    def __init__(self, clock: Clock, id: EndpointId, base_url: str) -> None:
        self._clock = clock
        self._id = id
        self._host = urlsplit(base_url if "://" in base_url else f"//{base_url}").hostname or "localhost"
        self._locality = Locality.ON_PREMISES  # until it is known: a client for it can't leave the premises
        self._unusable: str | None = UNSEEN
        self._trouble: str | None = None
        self._holds_until = clock.monotonic()
        self._states: Sequence[EndpointState] = ()
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

    async def look(self) -> None:
        """Never raises for the server's troubles."""
        self._trouble = None
        try:
            with self._failures():
                async with self._clock.timeout_at(self._soon()):
                    at_home = await resolves_on_premises(self._host)
                self._locality = Locality.ON_PREMISES if at_home else Locality.CLOUD
                await self._look()
        except ProviderError as error:
            self._lost()
            self._trouble = self._reason(error)
            if self._clock.monotonic() >= self._holds_until:
                self._unusable = self._trouble
        else:
            self._unusable = None
            self._holds_until = self._clock.monotonic() + LAST_KNOWN_SECONDS
        states = self._tell()
        if states != self._states:  # plans are remembered as long as this stays the same
            self._states = states

    @abstractmethod
    def _failures(self) -> AbstractContextManager[object]:
        """Turns what goes wrong into a `ProviderError`."""
        ...

    @abstractmethod
    async def _look(self) -> None:
        """Asks the server. Its place is known."""
        ...

    @abstractmethod
    def _tell(self) -> Sequence[EndpointState]:
        """What is known, as a tuple."""
        ...

    def _lost(self) -> None:
        """A look failed."""

    def _greeting(self) -> str:
        """What the log says of a server that answers again."""
        return "answers"

    def _soon(self) -> float:
        return self._clock.monotonic() + ANSWER_SECONDS

    async def _keep_looking(self) -> None:
        while True:
            before = self._trouble or self._unusable
            await self.look()
            if self._trouble != before:
                _log.info("%s: %s", self._id.provider, self._trouble or self._greeting())
            await self._clock.sleep(UP_SECONDS if self._trouble is None else DOWN_SECONDS)

    def _reason(self, error: ProviderError) -> str:
        match error:
            case ProviderRefused():
                return "not reachable at its address"
            case ProviderTimeout():
                return "did not answer in time when last asked"
            case ProviderMisconfigured():
                return self.misconfigured
            case _:
                return "answered wrongly when last asked"
