"""From texts to the vendor's batches, and from the answers to one reply. Pure."""

from collections.abc import Iterator, Sequence
from math import hypot, isfinite
from typing import Final

from llm_gateway.domain.chat import counted
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, check_vectors
from llm_gateway.domain.estimate import likely_prompt_tokens
from llm_gateway.domain.routing import EndpointId

from .wire import EmbedContentResponse

INPUTS_A_CALL: Final = 100
"""More in one batch are refused by the vendor."""
_BYTES_A_NUMBER: Final = 10
UNIT_TOLERANCE: Final = 1e-6
"""How far the length of a vector of 32-bit numbers may be from 1, and is 1."""


def embed_batches(request: EmbedRequest) -> Iterator[Sequence[str]]:
    """As many as it takes, in the order of the inputs."""
    for start in range(0, len(request.inputs), INPUTS_A_CALL):
        yield request.inputs[start : start + INPUTS_A_CALL]


def of_unit_length(answer: EmbedContentResponse) -> EmbedContentResponse:
    """The answer to one batch with its vectors normalised, which `gemini-embedding-001` does only at its full length.

    What is no vector stays as it is, for `embed_reply` to refuse.
    """
    for made in answer.embeddings or ():
        length = hypot(*(made.values or ()))
        if made.values and length and isfinite(length) and abs(length - 1) > UNIT_TOLERANCE:
            made.values = [value / length for value in made.values]
    return answer


def answers_weight(answers: Sequence[EmbedContentResponse]) -> int:
    """How many bytes they are about."""
    return _BYTES_A_NUMBER * sum(len(made.values or ()) for answer in answers for made in answer.embeddings or ())


def embed_reply(to: EndpointId, request: EmbedRequest, answers: Sequence[EmbedContentResponse]) -> EmbedReply:
    """Raises `ProviderBroken` or `ProviderRejected` as `check_vectors` does. The vendor names no model."""
    made = (one for answer in answers for one in of_unit_length(answer).embeddings or ())
    vectors = tuple(tuple(one.values or ()) for one in made)
    check_vectors(to.provider, request, vectors)
    counts = [counted(each.usage_metadata.prompt_token_count if each.usage_metadata else None) for each in answers]
    return EmbedReply(
        endpoint=to,
        model=to.model,
        vectors=vectors,
        prompt_tokens=sum(counts) if all(counts) else likely_prompt_tokens(request),
        estimated=not all(counts),  # gemini-embedding-001 counts nothing
    )
