"""One account at the vendor, and what carries its calls."""

from typing import Final, Literal, Protocol, TypeAlias

from llm_gateway.adapters.outbound.vendor_http.client import CONNECT_SECONDS, MAX_BODY_BYTES
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.errors import ProviderMisconfigured

from .answering import AnsweringModels
from .transport import GeminiTransport

BASE_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""Where thinking, signatures and JSON schemas are documented."""
NO_KEY: Final = "GEMINI_API_KEY is not set"
KEY_REFUSED: Final = "GEMINI_API_KEY is refused"

Carrier: TypeAlias = Literal["rest", "sdk"]


class _Opens(Protocol):
    def __call__(
        self,
        *,
        api_key: str,
        base_url: str,
        api_version: str,
        clock: Clock,
        connect_seconds: float,
        max_body_bytes: int,
    ) -> GeminiTransport: ...


class GeminiClient:
    """Made inside a running loop; without a key it does nothing at all."""

    def __init__(
        self,
        *,
        provider: str,
        api_key: str | None,
        clock: Clock,
        base_url: str | None = None,
        carrier: Carrier = "rest",
        connect_seconds: float = CONNECT_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self.provider = provider
        self.base_url = server_address(base_url or BASE_URL)
        self.answering = AnsweringModels(provider)
        self._transport: GeminiTransport | None = None
        if api_key:
            self._transport = _opens(carrier)(
                api_key=api_key,
                base_url=self.base_url,
                api_version=API_VERSION,
                clock=clock,
                connect_seconds=connect_seconds,
                max_body_bytes=max_body_bytes,
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


def _opens(carrier: Carrier) -> _Opens:
    """Imports what it needs, and no more."""
    if carrier == "rest":
        from .rest import RestTransport

        return RestTransport
    from .sdk import SdkTransport

    return SdkTransport
