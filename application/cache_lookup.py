"""Answers that are there already, or on their way: found by key, or joined in flight."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta

from llm_gateway.domain.chat import ChatCall, ChatReply, FinishReason, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import Endpoint, Plan, Task

from .entries import Entries, Found, Question
from .ports import ReplyCache
from .single_flight import Flights, Produce, Reader

_STORED = frozenset((FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH))


class CacheLookup:
    def __init__(self, process: ReplyCache, shared: ReplyCache | None, flights: Flights, ttl: timedelta) -> None:
        self._entries = Entries(Task.CHAT, ChatReply, process, shared, ttl)
        self._flights = flights

    def question(self, plan: Plan, call: ChatCall, client: Client) -> Question:
        return self._entries.question(plan, client, call.request, call.cache)

    async def find_admitted(
        self, admission: Awaitable[Decision], question: Question
    ) -> tuple[Decision, Mapping[Endpoint, Found[ChatReply]]]:
        """The replies that are there for who is admitted."""
        return await self._entries.find_admitted(admission, question)

    def join(self, question: Question, endpoint: Endpoint, grain: Grain, produce: Produce) -> Reader:
        """Read the answer of this endpoint as it comes, together with who asks the same in the same way."""
        key = question.keys.get(endpoint)
        shared = None if key is None else (key, grain, question.mode, question.secure)
        return self._flights.join(shared, produce)

    async def keep(self, question: Question, endpoint: Endpoint, reply: ChatReply, seconds: float) -> None:
        """Store a whole reply, which took its provider so many seconds, for the same question again."""
        if reply.finish_reason in _STORED:
            await self._entries.keep(question, endpoint, reply, seconds)
