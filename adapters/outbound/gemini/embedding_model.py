"""Gemini as an `EmbeddingModel`: as many requests to the vendor as the texts take, one after the other."""

from collections.abc import Mapping
from functools import partial

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop
from llm_gateway.application.ports.models import EmbeddingModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint

from .client import GeminiClient
from .translate_embedding import answers_weight, embed_batches, embed_reply
from .vendor_call import VendorCall


class GeminiEmbeddingModel(EmbeddingModel):
    def __init__(self, client: GeminiClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    @override
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        call = VendorCall(self._client, self._clock, to.id, deadline, headers)
        answers = [await call.embedded(texts, request.dimensions) for texts in embed_batches(request)]
        return await off_the_loop(answers_weight(answers), partial(embed_reply, to.id, request, answers))
