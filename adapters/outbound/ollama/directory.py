"""Which models a server has, as it describes them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from typing_extensions import override

from llm_gateway.application.ports.system import Clock
from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.routing import EndpointId, EndpointState, is_name

from ..vendor_http.errors import HttpRefusal
from ..vendor_http.server_directory import MAX_MODELS, ServerDirectory
from .addresses import DEFAULT_URL
from .catalogue import OllamaServer, Pulled, pulled, states
from .client import Clients
from .failures import OllamaFailures
from .names import hosted_elsewhere, same_model
from .rest import OllamaRest
from .transport import Connect
from .version import ServerVersion
from .wire import Shown


class OllamaDirectory(ServerDirectory):
    """The models of one server. Without a `base_url` it is the vendor's default address, configured once it answers."""

    misconfigured = "refused access, or is no Ollama server"

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
        self._base_url = server_address(base_url or DEFAULT_URL)
        super().__init__(clock, EndpointId(provider=provider, model=model), self._base_url)
        self._clients = Clients(self._base_url, clock, connect=connect, api_key=api_key)
        self._configured = base_url is not None
        self._num_ctx = num_ctx
        self._version = version or ServerVersion()
        self._models: tuple[Pulled, ...] = ()
        self._contexts: Mapping[str, int] = {}
        self._loaded_models: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {})
        self._states = self._tell()

    def loaded(self) -> Mapping[str, int]:
        """The context in tokens of each model that was loaded when last seen, 0 where it is not known."""
        if self._loaded_models[0] is not self._contexts:
            names = [state.endpoint.id.model for state in self._states]
            loaded = {
                name: context for name in names for one, context in self._contexts.items() if same_model(one, name)
            }
            self._loaded_models = self._contexts, loaded
        return self._loaded_models[1]

    async def look_loaded(self) -> None:
        """Ask which models are loaded. Never raises for the server's troubles."""
        with suppress(ProviderError), self._failures():
            self._contexts = await self._loaded()

    @override
    async def aclose(self) -> None:
        await super().aclose()
        await self._clients.aclose()

    @override
    def _failures(self) -> OllamaFailures:
        return OllamaFailures(self._id, self._clock.now)

    @override
    def _lost(self) -> None:
        self._version.forget()

    @override
    def _greeting(self) -> str:
        return f"answers, version {self._version.text}"

    @override
    async def _look(self) -> None:
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
        self._configured = True

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

    @override
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


def _address(base_url: str) -> str:
    """Without the name and password that a URL can hold."""
    return base_url.rpartition("@")[2].rstrip("/")
