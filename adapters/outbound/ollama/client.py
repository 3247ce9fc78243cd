"""The vendor's client, with the parts of the vendor's API that its `chat` and its types leave out."""

from collections.abc import AsyncGenerator, Mapping

import httpx
import ollama

from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.routing import Locality

from .transport import OllamaTransport
from .vendor import About, ChatPart, Shown, Vectors

MAX_BODY_BYTES = 32 << 20
CONNECT_SECONDS = 10.0
"""A connection that is not made in time is given up, so that another provider can be asked."""


class OllamaClient(ollama.AsyncClient):
    """Asks with bodies of our own making: the SDK's `chat` has no `truncate`, no `shift` and no headers, and its
    types drop from a tool's schema what they don't know, and from a tool call its id.
    """

    def __init__(
        self, base_url: str, transport: httpx.AsyncBaseTransport, connect_seconds: float = CONNECT_SECONDS
    ) -> None:
        timeout = httpx.Timeout(None, connect=connect_seconds)
        super().__init__(base_url, transport=transport, trust_env=False, follow_redirects=False, timeout=timeout)

    async def ask(self, body: bytes, headers: Mapping[str, str]) -> ChatPart:
        return await self._request(ChatPart, "POST", "/api/chat", content=body, headers=headers)

    async def parts(self, body: bytes, headers: Mapping[str, str], *, stream: bool) -> AsyncGenerator[ChatPart, None]:
        """The parts of an answer; one where the body asks for no stream. Nothing is sent before the first is read."""
        if not stream:
            return self._one(body, headers)
        parts = await self._request(ChatPart, "POST", "/api/chat", content=body, headers=headers, stream=True)
        assert isinstance(parts, AsyncGenerator)
        return parts

    async def _one(self, body: bytes, headers: Mapping[str, str]) -> AsyncGenerator[ChatPart, None]:
        yield await self.ask(body, headers)

    async def embedded(self, body: bytes, headers: Mapping[str, str]) -> Vectors:
        return await self._request(Vectors, "POST", "/api/embed", content=body, headers=headers)

    async def shown(self, model: str) -> Shown:
        return await self._request(Shown, "POST", "/api/show", json={"model": model})

    async def version(self) -> str | None:
        """Answered at once, whatever the server loads."""
        return (await self._request(About, "GET", "/api/version")).version

    async def aclose(self) -> None:
        await self._client.aclose()


class Clients:
    """One server's clients: the one for models on the premises can't reach any other address."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._base_url = server_address(base_url)
        self._api_key = api_key
        self._max_body_bytes = max_body_bytes
        self._connect_seconds = connect_seconds
        self._clients: dict[Locality, OllamaClient] = {}

    def of(self, locality: Locality) -> OllamaClient:
        """To be called inside the event loop that will use it."""
        client = self._clients.get(locality)
        if client is None:
            transport = OllamaTransport(
                guarded=locality is Locality.ON_PREMISES,
                api_key=self._api_key,
                max_body_bytes=self._max_body_bytes,
            )
            client = self._clients[locality] = OllamaClient(self._base_url, transport, self._connect_seconds)
        return client

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
