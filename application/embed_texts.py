"""The whole trip of an embedding, in order: plan, admit, find, ask, keep, record. Never from another model."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from llm_gateway.domain.chat import Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall, EmbedReply
from llm_gateway.domain.errors import Draining, ProviderError, ProviderTimeout
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import Endpoint, Task

from .admission import admit_and_find
from .attempts import Attempts
from .draft import Draft, Drafts
from .entries import Entries
from .plan_route import PlanRoute
from .ports import Clock, EmbeddingModel, Entropy, Observer, RequestLog
from .records import CacheStatus, RequestId, RequestRecord
from .throttle_client import ThrottleClient

MAX_EMBEDDINGS = 256
"""Calls under way in one process; more are refused with `Overloaded`. Fewer than chats: an answer is larger."""
CLOSE_SECONDS = 5.0
"""How long closing waits for the calls to the models to be closed."""


class Embedded(Struct, frozen=True, kw_only=True):
    """An answer, how its client stands since, and how it was come by."""

    reply: EmbedReply
    decision: Decision
    cache: CacheStatus

    @property
    def cached(self) -> bool:
        return self.cache is CacheStatus.HIT


class EmbedTexts:
    def __init__(
        self,
        models: Mapping[str, EmbeddingModel],
        plan_route: PlanRoute,
        throttle: ThrottleClient,
        entries: Entries[EmbedReply],
        attempts: Attempts,
        observer: Observer,
        log: RequestLog,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._models = models
        self._plan_route = plan_route
        self._throttle = throttle
        self._entries = entries
        self._attempts = attempts
        self._drafts = Drafts(observer, log, clock, entropy, most=MAX_EMBEDDINGS)
        self._clock = clock
        self._asking: set[asyncio.Task[EmbedReply]] = set()
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many calls are being answered."""
        return self._drafts.under_way

    async def __call__(
        self,
        call: EmbedCall,
        client: Client,
        *,
        id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
        told: Callable[[RequestRecord], object] | None = None,
    ) -> Embedded:
        """`id` is the request's own id, made if absent; `headers` may carry a trace context; `told` gets the record.

        Raises `InvalidRequest`, `UnknownModel`, `Forbidden`, `NoRoute`, `QuotaExceeded`, `LimiterUnavailable`,
        `Overloaded`, `Draining` or `ProviderError`. Cancelling ends the call to the model.
        """
        with self._drafts.begun(Task.EMBED, client, call.hint, id=id, headers=headers, told=told) as draft:
            return await self._answer(call, client, draft)

    async def aclose(self) -> None:
        """End every call to a model, and make none any more; who still waits gets `Draining`."""
        self._closed = True
        for task in self._asking:
            task.cancel()
        if self._asking:
            await asyncio.wait(self._asking, timeout=CLOSE_SECONDS)

    async def _answer(self, call: EmbedCall, client: Client, draft: Draft) -> Embedded:
        draft.plan = plan = self._plan_route.for_embedding(call, client)
        endpoint = plan.endpoints[0].endpoint
        question = self._entries.question(plan, client, call.request, call.cache)
        decision, replies = await admit_and_find(self._throttle, client, call.request, self._entries, question)
        draft.admitted = True
        found = replies.get(endpoint)
        if found is not None:
            reply = found.reply
            draft.cache = CacheStatus.HIT
            draft.saved_seconds = found.seconds
        else:
            async with self._in_time(call, endpoint, draft):
                reply = await self._until_closed(self._ask(call, client, endpoint, draft))
            draft.cache = CacheStatus.MISS if question.keys else CacheStatus.BYPASS
        draft.answered = True
        draft.endpoint = reply.endpoint
        draft.usage = _usage(reply)
        if draft.cache is CacheStatus.MISS:
            await self._entries.keep(question, endpoint, reply, draft.attempts[-1].seconds)
        return Embedded(reply=reply, decision=decision, cache=draft.cache)

    @asynccontextmanager
    async def _in_time(self, call: EmbedCall, endpoint: Endpoint, draft: Draft) -> AsyncGenerator[None, None]:
        """Within the call's own timeout, where it has one."""
        if call.timeout is None:
            yield
            return
        try:
            async with self._clock.timeout_at(draft.began + call.timeout.total_seconds()):
                yield
        except TimeoutError as error:
            raise ProviderTimeout(endpoint.id.provider, "no answer within this request's own timeout") from error

    async def _until_closed(self, asking: Coroutine[Any, Any, EmbedReply]) -> EmbedReply:
        """In a task of its own, so that closing ends the call and not its caller."""
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asked)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is None or caller.cancelling():
                raise
            raise Draining from None

    def _asked(self, task: "asyncio.Task[EmbedReply]") -> None:
        self._asking.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where the caller left in the same moment

    async def _ask(self, call: EmbedCall, client: Client, endpoint: Endpoint, draft: Draft) -> EmbedReply:
        if self._closed:
            raise Draining
        turn = self._attempts.begin(endpoint, draft)
        model = self._models[endpoint.id.provider]
        async with self._throttle.reserve_embedding(client, call.request) as reservation:
            while True:
                attempt = self._attempts.attempt(turn)
                try:
                    with attempt:
                        reply = await model.embed(
                            endpoint, call.request, deadline=turn.deadline, headers=attempt.headers
                        )
                        attempt.end(None, usage=_usage(reply))
                except ProviderError as error:
                    if not await self._attempts.again(turn, error):
                        raise
                else:
                    reservation.embedded(reply)
                    return reply


def _usage(reply: EmbedReply) -> Usage | None:
    """None where the provider did not count."""
    return Usage(prompt_tokens=reply.prompt_tokens, completion_tokens=0) if reply.prompt_tokens else None
