"""One call to the vendor: waits for it no longer than it may take, and closes it at once."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Final

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import EndpointId

from .client import GeminiClient
from .failures import GeminiFailures
from .translate_request import VendorRequest
from .transport import GeminiChunks
from .wire import CountTokensResponse, EmbedContentResponse, GenerateContentResponse

AFTER_THE_END_SECONDS: Final = 2.0
"""How long the vendor may take to end a stream that has said its last: one that is read out can be used again."""


class VendorCall:
    """One answer, by one request after the other. Closing it ends the last to the vendor before it returns.

    `failures` are those of the request that is open.
    """

    def __init__(
        self, client: GeminiClient, clock: Clock, to: EndpointId, deadline: Deadline, headers: Mapping[str, str]
    ) -> None:
        self.first = deadline.first
        self._client = client
        self._clock = clock
        self._to = to
        self._headers = headers
        self._until = deadline.at
        self.failures = GeminiFailures(to, clock.now)
        self._chunks: GeminiChunks | None = None

    async def whole(self, asked: VendorRequest) -> GenerateContentResponse:
        with GeminiFailures(self._to, self._clock.now, stated=asked.stated):
            return await self._client.transport.answer(
                self._to.model, asked.body, headers=self._headers, until=self._until
            )

    async def counted(self, asked: VendorRequest) -> CountTokensResponse:
        with GeminiFailures(self._to, self._clock.now, stated=asked.stated):
            return await self._client.transport.count(
                self._to.model, asked.body, headers=self._headers, until=self._until
            )

    async def embedded(self, texts: Sequence[str], dimensions: int | None) -> EmbedContentResponse:
        stated = frozenset(("input",) if dimensions is None else ("input", "dimensions"))
        with GeminiFailures(self._to, self._clock.now, stated=lambda: stated):
            return await self._client.transport.embeddings(
                self._to.model, texts, dimensions, headers=self._headers, until=self._until
            )

    async def open(self, asked: VendorRequest) -> None:
        """It is sent when its first chunks are asked for. What was open before is closed."""
        if self._chunks is not None:
            self._until = self._chunks.until
            await self._chunks.aclose()
        self.failures = GeminiFailures(self._to, self._clock.now, stated=asked.stated)
        with self.failures:
            self._chunks = self._client.transport.chunks(
                self._to.model, asked.body, headers=self._headers, until=self._until
            )

    def next(self, idle: float, by: float | None = None) -> Awaitable[Sequence[GenerateContentResponse] | None]:
        """What the next read brings within `idle` seconds, or `by` a time where one is given; None after the last.

        To be awaited where `failures` tells what that raises.
        """
        if self._chunks is None:
            raise ProviderBroken(self._to.provider, "nothing was asked")
        return self._chunks.next(idle, by)

    async def last(self) -> Sequence[GenerateContentResponse] | None:
        """What may come after the vendor's terminal mark. Its failures no longer matter: the answer is whole."""
        try:
            with self.failures:
                return await self.next(AFTER_THE_END_SECONDS)
        except ProviderError:
            return None

    async def aclose(self) -> None:
        if self._chunks is not None:
            await self._chunks.aclose()
