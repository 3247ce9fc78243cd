"""One account at the vendor, and what carries its calls."""

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from llm_gateway.application.ports.system import Clock
from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.errors import ProviderMisconfigured

from ..vendor_http.client import CONNECT_SECONDS, MAX_BODY_BYTES
from .answering import AnsweringModels
from .transport import BASE_URL, Account, GeminiTransport, Vertex

if TYPE_CHECKING:
    from .rest import GeminiRest
    from .sdk import GeminiSdk

NO_KEY: Final = "GEMINI_API_KEY is not set"
KEY_REFUSED: Final = "GEMINI_API_KEY is refused"
CREDENTIALS_REFUSED: Final = "Google's application-default credentials are refused"

Carrier: TypeAlias = Literal["rest", "sdk"]


class GeminiClient:
    """Made inside a running loop; without a key it does nothing at all. Vertex AI is for the SDK alone.

    `address` tells accounts apart that may answer differently; it is empty for the vendor's own.
    """

    def __init__(
        self,
        *,
        provider: str,
        api_key: str | None,
        clock: Clock,
        base_url: str | None = None,
        carrier: Carrier = "rest",
        vertex: Vertex | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        url = server_address(base_url) if base_url else None
        at = f"vertex {vertex.project}/{vertex.location}" if vertex else ""
        self.provider = provider
        self.address = f"{at} {url if url and url != BASE_URL else ''}".strip()
        self.refused = CREDENTIALS_REFUSED if vertex else KEY_REFUSED
        self.answering = AnsweringModels(provider)
        self._transport: GeminiTransport | None = None
        if api_key or vertex:
            self._transport = _transport(carrier)(
                Account(api_key, url, vertex), clock, connect_seconds=connect_seconds, max_body_bytes=max_body_bytes
            )

    @property
    def configured(self) -> bool:
        return self._transport is not None

    @property
    def transport(self) -> GeminiTransport:
        if self._transport is None:
            raise ProviderMisconfigured(self.provider, NO_KEY)
        return self._transport

    async def aclose(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()


def _transport(carrier: Carrier) -> "type[GeminiRest] | type[GeminiSdk]":
    """Imports what it needs, and no more."""
    match carrier:
        case "rest":
            from .rest import GeminiRest

            return GeminiRest
        case "sdk":
            from .sdk import GeminiSdk

            return GeminiSdk
