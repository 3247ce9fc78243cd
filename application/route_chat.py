"""The endpoints of a plan, asked in order: a found reply is replayed, otherwise that endpoint's flight is joined."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from msgspec import Struct, json

from llm_gateway.domain.chat import ChatCall, ChatReply, JsonObject
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRejected, ProviderTimeout
from llm_gateway.domain.estimate import text_bytes
from llm_gateway.domain.events import (
    ChatEvent,
    Collector,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    replay,
)
from llm_gateway.domain.resilience import Pause
from llm_gateway.domain.routing import Endpoint, EndpointState, Plan, Skip

from .attempts import Attempt, Attempts, Turn
from .cache_lookup import CacheLookup
from .draft import Draft
from .entries import Found, Question
from .ports import ChatModel
from .records import CacheStatus
from .single_flight import Reader
from .throttle_client import ThrottleClient

EVENT_OVERHEAD_BYTES = 32
"""Counted for each event beside its text, because an answer in tiny parts takes memory for each part."""


class Trip(Struct, kw_only=True):
    """One request on its way, and the draft of what becomes of it. `ends` is when its own time does."""

    call: ChatCall
    client: Client
    plan: Plan
    question: Question
    found: Mapping[Endpoint, Found[ChatReply]]
    draft: Draft
    ends: float | None = None
    reader: Reader | None = None
    """Of the flight that answers, once it began to."""


class RouteChat:
    def __init__(
        self,
        models: Mapping[str, ChatModel],
        lookup: CacheLookup,
        throttle: ThrottleClient,
        attempts: Attempts,
        max_answer_bytes: int,
    ) -> None:
        self._models = models
        self._lookup = lookup
        self._throttle = throttle
        self._attempts = attempts
        self._max_answer_bytes = max_answer_bytes

    async def __call__(self, trip: Trip) -> AsyncGenerator[ChatEvent, None]:
        """The answer's events. The first one commits: until then a failure goes on to the next endpoint.

        Raises `ProviderError`, `QuotaExceeded` or `LimiterUnavailable`. Where every endpoint failed, the first choice's
        failure is raised. Who joined a flight whose leader left for another endpoint, and has none, asks once more.
        """
        failures: list[ProviderError] = []
        asks = [(state, False) for state in trip.plan.endpoints]
        for index, (state, patient) in enumerate(asks):
            endpoint = state.endpoint
            found = trip.found.get(endpoint)
            if found is not None:
                trip.draft.cache = CacheStatus.HIT
                trip.draft.saved_seconds = found.seconds
                for event in replay(found.reply):
                    yield event
                return
            alternative = self._any_usable(trip, [later for later, _ in asks[index + 1 :]])
            async with aclosing(self._join(trip, state, alternative=alternative, patient=patient)) as reader:
                try:
                    first = await anext(reader)
                except ProviderRejected:
                    raise
                except ProviderError as error:
                    if isinstance(error, ProviderTimeout) and error.moved_on and not (alternative or patient):
                        asks.insert(index + 1, (state, True))
                        continue
                    failures.append(error)
                    trip.draft.passed_over.append(Skip(name=endpoint.name, reason=error.message))
                    continue
                trip.draft.cache = self._status(trip, endpoint, leads=reader.leads)
                trip.reader = reader
                yield first
                async for event in reader:
                    yield event
                return
        raise _first_choice(failures)

    def _join(self, trip: Trip, state: EndpointState, *, alternative: bool, patient: bool) -> Reader:
        produce = partial(self._flight, trip, state, alternative)
        return self._lookup.join(
            trip.question, state.endpoint, trip.call.grain, produce, ends=trip.ends, patient=patient
        )

    def _any_usable(self, trip: Trip, states: Sequence[EndpointState]) -> bool:
        return any(state.endpoint in trip.found or self._attempts.usable(state.endpoint) for state in states)

    def _status(self, trip: Trip, endpoint: Endpoint, *, leads: bool) -> CacheStatus:
        if endpoint not in trip.question.keys:
            return CacheStatus.BYPASS
        return CacheStatus.MISS if leads else CacheStatus.COALESCED

    async def _flight(
        self, trip: Trip, state: EndpointState, alternative: bool
    ) -> AsyncGenerator[ChatEvent | Pause, None]:
        """What one flight does: attempts at one endpoint until one begins to answer."""
        turn = self._attempts.begin(state.endpoint, trip.draft, alternative=alternative)
        async with self._throttle.reserve(trip.client, trip.call.request, state) as reservation:
            while True:
                attempt = self._attempts.attempt(turn)
                started = False
                try:
                    async with aclosing(self._attempt(trip, turn, attempt)) as events:
                        async for event in events:
                            started = True
                            reservation.observe(event)
                            yield event
                    return
                except ProviderError as error:
                    pause = None if started else self._attempts.again(turn, error)
                    if pause is None:
                        raise
                yield pause
                await self._attempts.wait(pause)

    async def _attempt(self, trip: Trip, turn: Turn, attempt: Attempt) -> AsyncGenerator[ChatEvent, None]:
        """One call to the model: bounded, observed, and kept if it ended well."""
        endpoint, call = turn.endpoint, trip.call
        collector = Collector()
        size = 0
        with attempt:
            model = self._models[endpoint.id.provider]
            async with aclosing(
                model.events(endpoint, call.request, grain=call.grain, deadline=turn.deadline, headers=attempt.headers)
            ) as events:
                async for event in events:
                    attempt.heard()
                    size += _size(event)
                    if size > self._max_answer_bytes:
                        why = "the answer is larger than this gateway takes"
                        raise ProviderBroken(endpoint.id.provider, why, doubtful=True)
                    collector.add(event)
                    if isinstance(event, Finished):
                        # before the reader knows, whose record tells of it
                        attempt.end(None, usage=event.usage, finish_reason=event.reason)
                    yield event
                    attempt.waits()
            await self._lookup.keep(trip.question, endpoint, collector.reply(), attempt.seconds)


def _size(event: ChatEvent) -> int:
    """All that is held of an event, with what a provider may say beside its text."""
    match event:
        case TextDelta(text=text) | ReasoningDelta(text=text):
            held = text_bytes(text)
        case ToolCallDelta():
            named = text_bytes(event.id or "") + text_bytes(event.name or "")
            held = named + text_bytes(event.arguments) + _extra(event.extra_content)
        case Finished():
            held = text_bytes(event.model) + _extra(event.extra_content)
        case Started():
            held = 0
    return held + EVENT_OVERHEAD_BYTES


def _extra(content: JsonObject | None) -> int:
    return 0 if content is None else len(json.encode(content))


def _first_choice(failures: Sequence[ProviderError]) -> ProviderError:
    first = failures[0]
    others = ", ".join(f"{error.provider}: {type(error).__name__}" for error in failures[1:])
    if others:
        first.add_note(f"and then {others}")
    return first
