"""A chat from end to end: plan, admit, route, record. `RouteChat` asks the endpoints and decides on fallback."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Final, TypeVar

from typing_extensions import override

from llm_gateway.domain.chat import ChatCall, ChatReply, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall
from llm_gateway.domain.errors import ProviderTimeout
from llm_gateway.domain.events import ChatEvent, Finished, Started
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import EndpointId, Plan, Task
from llm_gateway.domain.survey import survey

from .answer_slots import AnswerSlots
from .cache_lookup import CacheLookup, CacheView, R
from .long_work import AT_ONCE_BYTES, off_the_loop, weight_of
from .plan_route import PlanRoute
from .ports.observation import Observer
from .ports.stores import RequestLog
from .ports.system import Clock, Entropy
from .records import CacheStatus, RequestId, RequestRecord
from .request_recorder import RecordedRequests, RequestRecorder
from .route_chat import ChatContext, Replay, RouteChat, Source
from .shared_answer import Hand
from .throttle_client import ThrottleClient

_CHAT: Final = Task.CHAT
_STREAM: Final = Grain.STREAM
T = TypeVar("T")


class AnswerChat:
    """Answers one chat from end to end, and leaves exactly one record of it, however it ends."""

    def __init__(
        self,
        plan_route: PlanRoute,
        throttle: ThrottleClient,
        lookup: CacheLookup[ChatReply],
        route: RouteChat,
        observer: Observer,
        log: RequestLog,
        clock: Clock,
        entropy: Entropy,
        slots: AnswerSlots,
    ) -> None:
        self._plan_route = plan_route
        self._throttle = throttle
        self._lookup = lookup
        self._route_chat = route
        self._requests = RecordedRequests(observer, log, clock, entropy, slots)
        self._clock = clock

    @property
    def under_way(self) -> int:
        """How many answers are in progress."""
        return self._requests.under_way

    def __call__(
        self,
        call: ChatCall,
        client: Client,
        *,
        id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
        on_record: Callable[[RequestRecord], object] | None = None,
    ) -> AbstractAsyncContextManager["Answer"]:
        """Enter to have the request planned, admitted and looked up; then read the answer. Leaving ends this reading.

        Admission charges one request. Tokens are reserved while an endpoint is asked, from the quota of the client
        whose request started that call: requests that join it pay none, also where the one that started it left.

        `id` is the request's own id, made if absent; `headers` may carry a trace context. `on_record` is called with
        the record, once, before this returns or raises. Entering raises `InvalidRequest`, `UnknownModel`, `Forbidden`,
        `NoRoute`, `QuotaExceeded`, `LimiterUnavailable` or `Overloaded`.
        """
        return _AnsweredChat(self, call, client, id, headers, on_record)

    def _begin(
        self,
        call: ChatCall,
        client: Client,
        id: RequestId | None,
        headers: Mapping[str, str] | None,
        on_record: Callable[[RequestRecord], object] | None,
    ) -> RequestRecorder:
        streamed = call.grain is _STREAM
        return self._requests.begin(
            _CHAT, client, call.hint, id=id, headers=headers, on_record=on_record, streamed=streamed
        )

    async def _admitted(self, call: ChatCall, client: Client, recorder: RequestRecorder) -> "Answer":
        weight = weight_of(call.request)
        if weight > AT_ONCE_BYTES:
            await off_the_loop(weight, partial(survey, call.request))
        plan = self._plan_route(call, client)
        recorder.planned(plan)
        decision, view = await admit_and_find(self._throttle, self._lookup, plan, client, call)
        recorder.admitted(looked_up=view.looked_up)
        ends = None if call.timeout is None else recorder.began + call.timeout.total_seconds()
        context = ChatContext(call=call, client=client, plan=plan, view=view, recorder=recorder, ends=ends)
        return Answer(context, decision, self._route_chat, self._clock)


class _AnsweredChat(AbstractAsyncContextManager["Answer"]):
    """One chat, begun where it is entered, and ended with its record where it is left; to be entered once."""

    def __init__(
        self,
        answer_chat: AnswerChat,
        call: ChatCall,
        client: Client,
        id: RequestId | None,
        headers: Mapping[str, str] | None,
        on_record: Callable[[RequestRecord], object] | None,
    ) -> None:
        self._answer_chat = answer_chat
        self._call = call
        self._client = client
        self._begun_by = id, headers, on_record

    @override
    async def __aenter__(self) -> "Answer":
        call, client = self._call, self._client
        self._recorder = self._answer_chat._begin(call, client, *self._begun_by)
        try:
            self._answer = await self._answer_chat._admitted(call, client, self._recorder)
        except BaseException as error:
            self._recorder.ended(error)
            raise
        return self._answer

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            await self._answer.aclose()
        except BaseException as failure:
            self._recorder.ended(failure)
            raise
        self._recorder.ended(error)


async def admit_and_find(
    throttle: ThrottleClient, lookup: CacheLookup[R], plan: Plan, client: Client, call: ChatCall | EmbedCall
) -> tuple[Decision, CacheView[R]]:
    """Charge the request and look for its answer; where the cache is remote both at once, which makes one round trip.

    Raises `QuotaExceeded` or `LimiterUnavailable` without waiting for the look-up, which is left to finish.
    """
    if not lookup.is_remote:
        return await throttle.admit(client, call.request), await lookup.find(plan, client, call.request, call.cache)
    finding = lookup.begin(plan, client, call.request, call.cache)
    return await throttle.admit(client, call.request), await finding


def begun_in_time(clock: Clock, ends: float | None, provider: str) -> None:
    """Raises `ProviderTimeout` where the request's own timeout ended already: nothing is begun for nobody."""
    if ends is not None and clock.monotonic() >= ends:
        raise ProviderTimeout(provider, "this request's own timeout ended before it was asked")


