"""A request's charge, and the look for its answer: at the same time where they leave the process, to share one trip."""

import asyncio
from collections.abc import Mapping

from llm_gateway.domain.chat import ChatRequest
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import Endpoint

from .entries import Entries, Found, Question, R
from .throttle_client import ThrottleClient


async def admit_and_find(
    throttle: ThrottleClient,
    client: Client,
    request: ChatRequest | EmbedRequest,
    entries: Entries[R],
    question: Question,
) -> tuple[Decision, Mapping[Endpoint, Found[R]]]:
    """Raises `QuotaExceeded` or `LimiterUnavailable`, without waiting for what is looked for."""
    if not entries.leaves_process:
        return await throttle.admit(client, request), await entries.find(question)
    return await asyncio.gather(throttle.admit(client, request), entries.find(question))
