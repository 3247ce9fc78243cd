"""Which models a server has, and whether it answers: looked at in the background."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from typing_extensions import override

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.errors import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderTimeout
from llm_gateway.domain.routing import UNSEEN, EndpointId, EndpointState, Locality, is_name

from ..vendor_http.addresses import resolves_on_premises
from ..vendor_http.errors import HttpRefusal
from .addresses import DEFAULT_URL
from .catalogue import OllamaServer, Pulled, pulled, states
from .client import Clients
from .failures import OllamaFailures
from .names import hosted_elsewhere, same_model
from .rest import OllamaRest
from .transport import Connect
from .version import ServerVersion
from .wire import Shown

UP_SECONDS = 30.0
DOWN_SECONDS = 5.0
ANSWER_SECONDS = 5.0
LAST_KNOWN_SECONDS = 60.0
"""How long what was last seen of a server goes on to hold while it can't be looked at: a look that fails is no proof
that a call would. The calls themselves find out, and another endpoint is asked then.
"""
MAX_MODELS = 1_000

_log = logging.getLogger(__name__)


class OllamaDirectory(EndpointDirectory):
    """The models of one server. Without a `base_url` it is the vendor's default address, configured once it answers.

    A server that does not answer is looked at again soon, and skipped once what was last seen of it is too old.
    """

    def __init__(
        self,
        *,
        model: str,
        clock: Clock,
        base_url: str | None = None,
        num_ctx: int | None = None,
        api_key: str | None = None,
        provider: str = "ollama",
        version: ServerVersion | None = None,
        connect: Connect = OllamaRest,
    ) -> None:
        self._clock = clock
        self._base_url = server_address(base_url or DEFAULT_URL)
        self._clients = Clients(self._base_url, clock, connect=connect, api_key=api_key)
        self._configured = base_url is not None
        self._id = EndpointId(provider=provider, model=model)
        self._num_ctx = num_ctx
        self._version = version or ServerVersion()
        self._models: tuple[Pulled, ...] = ()
        self._contexts: Mapping[str, int] = {}
        self._locality = Locality.ON_PREMISES  # until it is known: a client for it can't leave the premises
        self._unusable: str | None = UNSEEN
        self._trouble: str | None = None
        self._holds_until = self._clock.monotonic()
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
        await self._clients.aclose()

    async def look(self) -> None:
        """Never raises for the server's troubles."""
        self._trouble = None
        try:
            with OllamaFailures(self._id, self._clock.now):
                await self._look()
        except ProviderError as error:
            self._version.forget()
            self._trouble = _reason(error)
            if self._clock.monotonic() >= self._holds_until:
                self._unusable = self._trouble
        else:
            self._unusable = None
            self._configured = True
            self._holds_until = self._clock.monotonic() + LAST_KNOWN_SECONDS
        self._states = self._tell()

    async def _keep_looking(self) -> None:
        while True:
            before = self._trouble or self._unusable
            await self.look()
            if self._trouble != before:
                _log.info("%s: %s", self._id.provider, self._trouble or f"answers, version {self._version.text}")
            await self._clock.sleep(UP_SECONDS if self._trouble is None else DOWN_SECONDS)

    async def _look(self) -> None:
        async with self._clock.timeout_at(self._soon()):
            at_home = await resolves_on_premises(_host(self._base_url))
        self._locality = Locality.ON_PREMISES if at_home else Locality.CLOUD
        client = self._clients.of(self._locality)
        await self._version.learn(client, until=self._soon())
        listed = (await client.listed(until=self._soon())).models[:MAX_MODELS]
        known = {(model.name, model.digest): model for model in self._models if model.described}
        models = []
        for one in listed:
            name, digest = key = (one.model or "", one.digest or "")
            if is_name(name) and digest.isascii():
                models.append(known.get(key) or pulled(*key, await self._shown(name)))
        if hosted_elsewhere(self._id.model) and not any(same_model(one.name, self._id.model) for one in models):
            # the server passes such a name on without having pulled it
            models.append(pulled(self._id.model, "", await self._shown(self._id.model)))
        self._models = tuple(models)
        self._contexts = await self._loaded()

    async def _shown(self, model: str) -> Shown | None:
        """None where the server can't say, or won't: it can be set to hide models that are hosted elsewhere."""
        try:
            return await self._clients.of(self._locality).shown(model, until=self._soon())
        except HttpRefusal:
            return None

    async def _loaded(self) -> Mapping[str, int]:
        """The last known ones where the server can't say: it doesn't while it loads a model (its server/sched.go)."""
        try:
            loaded = (await self._clients.of(self._locality).loaded(until=self._soon())).models
        except (HttpRefusal, TimeoutError):
            return self._contexts
        return {name: model.context_length or 0 for model in loaded if (name := model.model or model.name)}

    def _soon(self) -> float:
        return self._clock.monotonic() + ANSWER_SECONDS

    def _tell(self) -> Sequence[EndpointState]:
        server = OllamaServer(
            provider=self._id.provider,
            model=self._id.model,
            fingerprint=f"{_address(self._base_url)} num_ctx={self._num_ctx}",
            num_ctx=self._num_ctx,
            configured=self._configured,
            locality=self._locality,
            unusable=self._unusable,
            version=self._version.text,
        )
        return states(server, self._models, self._contexts)


def _host(base_url: str) -> str:
    return urlsplit(base_url if "://" in base_url else f"//{base_url}").hostname or "localhost"


def _address(base_url: str) -> str:
    """Without the name and password that a URL can hold."""
    return base_url.rpartition("@")[2].rstrip("/")


def _reason(error: ProviderError) -> str:
    match error:
        case ProviderRefused():
            return "not reachable at its address"
        case ProviderTimeout():
            return "did not answer in time when last asked"
        case ProviderMisconfigured():
            return "refused access, or is no Ollama server"
        case _:
            return "answered wrongly when last asked"
