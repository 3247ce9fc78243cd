"""Answers that are there already, or on their way: found by key, or joined in flight."""

from datetime import timedelta

from llm_gateway.domain.chat import ChatCall, ChatReply, FinishReason, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.routing import Endpoint, Plan, Task

from .entries import Entries, Question
from .ports import ReplyCache
from .single_flight import Flights, Produce, Reader

_STORED = frozenset((FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH))


class CacheLookup:
    def __init__(self, process: ReplyCache, shared: ReplyCache | None, flights: Flights, ttl: timedelta) -> None:
        self.entries = Entries(Task.CHAT, ChatReply, process, shared, ttl)
        self._flights = flights

    def question(self, plan: Plan, call: ChatCall, client: Client) -> Question:
        return self.entries.question(plan, client, call.request, call.cache)

    def join(
        self,
        question: Question,
        endpoint: Endpoint,
        grain: Grain,
        produce: Produce,
        *,
        ends: float | None = None,
        patient: bool = False,
    ) -> Reader:
        """Read the answer of this endpoint as it comes, together with who asks the same in the same way.

        `ends` is when this reader's own time does. A `patient` one is joined by no other than its like.
        """
        key = question.keys.get(endpoint)
        shared = None if key is None else (key, grain, question.mode, question.secure, patient)
        return self._flights.join(shared, produce, ends)

    async def keep(self, question: Question, endpoint: Endpoint, reply: ChatReply, seconds: float) -> None:
        """Store a whole reply, which took its provider so many seconds, for the same question again."""
        if reply.finish_reason in _STORED:
            await self.entries.keep(question, endpoint, reply, seconds)
