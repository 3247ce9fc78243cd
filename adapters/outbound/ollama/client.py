"""The calls that an Ollama server takes, and the clients of one server."""

from collections.abc import Mapping

from msgspec import json

from llm_gateway.application.ports.system import Clock
from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.routing import Locality

from ..vendor_http.client import CONNECT_SECONDS, MAX_BODY_BYTES
from . import wire
from .rest import OllamaRest
from .transport import Connect, OllamaTransport, ServerAccess, ServerAnswer
from .wire import Models, Shown


class OllamaClient:
    """One server's calls. `until` and `first_by`: when each is given up, on the clock."""

    def __init__(self, transport: OllamaTransport) -> None:
        self._transport = transport
        self.aclose = transport.aclose

    def chat(self, body: bytes, headers: Mapping[str, str], *, streamed: bool, first_by: float) -> ServerAnswer:
        """Of texts that `wire.chat_part` reads."""
        return self._transport.ask("/api/chat", body, headers, streamed=streamed, first_by=first_by)

    def embedding(self, body: bytes, headers: Mapping[str, str], *, first_by: float) -> ServerAnswer:
        """Of a text that `wire.vectors` reads."""
        return self._transport.ask("/api/embed", body, headers, streamed=False, first_by=first_by)

    async def shown(self, model: str, *, until: float) -> Shown:
        body = json.encode({"model": model})
        return await self._transport.look("/api/show", wire.shown.decode, body=body, until=until)

    async def listed(self, *, until: float) -> Models:
        return await self._transport.look("/api/tags", wire.models, until=until)

    async def loaded(self, *, until: float) -> Models:
        return await self._transport.look("/api/ps", wire.models, until=until)

    async def version(self, *, until: float) -> str | None:
        """Answered at once, whatever the server loads."""
        return (await self._transport.look("/api/version", wire.about.decode, until=until)).version


class Clients:
    """One server's clients: the one for models on the premises can't reach any other address."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        connect: Connect = OllamaRest,
        api_key: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._base_url = server_address(base_url)
        self._clock = clock
        self._connect = connect
        self._api_key = api_key
        self._max_body_bytes = max_body_bytes
        self._connect_seconds = connect_seconds
        self._clients: dict[Locality, OllamaClient] = {}

    def of(self, locality: Locality) -> OllamaClient:
        """To be called inside the event loop that will use it. Raises `BadAddress`."""
        client = self._clients.get(locality)
        if client is None:
            server = ServerAccess(
                base_url=self._base_url,
                guarded=locality is Locality.ON_PREMISES,
                api_key=self._api_key,
                max_body_bytes=self._max_body_bytes,
                connect_seconds=self._connect_seconds,
            )
            client = self._clients[locality] = OllamaClient(self._connect(server, self._clock))
        return client

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
