"""The ports to what answers: models, and the directory of what there is to route to."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointState


class ChatModel(Protocol):
    """Port: the chat models of one provider. One call gives one answer, without retries and without fallback.

    The events are `Started`, then deltas, then exactly one `Finished`. They come in batches of one or more, each of
    what one read of the vendor brought, so that nothing waits for more. `Started` comes only with the vendor's first
    content or its terminal mark; a stream that ends without that mark raises `ProviderBroken`. For `Grain.WHOLE` each
    kind of content is one delta. Raises only `ProviderError`: past the deadline `ProviderTimeout`, and past
    `deadline.first` for a stream that has not started. The deadline's clock runs only while the model is waited for,
    never while the reader takes its time or a cold model is loaded. Closing the generator, or cancelling the task that
    waits in it, ends the call to the vendor before it returns.
    """

    @abstractmethod
    def events(
        self,
        to: Endpoint,
        request: ChatRequest,
        *,
        grain: Grain,
        deadline: Deadline,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        """`headers` carry the trace context on to the vendor; none holds content."""
        ...

    async def count(
        self, to: Endpoint, request: ChatRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> int | None:
        """The tokens of the request's prompt by the vendor's own counter, which asks no model; None where it has none.

        Raises only `ProviderError`, past the deadline `ProviderTimeout`.
        """
        return None


class EmbeddingModel(Protocol):
    """Port: the embedding models of one provider. One call gives one answer, without retries and without fallback.

    The answer has a vector for each input, all of one length and of finite numbers, of length `dimensions` if that is
    given; `domain.embedding.check_vectors` checks this. Raises only `ProviderError`, past the deadline
    `ProviderTimeout`. Cancelling the task that waits ends the call to the vendor before it returns.
    """

    @abstractmethod
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        """`headers` carry the trace context on to the vendor; none holds content."""
        ...


class EndpointDirectory(Protocol):
    """Port: the known endpoints and their state. Never waits: it is kept up to date in the background."""

    @abstractmethod
    def snapshot(self) -> Sequence[EndpointState]:
        """Every known endpoint, also the ones that can't answer now, in a stable order.

        The same tuple as long as nothing has changed lets what follows from it be remembered.
        """
        ...
