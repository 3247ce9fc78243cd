"""The calls that a server of OpenAI's API takes: the client for models on the premises reaches no other address."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.routing import Locality

from ..vendor_http.client import CONNECT_SECONDS, MAX_BODY_BYTES, VendorHttp
from ..vendor_http.framing import ServerSentEvents
from ..vendor_http.stream import VendorStream

CHAT, EMBED, MODELS = "/chat/completions", "/embeddings", "/models"
MAX_LIST_BYTES = 16 << 20


def api_url(url: str) -> str:
    """With the version that is meant where an address has no path."""
    plain = url.strip().rstrip("/")
    return plain if urlsplit(plain).path else f"{plain}/v1"


class SpokenClient:
    """One server's calls, for chats, embeddings and its list alike. To be used inside one event loop."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        api_key: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self.base_url = api_url(base_url)
        self._clock = clock
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._max_body_bytes = max_body_bytes
        self._connect_seconds = connect_seconds
        self._open: dict[Locality, VendorHttp] = {}

    async def whole(
        self, path: str, body: bytes, headers: Mapping[str, str], locality: Locality, *, until: float
    ) -> bytes:
        return await self._http(locality).whole("POST", path, body, headers=headers, until=until)

    def stream(
        self, body: bytes, headers: Mapping[str, str], locality: Locality, *, first_by: float, until: float, idle: float
    ) -> VendorStream:
        framing = ServerSentEvents()
        return self._http(locality).stream(
            CHAT, body, headers=headers, framing=framing, first_by=first_by, until=until, idle=idle
        )

    async def told(self, path: str, locality: Locality, *, until: float) -> bytes:
        """What it says of itself, such as its list at `MODELS`."""
        return await self._http(locality).whole("GET", path, until=until, limit=MAX_LIST_BYTES)

    async def aclose(self) -> None:
        for http in self._open.values():
            await http.aclose()

    def _http(self, locality: Locality) -> VendorHttp:
        """Raises `BadAddress`."""
        http = self._open.get(locality)
        if http is None:
            http = self._open[locality] = VendorHttp(
                self.base_url,
                self._clock,
                headers=self._headers,
                guarded=locality is Locality.ON_PREMISES,
                max_body_bytes=self._max_body_bytes,
                connect_seconds=self._connect_seconds,
            )
        return http
