"""From texts to the vendor's batches, and from the answers to one reply. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from google.genai import types

from llm_gateway.domain.chat import counted
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, check_vectors
from llm_gateway.domain.estimate import likely_prompt_tokens
from llm_gateway.domain.routing import EndpointId

INPUTS_A_CALL: Final = 100
"""More in one batch are refused by the vendor."""


def embed_batches(request: EmbedRequest) -> Iterator[list[types.Content]]:
    """As many as it takes, in the order of the inputs.

    Each text is a content of its own: plain strings become the parts of one for the newer models, which answer with one
    vector for all of them (python-genai #2523).
    """
    for start in range(0, len(request.inputs), INPUTS_A_CALL):
        texts = request.inputs[start : start + INPUTS_A_CALL]
        yield [types.Content(parts=[types.Part(text=text)]) for text in texts]


def embed_config(request: EmbedRequest) -> types.EmbedContentConfig:
    return types.EmbedContentConfig(output_dimensionality=request.dimensions)


def embed_reply(to: EndpointId, request: EmbedRequest, answers: Sequence[types.EmbedContentResponse]) -> EmbedReply:
    """Raises `ProviderBroken` or `ProviderRejected` as `check_vectors` does. The vendor names no model."""
    vectors = tuple(tuple(made.values or ()) for answer in answers for made in answer.embeddings or ())
    check_vectors(to.provider, request, vectors)
    counts = [counted(each.usage_metadata.prompt_token_count if each.usage_metadata else None) for each in answers]
    return EmbedReply(
        endpoint=to,
        model=to.model,
        vectors=vectors,
        prompt_tokens=sum(counts) if all(counts) else likely_prompt_tokens(request),
        estimated=not all(counts),  # gemini-embedding-001 counts nothing
    )
