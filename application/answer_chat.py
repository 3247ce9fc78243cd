"""The whole trip of a chat, in order: plan, admit and find, route, record. What an embedding application calls."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

from typing_extensions import override

from llm_gateway.domain.chat import ChatCall, ChatReply, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import ChatEvent, Collector, Finished, Started
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import EndpointId, Task

from .admission import admit_and_find
from .cache_lookup import CacheLookup
from .draft import Drafts
from .plan_route import PlanRoute
from .ports import Clock, Entropy, Observer, RequestLog
from .records import CacheStatus, RequestId, RequestRecord
from .route_chat import RouteChat, Trip
from .throttle_client import ThrottleClient

MAX_ANSWERS = 4096
"""Answers under way in one process; more are refused with `Overloaded`."""


class AnswerChat:
    def __init__(
        self,
        plan_route: PlanRoute,
        throttle: ThrottleClient,
        lookup: CacheLookup,
        route: RouteChat,
        observer: Observer,
        log: RequestLog,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._plan_route = plan_route
        self._throttle = throttle
        self._lookup = lookup
        self._route = route
        self._drafts = Drafts(observer, log, clock, entropy, most=MAX_ANSWERS)
        self._clock = clock

    @property
    def under_way(self) -> int:
        """How many answers are being given or made."""
        return self._drafts.under_way

    @asynccontextmanager
    async def __call__(
        self,
        call: ChatCall,
        client: Client,
        *,
        id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
        told: Callable[[RequestRecord], object] | None = None,
    ) -> AsyncGenerator["Answer", None]:
        """Enter to have the request planned, admitted and looked up; then read the answer. Leaving ends all of it.

        `id` is the request's own id, made if absent; `headers` may carry a trace context. `told` is called with the
        record, once, before this returns or raises. Entering raises `InvalidRequest`, `UnknownModel`, `Forbidden`,
        `NoRoute`, `QuotaExceeded`, `LimiterUnavailable` or `Overloaded`.
        """
        streamed = call.grain is Grain.STREAM
        with self._drafts.begun(
            Task.CHAT, client, call.hint, id=id, headers=headers, told=told, streamed=streamed
        ) as draft:
            draft.plan = plan = self._plan_route(call, client)
            question = self._lookup.question(plan, call, client)
            decision, found = await admit_and_find(self._throttle, client, call.request, self._lookup.entries, question)
            draft.admitted = True
            trip = Trip(call=call, client=client, plan=plan, question=question, found=found, draft=draft)
            async with aclosing(self._route(trip)) as events:
                yield Answer(events, trip, decision, self._clock)


class Answer(AsyncIterator[ChatEvent]):
    """An answer that was admitted: its events, or the whole of it, and how it was come by."""

    def __init__(self, events: AsyncIterator[ChatEvent], trip: Trip, decision: Decision, clock: Clock) -> None:
        self.decision = decision
        self.plan = trip.plan
        self._events = events
        self._draft = trip.draft
        self._trip = trip
        self._clock = clock
        timeout = trip.call.timeout
        self._ends = None if timeout is None else trip.draft.began + timeout.total_seconds()

    @property
    def ready(self) -> bool:
        """Whether the answer is there already, so that reading it waits for nobody."""
        return self.plan.endpoints[0].endpoint in self._trip.found

    @property
    def more(self) -> bool:
        """Whether the next event is there already: who writes on what it reads can write several at once."""
        reader = self._trip.reader
        return self.cache is CacheStatus.HIT if reader is None else reader.more

    @property
    def cache(self) -> CacheStatus | None:
        """None until the first event."""
        return self._draft.cache

    @property
    def endpoint(self) -> EndpointId | None:
        """Whose answer it is; None until the first event."""
        return self._draft.endpoint

    @override
    async def __anext__(self) -> ChatEvent:
        """Raises `ProviderError`; `QuotaExceeded` and `LimiterUnavailable` before the first event only."""
        try:
            event = await self._next()
        except StopAsyncIteration:
            raise
        except Exception as error:
            self._draft.failed(error)
            raise
        if isinstance(event, Started):
            self._draft.endpoint = event.endpoint
            self._draft.first_event = self._clock.monotonic() - self._draft.began
        elif isinstance(event, Finished):
            self._draft.answered = True
            self._draft.finish_reason = event.reason
            self._draft.usage = event.usage
        return event

    async def _next(self) -> ChatEvent:
        if self._ends is None:
            return await anext(self._events)
        try:
            async with self._clock.timeout_at(self._ends):
                return await anext(self._events)
        except TimeoutError as error:
            waiting_for = self._draft.endpoint or self.plan.endpoints[0].endpoint.id
            raise ProviderTimeout(waiting_for.provider, "no answer within this request's own timeout") from error

    async def reply(self) -> ChatReply:
        """The whole answer. Raises what reading the events raises."""
        collector = Collector()
        async for event in self:
            collector.add(event)
        return collector.reply()
