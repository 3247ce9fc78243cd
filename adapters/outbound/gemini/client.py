"""The vendor's SDK, kept from everything that it would do on its own."""

import ssl
from typing import Final

import certifi
from google import genai
from google.genai import types
from google.genai.client import AsyncClient, DebugConfig

from llm_gateway.application.vendor_addresses import server_address
from llm_gateway.domain.errors import ProviderMisconfigured

from .answering import AnsweringModels
from .connection import MAX_BODY_BYTES, open_session

BASE_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""Where thinking, signatures and JSON schemas are documented."""
NO_KEY: Final = "GEMINI_API_KEY is not set"


class GeminiClient:
    """One account at the vendor, over one session. Made inside a running loop; without a key it does nothing at all."""

    def __init__(
        self,
        *,
        provider: str,
        api_key: str | None,
        base_url: str | None = None,
        connect_seconds: float = 10.0,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self.provider = provider
        self.base_url = server_address(base_url or BASE_URL)
        self.configured = bool(api_key)
        self.answering = AnsweringModels(provider)
        self._session = open_session(connect_seconds, max_body_bytes) if api_key else None
        self._sdk = self._make_sdk(api_key) if api_key else None

    @property
    def sdk(self) -> AsyncClient:
        if self._sdk is None:
            raise ProviderMisconfigured(self.provider, NO_KEY)
        return self._sdk.aio

    async def aclose(self) -> None:
        if self._sdk is not None and self._session is not None:
            await self._sdk.aio.aclose()
            self._sdk.close()
            await self._session.close()

    def _make_sdk(self, api_key: str) -> genai.Client:
        """Everything that the SDK would look up in the environment is given, and its retries are off."""
        trusted = _authorities() if self.base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return genai.Client(
            api_key=api_key,
            vertexai=False,
            debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
            http_options=types.HttpOptions(
                base_url=self.base_url,
                api_version=API_VERSION,
                retry_options=types.HttpRetryOptions(attempts=1),
                aiohttp_client=self._session,
                # mostly for clients that the SDK makes and never uses, which a malformed HTTP_PROXY would make fail
                client_args={"verify": trusted, "trust_env": False},
                async_client_args={"verify": trusted, "trust_env": False, "ssl": trusted},
            ),
        )


def _authorities() -> ssl.SSLContext:
    """The system's, for operators with one of their own, and the usual ones, as some systems have none."""
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted
