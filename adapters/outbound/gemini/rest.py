"""The vendor's REST reference as a transport, over the client that all vendors share."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.client import VendorHttp
from ..vendor_http.errors import HttpRefusal, Malformed
from ..vendor_http.framing import ServerSentEvents
from ..vendor_http.stream import VendorStream
from .media import Json
from .stream_errors import chunk_of
from .transport import (
    API_VERSION,
    BASE_URL,
    MAX_LIST_BYTES,
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
    ANSWERS,
    COUNTS,
    EMBEDDINGS,
    PAGES,
    CountTokensResponse,
    EmbedContentResponse,
    GenerateContentResponse,
    Model,
    read,
)

_PATHS: Final = 256
_decode: Final = ANSWERS.decode


class GeminiRest(GeminiTransport):
    def __init__(self, account: Account, clock: Clock, *, connect_seconds: float, max_body_bytes: int) -> None:
        """Inside a running loop. Raises `BadAddress`."""
        self._http = VendorHttp(
            account.base_url or BASE_URL,
            clock,
            headers={"x-goog-api-key": account.api_key or ""},
            connect_seconds=connect_seconds,
            max_body_bytes=max_body_bytes,
        )
        self._list = f"/{API_VERSION}/models?pageSize={PAGE_SIZE}"
        self._path = lru_cache(_PATHS)(lambda model, call: f"/{API_VERSION}/{resource_of(model)}:{call}")

    @override
    async def answer(
        self, model: str, body: Json, *, headers: Mapping[str, str], until: float
    ) -> GenerateContentResponse:
        path = self._path(model, "generateContent")
        return read(ANSWERS, await self._http.whole("POST", path, encoded(body), headers=headers, until=until))

    @override
    def chunks(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> GeminiChunks:
        path = self._path(model, "streamGenerateContent?alt=sse")
        return _RestChunks(
            self._http.stream(
                path,
                encoded(body),
                headers=headers,
                framing=ServerSentEvents(),
                first_by=until,
                until=until,
                idle=0.0,
            )
        )

    @override
    async def count(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> CountTokensResponse:
        asked = encoded({"generateContentRequest": {"model": resource_of(model)} | prompt_in(body)})
        path = self._path(model, "countTokens")
        return read(COUNTS, await self._http.whole("POST", path, asked, headers=headers, until=until))

    @override
    async def embeddings(
        self, model: str, texts: Sequence[str], dimensions: int | None, *, headers: Mapping[str, str], until: float
    ) -> EmbedContentResponse:
        size: Json = {} if dimensions is None else {"outputDimensionality": dimensions}
        name = resource_of(model)
        requests = [{"content": {"parts": [{"text": text}]}, "model": name} | size for text in texts]
        path = self._path(model, "batchEmbedContents")
        body = encoded({"requests": requests})
        return read(EMBEDDINGS, await self._http.whole("POST", path, body, headers=headers, until=until))

    @override
    async def models(self, *, until: float) -> Sequence[Model]:
        listed: list[Model] = []
        path = self._list
        for _ in range(MAX_PAGES):
            page = read(PAGES, await self._http.whole("GET", path, until=until, limit=MAX_LIST_BYTES))
            listed += page.models or ()
            if not page.next_page_token:
                break
            path = f"{self._list}&pageToken={quote(page.next_page_token, safe='')}"
        return listed

    @override
    async def aclose(self) -> None:
        await self._http.aclose()


class _RestChunks(GeminiChunks):
    def __init__(self, stream: VendorStream) -> None:
        self._stream = stream
        self._failure: HttpRefusal | Malformed | None = None

    @property
    @override
    def until(self) -> float:
        return self._stream.until

    @override
    async def next(self, idle: float, by: float | None = None) -> Sequence[GenerateContentResponse] | None:
        if self._failure is not None:
            raise self._failure
        stream = self._stream
        stream.idle, stream.first_by = idle, by
        events = await stream.next()
        if events is None:
            return None
        chunks: list[GenerateContentResponse] = []
        try:
            for event in events:
                try:
                    chunk = _decode(event)
                except (ValueError, RecursionError):
                    chunk = chunk_of(event)
                if chunk.error is not None:
                    chunk = chunk_of(event)
                chunks.append(chunk)
        except (HttpRefusal, Malformed) as error:
            if not chunks:
                raise
            self._failure = error
        return chunks

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()
