"""One call through the SDK: waits for it no longer than it may take, and closes it at once."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, cast

from google.genai import types

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import EndpointId

from .client import GeminiClient
from .connection import Upstream
from .failures import GeminiFailures
from .translate_request import VendorRequest

AFTER_THE_END_SECONDS: Final = 2.0
"""How long the vendor may take to end a stream that has said its last: one that is read out can be used again."""

_REPLACED: Final = types.Content(parts=[types.Part(text="")])
"""The SDK asks for contents of its own type; those of the config's `extra_body` take their place."""


class Patience:
    """How long one call may keep us waiting. The time between two waits is the reader's, and is not counted."""

    def __init__(self, clock: Clock, deadline: Deadline) -> None:
        self._clock = clock
        self._until = deadline.at
        self._left: float | None = None

    def begin(self, seconds: float | None) -> float:
        """When the next wait is over. Raises `TimeoutError` where it is already, as for a stream without pauses."""
        now = self._clock.monotonic()
        if self._left is not None:
            self._until += now - self._left
            self._left = None
        until = self._until if seconds is None else min(self._until, now + seconds)
        if now >= until:
            raise TimeoutError
        return until

    def end(self) -> None:
        self._left = self._clock.monotonic()


class VendorCall:
    """One answer, by one request after the other. Closing it ends the last to the vendor before it returns."""

    def __init__(self, client: GeminiClient, clock: Clock, to: EndpointId, deadline: Deadline) -> None:
        self.first = deadline.first
        self._client = client
        self._clock = clock
        self._to = to
        self._patience = Patience(clock, deadline)
        self._upstream = Upstream()
        self._failures = GeminiFailures(to, clock.now)
        self._chunks: AsyncIterator[types.GenerateContentResponse] | None = None

    async def whole(self, asked: VendorRequest) -> types.GenerateContentResponse:
        self._failures = GeminiFailures(self._to, self._clock.now, asked.stated)
        with self._failures, self._upstream.attached():
            async with self._clock.timeout_at(self._patience.begin(None)):
                return await self._client.sdk.models.generate_content(
                    model=self._to.model, contents=_REPLACED, config=_uncopied(asked.config)
                )

    async def embedded(
        self, contents: list[types.Content], config: types.EmbedContentConfig
    ) -> types.EmbedContentResponse:
        stated = frozenset(("input",) if config.output_dimensionality is None else ("input", "dimensions"))
        self._failures = GeminiFailures(self._to, self._clock.now, lambda: stated)
        with self._failures, self._upstream.attached():
            async with self._clock.timeout_at(self._patience.begin(None)):
                return await self._client.sdk.models.embed_content(
                    model=self._to.model,
                    contents=contents,
                    config=config,
                )

    async def open(self, asked: VendorRequest) -> None:
        """The SDK sends nothing before its first chunk is asked for. What was open before is closed."""
        await self.aclose()
        self._upstream = Upstream()
        self._failures = GeminiFailures(self._to, self._clock.now, asked.stated)
        with self._failures:
            self._chunks = await self._client.sdk.models.generate_content_stream(
                model=self._to.model, contents=_REPLACED, config=_uncopied(asked.config)
            )

    async def next(self, seconds: float) -> types.GenerateContentResponse | None:
        """The next chunk, None after the last."""
        if self._chunks is None:
            raise ProviderBroken(self._to.provider, "nothing was asked")
        try:
            with self._failures, self._upstream.attached():
                async with self._clock.timeout_at(self._patience.begin(seconds)):
                    return await anext(self._chunks, None)
        finally:
            self._patience.end()

    async def last(self) -> types.GenerateContentResponse | None:
        """What may come after the vendor's terminal mark. Its failures no longer matter: the answer is whole."""
        try:
            return await self.next(AFTER_THE_END_SECONDS)
        except ProviderError:
            return None

    async def aclose(self) -> None:
        self._upstream.close()
        if self._chunks is not None and self._upstream.opened:
            # The SDK's generators run into the closed connection and end; closed from outside they would wait for
            # a garbage collection (python-genai #2425).
            with suppress(Exception):
                await anext(self._chunks, None)


def _uncopied(config: types.GenerateContentConfig) -> types.GenerateContentConfigDict:
    """The SDK makes a deep copy of a config of its own type, the request's body included, and none of a dict."""
    return cast(types.GenerateContentConfigDict, dict(config))
