"""An embedding model that does what a script says, and makes up vectors that differ where the texts do."""

from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct
from typing_extensions import override

from llm_gateway.application.ports.models import EmbeddingModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, Vector, check_vectors
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint

from .chat_model import Wait, pass_time

DIMENSIONS = 4
TOKENS_PER_INPUT = 3


class ScriptedEmbedCall(Struct, kw_only=True):
    """One call that the model was asked for. `closed` once it has ended, however it did."""

    to: Endpoint
    request: EmbedRequest
    headers: Mapping[str, str]
    closed: bool = False


class ScriptedEmbeddingModel(EmbeddingModel):
    """Before it answers, each call waits or fails as the next of the steps says, and the last one from then on.

    `vectors` are answered instead of made-up ones, to be found right or wrong like a vendor's.
    """

    def __init__(
        self,
        clock: Clock,
        *steps: Wait | Exception | None,
        vectors: tuple[Vector, ...] | None = None,
        tokens_per_input: int = TOKENS_PER_INPUT,
    ) -> None:
        self._clock = clock
        self._steps = steps or (None,)
        self._vectors = vectors
        self._tokens_per_input = tokens_per_input
        self.calls: list[ScriptedEmbedCall] = []

    @property
    def open_calls(self) -> int:
        return sum(not call.closed for call in self.calls)

    @override
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        step = self._steps[min(len(self.calls), len(self._steps) - 1)]
        call = ScriptedEmbedCall(to=to, request=request, headers=headers)
        self.calls.append(call)
        try:
            if isinstance(step, Exception):
                raise step
            if step is not None:
                await pass_time(step, to, self._clock, deadline.at)
        finally:
            call.closed = True
        vectors = self._vectors or tuple(_made_up(text, request.dimensions or DIMENSIONS) for text in request.inputs)
        check_vectors(to.id.provider, request, vectors)
        return EmbedReply(
            endpoint=to.id,
            model="scripted-1",
            vectors=vectors,
            prompt_tokens=self._tokens_per_input * len(request.inputs),
        )


def _made_up(text: str, dimensions: int) -> Vector:
    digest = blake2b(text.encode()).digest()
    return tuple(digest[place % len(digest)] / 256 for place in range(dimensions))
