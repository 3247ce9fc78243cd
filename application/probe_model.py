"""Asks an endpoint a small question, and tells whether the answer agrees with what is known of the endpoint."""

from collections.abc import Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Final

from msgspec import Struct

from llm_gateway.domain.chat import FinishReason, Grain
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ProviderError, ProviderMisconfigured, ProviderRejected
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import EndpointState, Task

from .ports.models import ChatModel, EmbeddingModel
from .ports.system import Clock
from .probe_questions import QUESTIONS, Question, is_cut

DEADLINE_SECONDS: Final = 60.0
"""Of each question; a cold model's load, which the adapter bounds, is not counted."""
_TEXT: Final = EmbedRequest(inputs=("ok",))


class Verdict(StrEnum):
    """`open`: nothing was learnt. `fails`: the endpoint can't answer at all."""

    AGREES = "agrees"
    DIFFERS = "differs"
    OPEN = "open"
    FAILS = "fails"


class Finding(Struct, frozen=True, kw_only=True):
    """What became of a question. `words` hold no content and no key."""

    question: str
    verdict: Verdict
    words: str = ""


def questions_for(state: EndpointState) -> Sequence[Question]:
    """Those about what is known of the endpoint; none where it does not chat."""
    if Task.CHAT not in state.tasks:
        return ()
    return [question for question in QUESTIONS if question.needs is None or question.needs in state.features]


class ProbeModel:
    """Each question is one call, without a retry and without another endpoint.

    Nothing is cached, charged or recorded.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def chat(self, question: Question, state: EndpointState, model: ChatModel) -> Finding:
        batches = model.events(
            state.endpoint, question.request, grain=Grain.WHOLE, deadline=self._deadline(), headers={}
        )
        try:
            async with aclosing(flattened(batches)) as events:
                reply = await collect(events)
        except ProviderError as error:
            return Finding(question=question.name, verdict=_of_failure(question, error), words=error.message)
        if reply.finish_reason is FinishReason.CONTENT_FILTER:
            verdict, words = Verdict.OPEN, "the provider withheld the answer"
        elif (objection := question.objection(reply)) is None:
            verdict, words = Verdict.AGREES, f"by {reply.model}" if question.needs is None else ""
        elif is_cut(reply):
            verdict, words = Verdict.OPEN, "the probe's limit of tokens came before an answer"
        else:
            verdict, words = Verdict.DIFFERS, objection
        return Finding(question=question.name, verdict=verdict, words=words)

    async def embedding(self, state: EndpointState, model: EmbeddingModel) -> Finding:
        """The one question to a model that does not chat."""
        try:
            reply = await model.embed(state.endpoint, _TEXT, deadline=self._deadline(), headers={})
        except ProviderError as error:
            return Finding(question="embeds", verdict=Verdict.FAILS, words=error.message)
        return Finding(question="embeds", verdict=Verdict.AGREES, words=f"vectors of {len(reply.vectors[0])}")

    def _deadline(self) -> Deadline:
        return Deadline(self._clock.monotonic() + DEADLINE_SECONDS)


def _of_failure(question: Question, error: ProviderError) -> Verdict:
    """A refusal differs from what is known; any other failure says nothing of it."""
    if question.needs is None:
        return Verdict.FAILS
    return Verdict.DIFFERS if isinstance(error, ProviderRejected | ProviderMisconfigured) else Verdict.OPEN
