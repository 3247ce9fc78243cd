"""Embeddings by a server of OpenAI's API: as many requests as the texts take, one after the other."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop, weight_of
from llm_gateway.application.ports.models import EmbeddingModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import counted
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, check_vectors
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.estimate import likely_prompt_tokens
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId

from .client import EMBED, SpokenClient
from .dialects import Body
from .failures import SpokenFailures
from .refusals import FaultInAnswer, told_within
from .translate_request import encoded
from .wire import TextVectors, text_vectors

INPUTS_A_CALL: Final = 128
"""So that an answer stays well below what is held of one: 16 MiB are 128 vectors of 10,000 numbers."""


class SpokenEmbeddingModel(EmbeddingModel):
    """The embedding models of one server."""

    def __init__(self, client: SpokenClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    @override
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        bodies = await off_the_loop(weight_of(request), partial(_bodies, to.id, request))
        answers: list[bytes] = []
        stated = frozenset({"input", *(("dimensions",) if request.dimensions is not None else ())})
        with SpokenFailures(to.id, self._clock.now, stated=lambda: stated):
            for body in bodies:
                answers.append(await self._client.whole(EMBED, body, headers, to.locality, until=deadline.at))
            return await off_the_loop(sum(map(len, answers)), partial(_reply, to.id, request, answers))


def _bodies(to: EndpointId, request: EmbedRequest) -> Sequence[bytes]:
    """In the order of the inputs."""
    more: Body = {} if request.dimensions is None else {"dimensions": request.dimensions}
    starts = range(0, len(request.inputs), INPUTS_A_CALL)
    return [
        encoded(to, {"model": to.model, "input": request.inputs[start : start + INPUTS_A_CALL], **more})
        for start in starts
    ]


def _reply(to: EndpointId, request: EmbedRequest, answers: Sequence[bytes]) -> EmbedReply:
    """Raises `ProviderBroken` or `ProviderRejected` as `check_vectors` does."""
    told = [_decoded(to, answer) for answer in answers]
    vectors = tuple(vector for one in told for vector in _in_order(one))
    check_vectors(to.provider, request, vectors)
    counts = [counted(one.usage.prompt_tokens if one.usage else None) for one in told]
    return EmbedReply(
        endpoint=to,
        model=told[0].model or to.model,
        vectors=vectors,
        prompt_tokens=sum(counts) if all(counts) else likely_prompt_tokens(request),
        estimated=not all(counts),
    )


def _decoded(to: EndpointId, answer: bytes) -> TextVectors:
    told = text_vectors.decode(answer)
    if told.error is not None:
        raise FaultInAnswer(told_within(told.error))
    if told.data is None:
        raise ProviderBroken(to.provider, "the answer is malformed")
    return told


def _in_order(told: TextVectors) -> Sequence[tuple[float, ...]]:
    """By their numbers, where they have them."""
    data = told.data or ()
    numbered = sorted(data, key=lambda one: one.index or 0) if all(one.index is not None for one in data) else data
    return [one.embedding for one in numbered]
