"""The whole trip of an embedding, in order: plan, admit, find, ask, keep, record. Never from another model."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, structs

from llm_gateway.domain.chat import Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.credible_usage import credible_embedding
from llm_gateway.domain.embedding import EmbedCall, EmbedReply
from llm_gateway.domain.errors import Draining, ProviderBroken, ProviderError
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import Endpoint, Task

from .answer_chat import admit_and_find, begun_in_time, within_timeout
from .answer_slots import AnswerSlots
from .cache_lookup import CacheLookup
from .call_provider import CallProvider, is_final
from .plan_route import PlanRoute
from .ports.models import EmbeddingModel
from .ports.observation import Observer
from .ports.stores import RequestLog
from .ports.system import Clock, Entropy
from .records import CacheStatus, RequestId, RequestRecord
from .request_recorder import RecordedRequests, RequestRecorder
from .throttle_client import ThrottleClient

MAX_EMBEDDINGS = 256
"""Of the answers of one process; more are refused with `Overloaded`. Fewer than chats: an answer is larger."""
CLOSE_SECONDS = 5.0
"""How long closing waits for the calls to the models to be closed."""


class Embedded(Struct, frozen=True, kw_only=True):
    """An embedding's vectors, the decision on its client's quota, whether they came from the cache, and what they cost.

    `microdollars` is None where the cost is not known. `queued` is its place at first where it waited for its turn at a
    pool.
    """

    reply: EmbedReply
    decision: Decision
    cache: CacheStatus
    microdollars: int | None = None
    queued: int | None = None

    @property
    def cached(self) -> bool:
        """Whether the vectors came from the cache."""
        return self.cache is CacheStatus.HIT


class EmbedTexts:
    """Embeds texts from end to end, by the one model that is named, and leaves exactly one record of it."""

    def __init__(
        self,
        models: Mapping[str, EmbeddingModel],
        plan_route: PlanRoute,
        throttle: ThrottleClient,
        lookup: CacheLookup[EmbedReply],
        call_provider: CallProvider,
        observer: Observer,
        log: RequestLog,
        clock: Clock,
        entropy: Entropy,
        slots: AnswerSlots,
        *,
        max_answer_bytes: int,
    ) -> None:
        """A reply of more numbers than `max_answer_bytes` is `ProviderBroken`. They have 4 bytes each, but the largest
        that may be asked for, 2,048 texts of 3,072 numbers, has to fit where a chat of 8 MiB does.
        """
        self._max_numbers = max_answer_bytes
        self._models = models
        self._plan_route = plan_route
        self._throttle = throttle
        self._lookup = lookup
        self._call_provider = call_provider
        own = AnswerSlots(MAX_EMBEDDINGS, within=slots)
        self._requests = RecordedRequests(observer, log, clock, entropy, own)
        self._clock = clock
        self._asking: set[asyncio.Task[_Asked]] = set()
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many calls are being answered."""
        return self._requests.under_way

    async def __call__(
        self,
        call: EmbedCall,
        client: Client,
        *,
        id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
        on_record: Callable[[RequestRecord], object] | None = None,
        on_admitted: Callable[[Decision], object] | None = None,
    ) -> Embedded:
        """The vectors of a call's texts, in their order.

        `id` is the request's own id, made if absent; `headers` may carry a trace context; `on_record` is called
        with the record, once, before this returns or raises; `on_admitted` with the decision on the client's quota, as
        soon as it is made.

        Raises `InvalidRequest`, `UnknownModel`, `Forbidden`, `NoRoute`, `QuotaExceeded`, `LimiterUnavailable`,
        `Overloaded`, `Draining` or `ProviderError`. Cancelling ends the call to the model.
        """
        with self._requests.begin(
            Task.EMBED, client, call.hint, id=id, headers=headers, on_record=on_record
        ) as recorder:
            return await self._answer(call, client, recorder, on_admitted)

    async def aclose(self) -> None:
        """End every call to a model, and make none any more; callers that still wait get `Draining`."""
        self._closed = True
        for task in self._asking:
            task.cancel()
        if self._asking:
            await asyncio.wait(self._asking, timeout=CLOSE_SECONDS)

    async def _answer(
        self,
        call: EmbedCall,
        client: Client,
        recorder: RequestRecorder,
        on_admitted: Callable[[Decision], object] | None,
    ) -> Embedded:
        plan = self._plan_route.for_embedding(call, client)
        recorder.planned(plan)
        endpoint = plan.endpoints[0].endpoint
        decision, view = await admit_and_find(self._throttle, self._lookup, plan, client, call)
        recorder.admitted(looked_up=view.looked_up)
        if on_admitted is not None:
            on_admitted(decision)
        found = view.found.get(endpoint)
        if found is not None:
            recorder.found(found.seconds)
            recorder.embedded(found.reply.endpoint, _usage(found.reply), call.ignored)
            return Embedded(reply=found.reply, decision=decision, cache=CacheStatus.HIT, microdollars=0)
        ends = None if call.timeout is None else recorder.began + call.timeout.total_seconds()
        begun_in_time(self._clock, ends, endpoint.id.provider)
        asking = self._until_closed(self._asked_once(call, client, endpoint, recorder, ends))
        reply, seconds = await within_timeout(self._clock, ends, endpoint.id.provider, asking)
        cache = CacheStatus.MISS if view.keys else view.past
        recorder.asked(cache)
        recorder.embedded(reply.endpoint, _usage(reply), call.ignored)
        await self._lookup.keep(view, endpoint, reply, seconds)
        return Embedded(
            reply=reply,
            decision=decision,
            cache=cache,
            microdollars=recorder.microdollars,
            queued=recorder.queue_position,
        )

    async def _until_closed(self, asking: Coroutine[Any, Any, "_Asked"]) -> "_Asked":
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

    def _asked(self, task: "asyncio.Task[_Asked]") -> None:
        self._asking.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where the caller left in the same moment

    async def _asked_once(
        self, call: EmbedCall, client: Client, endpoint: Endpoint, recorder: RequestRecorder, ends: float | None
    ) -> "_Asked":
        """There is no other endpoint to go on with."""
        try:
            return await self._ask(call, client, endpoint, recorder, ends)
        except ProviderError as error:
            if not is_final(error):
                recorder.passed_over(endpoint, error)
            raise

    async def _ask(
        self, call: EmbedCall, client: Client, endpoint: Endpoint, recorder: RequestRecorder, ends: float | None
    ) -> "_Asked":
        if self._closed:
            raise Draining
        calls = self._call_provider(endpoint, recorder)
        async with self._throttle.reserve_embedding(client, call.request) as reservation:
            async for one in calls:
                too_large = None
                with one:
                    model = self._models[one.to.id.provider]
                    reply = await model.embed(one.to, call.request, deadline=one.deadline, headers=one.headers)
                    if one.to is not endpoint:
                        reply = structs.replace(reply, endpoint=endpoint.id)
                    said, reply = reply, credible_embedding(reply, call.request)
                    if said is not reply:
                        calls.notices.overcounted(endpoint.id, _usage(said))
                    too_large = self._too_large(reply)
                    one.end(too_large, usage=_usage(reply), model=reply.model)
                    reservation.embedded(reply)
                    if too_large is None:
                        return reply, one.seconds
                if too_large is not None:  # not asked again: it was paid for
                    raise too_large
                if ends is not None and calls.pause.until >= ends:
                    raise calls.pause.error
        raise AssertionError("calls go on until one succeeds or raises")

    def _too_large(self, reply: EmbedReply) -> ProviderBroken | None:
        if sum(map(len, reply.vectors)) <= self._max_numbers:
            return None
        return ProviderBroken(reply.endpoint.provider, "the answer is larger than this gateway takes", doubtful=True)


_Asked: TypeAlias = tuple[EmbedReply, float]
"""A reply, and how many seconds its provider took for it."""


def _usage(reply: EmbedReply) -> Usage | None:
    """None where the provider did not count."""
    if not reply.prompt_tokens:
        return None
    return Usage(prompt_tokens=reply.prompt_tokens, completion_tokens=0, estimated=reply.estimated)
