"""The whole trip of a chat, in order: plan, admit and find, route, record. What an embedding application calls."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from typing_extensions import override

from llm_gateway.domain.chat import ChatCall, ChatReply, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Overloaded, ProviderTimeout, QuotaExceeded
from llm_gateway.domain.events import ChatEvent, Collector, Finished, Started
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import Endpoint, EndpointId, Plan

from .cache_lookup import CacheLookup, Question
from .plan_route import PlanRoute
from .ports import Clock, Entropy, Observer, RequestId
from .records import CacheStatus, RequestRecord
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
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._plan_route = plan_route
        self._throttle = throttle
        self._lookup = lookup
        self._route = route
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._under_way = 0

    @asynccontextmanager
    async def __call__(
        self,
        call: ChatCall,
        client: Client,
        *,
        id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator["Answer", None]:
        """Enter to have the request planned, admitted and looked up; then read the answer. Leaving ends all of it.

        `id` is the request's own id, made if absent; `headers` may carry a trace context. Entering raises
        `InvalidRequest`, `UnknownModel`, `Forbidden`, `NoRoute`, `QuotaExceeded`, `LimiterUnavailable` or `Overloaded`.
        """
        draft = _Draft(self._clock.monotonic(), call, client)
        observation = self._observer.begin(id or RequestId(self._entropy.new_id()), headers or {})
        try:
            if self._under_way >= MAX_ANSWERS:
                raise Overloaded
            self._under_way += 1
            try:
                draft.plan = plan = self._plan_route(call, client)
                question = self._lookup.question(plan, call, client)
                decision, found = await self._admit_and_find(client, question)
                draft.admitted = True
                draft.trip = trip = Trip(
                    client=client, plan=plan, question=question, found=found, observation=observation, attempts=[]
                )
                async with aclosing(self._route(trip)) as events:
                    yield Answer(events, draft, trip, decision, self._clock)
            finally:
                self._under_way -= 1
        except Exception as error:
            draft.failed(error)
            raise
        finally:
            observation.end(draft.record(self._clock.monotonic()))

    async def _admit_and_find(
        self, client: Client, question: Question
    ) -> tuple[Decision, Mapping[Endpoint, ChatReply]]:
        """Both in one turn of the loop where they leave the process, so that they can share one trip."""
        if not self._lookup.leaves_process:
            return await self._throttle.admit(client), await self._lookup.find(question)
        return await asyncio.gather(self._throttle.admit(client), self._lookup.find(question))


class _Draft:
    """The record of a request while it is being made."""

    def __init__(self, began: float, call: ChatCall, client: Client) -> None:
        self.began = began
        self.call = call
        self.client = client
        self.plan: Plan | None = None
        self.trip: Trip | None = None
        self.admitted: bool | None = None
        self.endpoint: EndpointId | None = None
        self.finished: Finished | None = None
        self.first_event: float | None = None
        self.error: str | None = None

    def failed(self, error: Exception) -> None:
        """What ended the request; the first failure counts."""
        self.error = self.error or type(error).__name__
        if isinstance(error, QuotaExceeded):
            self.admitted = False

    def record(self, now: float) -> RequestRecord:
        trip, plan, finished = self.trip, self.plan, self.finished
        return RequestRecord(
            client=self.client.id,
            hint=plan.hint if plan else self.call.hint,
            endpoint=self.endpoint,
            cache=trip.cache if trip else None,
            admitted=self.admitted,
            planned=tuple(state.endpoint.id for state in plan.endpoints) if plan else (),
            skipped=plan.skipped if plan else (),
            attempts=tuple(trip.attempts) if trip else (),
            finish_reason=finished.reason if finished else None,
            usage=finished.usage if finished else None,
            error=self.error,
            left=self.error is None and finished is None,
            streamed=self.call.grain is Grain.STREAM,
            seconds=now - self.began,
            first_event_seconds=self.first_event,
        )


class Answer(AsyncIterator[ChatEvent]):
    """An answer that was admitted: its events, or the whole of it, and how it was come by."""

    def __init__(
        self, events: AsyncIterator[ChatEvent], draft: _Draft, trip: Trip, decision: Decision, clock: Clock
    ) -> None:
        self.decision = decision
        self.plan = trip.plan
        self._events = events
        self._draft = draft
        self._trip = trip
        self._clock = clock
        timeout = draft.call.timeout
        self._ends = None if timeout is None else draft.began + timeout.total_seconds()

    @property
    def ready(self) -> bool:
        """Whether the answer is there already, so that reading it waits for nobody."""
        return self.plan.endpoints[0].endpoint in self._trip.found

    @property
    def cache(self) -> CacheStatus | None:
        """None until the first event."""
        return self._trip.cache

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
            self._draft.finished = event
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