async def within_timeout(clock: Clock, ends: float | None, provider: str, awaitable: Awaitable[T]) -> T:
    """Within the request's own timeout, where it has one. Raises `ProviderTimeout`."""
    if ends is None:
        return await awaitable
    try:
        async with clock.timeout_at(ends):
            return await awaitable
    except TimeoutError as error:
        raise ProviderTimeout(provider, "no answer within this request's own timeout") from error


class Answer(AsyncIterator[ChatEvent]):
    """An admitted chat's answer: its events, or the whole of it, and where it comes from.

    The first event commits: until it is read, `cache` and `endpoint` are None, and endpoints that fail are passed over.
    `ready`: the first choice's answer is stored, so that reading it waits for nothing. `ignored`, from the first event
    on: the paths of what the request states and the endpoint leaves out.
    """

    def __init__(self, context: ChatContext, decision: Decision, route: RouteChat, clock: Clock) -> None:
        self.decision = decision
        self.plan = context.plan
        self._context = context
        self._recorder = context.recorder
        self._route_chat = route
        self._clock = clock
        self._source: Source | None = None
        self._whole: Replay | None = None
        self._ends = context.ends
        self.ignored: tuple[str, ...] = ()
        self.ready = context.plan.endpoints[0].endpoint in context.view.found

    @property
    def cache(self) -> CacheStatus | None:
        """Where the answer comes from; None before the first event."""
        return self._recorder.cache

    @property
    def endpoint(self) -> EndpointId | None:
        """The endpoint that answers; None before the first event."""
        return self._recorder.endpoint

    @property
    def microdollars(self) -> int | None:
        """What the calls that were made for it cost, once it is whole; None where that is not known."""
        return self._recorder.microdollars

    async def take(self, hand: Hand | None = None) -> Sequence[ChatEvent]:
        """All events that are there, once one is, for whoever writes them at once; none after the end.

        While this waits, `hand` may be called with what comes, where it comes: what it takes is not returned then. The
        first events and the last are never handed. Raises what reading a single one does.
        """
        try:
            source = self._source or await self._open()
            if self._ends is None or source.more:
                events = await source.take(hand)
            else:
                events = await self._within_timeout(source.take(hand))
        except Exception as error:
            self._recorder.failed(error)
            raise
        if events and isinstance(events[0], Started):
            self._started(events[0].endpoint, events[0].ignored)
        if events and isinstance(events[-1], Finished):
            self._recorder.finished(events[-1].usage, events[-1].reason)
        return events

    @override
    async def __anext__(self) -> ChatEvent:
        """Raises `ProviderError`; `QuotaExceeded`, `LimiterUnavailable` and `Draining` too before the first event."""
        try:
            source = self._source or await self._open()
            event = await (anext(source) if self._ends is None else self._within_timeout(anext(source)))
        except StopAsyncIteration:
            raise
        except Exception as error:
            self._recorder.failed(error)
            raise
        if isinstance(event, Started):
            self._started(event.endpoint, event.ignored)
        elif isinstance(event, Finished):
            self._recorder.finished(event.usage, event.reason)
        return event

    async def reply(self) -> ChatReply:
        """The whole answer, once the rest of the events is read. Raises what reading them raises."""
        if self._source is None:
            stored = self._route_chat.stored(self._context)
            if stored is not None:
                return self._at_once(stored)
        while await self.take():
            pass
        assert self._source is not None
        return self._source.reply()

    async def aclose(self) -> None:
        """Stop reading. The call to the provider goes on while another request reads it, and ends with the last."""
        if self._source is not None and self._source is not self._whole:
            await self._source.aclose()

    def _at_once(self, stored: Replay) -> ChatReply:
        """A stored answer that is wanted whole: none of its events is made."""
        self._source = self._whole = stored
        reply = stored.rest()
        self._started(reply.endpoint, reply.ignored)
        self._recorder.finished(reply.usage, reply.finish_reason)
        return reply

    async def _open(self) -> Source:
        begun_in_time(self._clock, self._ends, self.plan.endpoints[0].endpoint.id.provider)
        self._source = await self._within_timeout(self._route_chat(self._context))
        return self._source

    def _started(self, endpoint: EndpointId, ignored: tuple[str, ...]) -> None:
        named = (*self._context.call.ignored, *self.plan.ignored(endpoint), *ignored)
        self.ignored = tuple(dict.fromkeys(named)) if named else ()
        self._recorder.started(endpoint, self.ignored)

    async def _within_timeout(self, awaitable: Awaitable[T]) -> T:
        """Before the first event the first choice is named."""
        waiting_for = self.endpoint or self.plan.endpoints[0].endpoint.id
        return await within_timeout(self._clock, self._ends, waiting_for.provider, awaitable)
