"""The vendor's SDK as a transport, kept from everything that it would do on its own."""

import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import aiohttp
import certifi
from google import genai
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai import types
from google.genai.client import DebugConfig
from typing_extensions import override

from llm_gateway.adapters.outbound.vendor_http.errors import HttpRefusal, Unconnected
from llm_gateway.adapters.outbound.vendor_http.session import neutral
from llm_gateway.application.ports.system import Clock

from .media import Json
from .sdk_session import Upstream, open_session
from .transport import (
    API_VERSION,
    BASE_URL,
    MAX_PAGES,
    PAGE_SIZE,
    Account,
    GeminiChunks,
    GeminiTransport,
)
from .wire import (
    ANSWERS,
    ContentEmbedding,
    EmbedContentResponse,
    GenerateContentResponse,
    Model,
    UsageMetadata,
    read,
)

VERTEX_VERSION: Final = "v1beta1"
_TASKS: Final = ["generateContent", "embedContent"]
"""Vertex AI tells none of its models."""
_REPLACED: Final = types.Content(parts=[types.Part(text="")])
"""The SDK asks for contents of its own type, each of which it converts for up to half a millisecond, on the event loop.
Those of the body take their place.
"""


class SdkTransport(GeminiTransport):
    def __init__(self, account: Account, clock: Clock, *, connect_seconds: float, max_body_bytes: int) -> None:
        """Inside a running loop. Everything that the SDK would look up in the environment is given, but for the
        application-default credentials, which it looks for at the first call to Vertex AI.
        """
        self._clock = clock
        self._session = open_session(connect_seconds, max_body_bytes)
        self._vertex = account.vertex is not None
        base_url = account.base_url or (None if account.vertex else BASE_URL)
        plain = base_url is not None and not base_url.startswith("https:")
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else _authorities()
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
        with _neutral(), Upstream().attached():
            async with self._clock.timeout_at(until):
                reply = await self._models.generate_content(
                    model=model, contents=_REPLACED, config=_config(body, headers)
                )
        return _wire(reply)

    @override
    def chunks(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> GeminiChunks:
        return _SdkChunks(self._models, self._clock, model, _config(body, headers), until)

    @override
    async def embeddings(
        self, model: str, texts: Sequence[str], dimensions: int | None, *, headers: Mapping[str, str], until: float
    ) -> EmbedContentResponse:
        # the newer models would make one vector of all plain strings (python-genai #2523)
        contents: list[Any] = [types.Content(parts=[types.Part(text=text)]) for text in texts]
        config = types.EmbedContentConfig(
            output_dimensionality=dimensions, http_options=types.HttpOptions(headers=dict(headers))
        )
        with _neutral(), Upstream().attached():
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
        with _neutral():
            async with self._clock.timeout_at(until):
                pager = await self._models.list(config=types.ListModelsConfig(page_size=PAGE_SIZE))
                async for model in pager:
                    listed.append(self._model(model))
                    if len(listed) >= MAX_PAGES * PAGE_SIZE:
                        break
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


class Patience:
    """How long one call may keep us waiting. The time between two waits is the reader's, and is not counted."""

    def __init__(self, clock: Clock, until: float) -> None:
        self.until = until
        self._clock = clock
        self._left: float | None = None

    def begin(self, seconds: float) -> float:
        """When the next wait is over. Raises `TimeoutError` where it is already, as for a stream without pauses."""
        now = self._clock.monotonic()
        if self._left is not None:
            self.until += now - self._left
            self._left = None
        until = min(self.until, now + seconds)
        if now >= until:
            raise TimeoutError
        return until

    def end(self) -> None:
        self._left = self._clock.monotonic()


class _SdkChunks(GeminiChunks):
    def __init__(
        self, models: Any, clock: Clock, model: str, config: types.GenerateContentConfigDict, until: float
    ) -> None:
        self._models = models
        self._clock = clock
        self._model = model
        self._config = config
        self._patience = Patience(clock, until)
        self._upstream = Upstream()
        self._chunks: AsyncIterator[types.GenerateContentResponse] | None = None

    @property
    @override
    def until(self) -> float:
        return self._patience.until

    @override
    async def next(self, idle: float, by: float | None = None) -> Sequence[GenerateContentResponse] | None:
        seconds = idle if by is None else by - self._clock.monotonic()
        try:
            with _neutral(), self._upstream.attached():
                async with self._clock.timeout_at(self._patience.begin(seconds)):
                    if self._chunks is None:
                        self._chunks = await self._models.generate_content_stream(
                            model=self._model, contents=_REPLACED, config=self._config
                        )
                    chunk = await anext(self._chunks, None)
        finally:
            self._patience.end()
        return None if chunk is None else (_wire(chunk),)

    @override
    async def aclose(self) -> None:
        self._upstream.close()
        if self._chunks is not None and self._upstream.opened:
            # The SDK's generators run into the closed connection and end; closed from outside they would wait for
            # a garbage collection (python-genai #2425).
            with suppress(Exception):
                await anext(self._chunks, None)


def _config(body: Json, headers: Mapping[str, str]) -> types.GenerateContentConfigDict:
    """A dict: of its own type the SDK makes a deep copy, the body included. It neither runs tools nor asks again."""
    return {
        "http_options": {"headers": dict(headers), "extra_body": body},
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
    }


def _wire(reply: types.GenerateContentResponse) -> GenerateContentResponse:
    kept = reply.model_dump(by_alias=True, exclude_none=True, exclude={"sdk_http_response", "parsed"}, warnings=False)
    return read(ANSWERS, json.dumps(kept, default=_base64).encode())


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError


@contextmanager
def _neutral() -> Iterator[None]:
    try:
        yield
    except TransportError:
        raise Unconnected("no credentials could be asked for") from None
    except GoogleAuthError:
        raise HttpRefusal(401) from None
    except aiohttp.ClientError as error:
        raise neutral(error) from None


def _authorities() -> ssl.SSLContext:
    """The system's, for operators with one of their own, and the usual ones, as some systems have none."""
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted
