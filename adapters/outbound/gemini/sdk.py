"""The vendor's SDK as a transport, kept from everything that it would do on its own."""

import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from google import genai
from google.genai import types
from google.genai.client import DebugConfig
from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.session import authorities
from .media import Json
from .sdk_chunks import REPLACED, SdkChunks, told_neutrally, wired
from .sdk_session import Upstream, open_session
from .transport import (
    API_VERSION,
    BASE_URL,
    MAX_PAGES,
    PAGE_SIZE,
    Account,
    GeminiChunks,
    GeminiTransport,
    encoded,
    prompt_in,
    resource_of,
)
from .wire import (
    ContentEmbedding,
    CountTokensResponse,
    EmbedContentResponse,
    GenerateContentResponse,
    Model,
    UsageMetadata,
)

VERTEX_VERSION: Final = "v1beta1"
_TASKS: Final = ["generateContent", "embedContent"]
"""Vertex AI tells none of its models."""


class GeminiSdk(GeminiTransport):
    def __init__(self, account: Account, clock: Clock, *, connect_seconds: float, max_body_bytes: int) -> None:
        """Inside a running loop. Everything that the SDK would look up in the environment is given, but for the
        application-default credentials, which it looks for at the first call to Vertex AI.
        """
        self._clock = clock
        self._session = open_session(connect_seconds, max_body_bytes)
        self._vertex = account.vertex is not None
        base_url = account.base_url or (None if account.vertex else BASE_URL)
        plain = base_url is not None and not base_url.startswith("https:")
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else authorities()
        self._sdk = genai.Client(
            api_key=None if account.vertex else account.api_key,
            vertexai=self._vertex,
            project=account.vertex.project if account.vertex else None,
            location=account.vertex.location if account.vertex else None,
            debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version=VERTEX_VERSION if account.vertex else API_VERSION,
                retry_options=types.HttpRetryOptions(attempts=1),
                aiohttp_client=self._session,
                # mostly for clients that the SDK makes and never uses, which a malformed HTTP_PROXY would make fail
                client_args={"verify": trusted, "trust_env": False},
                async_client_args={"verify": trusted, "trust_env": False, "ssl": trusted},
            ),
        )
        self._models = self._sdk.aio.models

    @override
    async def answer(
        self, model: str, body: Json, *, headers: Mapping[str, str], until: float
    ) -> GenerateContentResponse:
        with told_neutrally(), Upstream(encoded(body)).attached():
            async with self._clock.timeout_at(until):
                reply = await self._models.generate_content(model=model, contents=REPLACED, config=_config(headers))
        return wired(reply)

    @override
    def chunks(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> GeminiChunks:
        return SdkChunks(self._models, self._clock, model, _config(headers), Upstream(encoded(body)), until)

    @override
    async def count(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> CountTokensResponse:
        asked = prompt_in(body)
        if not self._vertex:
            asked = {"generateContentRequest": {"model": resource_of(model)} | asked}
        config = types.CountTokensConfig(http_options=types.HttpOptions(headers=dict(headers)))
        with told_neutrally(), Upstream(encoded(asked)).attached():
            async with self._clock.timeout_at(until):
                reply = await self._models.count_tokens(model=model, contents=REPLACED, config=config)
        return CountTokensResponse(total_tokens=reply.total_tokens)

    @override
    async def embeddings(
        self, model: str, texts: Sequence[str], dimensions: int | None, *, headers: Mapping[str, str], until: float
    ) -> EmbedContentResponse:
        # the newer models would make one vector of all plain strings (python-genai #2523)
        contents: list[Any] = [types.Content(parts=[types.Part(text=text)]) for text in texts]
        config = types.EmbedContentConfig(
            output_dimensionality=dimensions, http_options=types.HttpOptions(headers=dict(headers))
        )
        with told_neutrally(), Upstream().attached():
            async with self._clock.timeout_at(until):
                reply = await self._models.embed_content(model=model, contents=contents, config=config)
        usage = reply.usage_metadata
        return EmbedContentResponse(
            embeddings=[ContentEmbedding(values=one.values) for one in reply.embeddings or ()],
            usage_metadata=None if usage is None else UsageMetadata(prompt_token_count=usage.prompt_token_count),
        )

    @override
    async def models(self, *, until: float) -> Sequence[Model]:
        listed: list[Model] = []
        with told_neutrally():
            async with self._clock.timeout_at(until):
                pager = await self._models.list(config=types.ListModelsConfig(page_size=PAGE_SIZE))
                listed += map(self._model, pager.page)
                with suppress(IndexError):  # after the last
                    for _ in range(1, MAX_PAGES):
                        listed += map(self._model, await pager.next_page())
        return listed

    def _model(self, model: types.Model) -> Model:
        limits = model.input_token_limit, model.output_token_limit
        if self._vertex:
            return Model((model.name or "").rpartition("/")[2], _TASKS, *limits)
        return Model(model.name, model.supported_actions, *limits)

    @override
    async def aclose(self) -> None:
        await self._sdk.aio.aclose()
        self._sdk.close()
        await self._session.close()


def _config(headers: Mapping[str, str]) -> types.GenerateContentConfigDict:
    """It neither runs tools nor asks again."""
    return {
        "http_options": {"headers": dict(headers)},
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
    }
