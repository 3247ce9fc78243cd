"""The endpoints of a plan, asked in order: a found reply is replayed, otherwise that endpoint's flight is joined."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from msgspec import Struct

from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRejected
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
from llm_gateway.domain.resilience import Deadline, RetryBudget, RetryPolicy
from llm_gateway.domain.routing import Endpoint, EndpointState, Plan

from .breakers import Breakers, Trial
from .cache_lookup import CacheLookup, Question
from .ports import ChatModel, Clock, Entropy, Observation
from .records import AttemptRecord, CacheStatus
from .throttle_client import ThrottleClient

EVENT_OVERHEAD_BYTES = 32
"""Counted for each event beside its text, because an answer in tiny parts takes memory for each part."""


class Limits(Struct, frozen=True, kw_only=True):
    """What bounds one endpoint's flight."""

    timeout_seconds: float
    max_answer_bytes: int
    retries: RetryPolicy


class Trip(Struct, kw_only=True):
    """One request on its way, and what has become of it so far."""

    client: Client
    plan: Plan
    question: Question
    found: Mapping[Endpoint, ChatReply]
    observation: Observation
    cache: CacheStatus | None = None
    attempts: list[AttemptRecord]


class RouteChat:
    def __init__(
        self,
        models: Mapping[str, ChatModel],
        lookup: CacheLookup,
        throttle: ThrottleClient,
        breakers: Breakers,
        limits: Limits,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._models = models
        self._lookup = lookup
        self._throttle = throttle
        self._breakers = breakers
        self._limits = limits
        self._clock = clock
        self._entropy = entropy
        self._budgets: dict[Endpoint, RetryBudget] = {}

    async def __call__(self, trip: Trip) -> AsyncGenerator[ChatEvent, None]:
        """The answer's events. The first one commits: until then a failure goes on to the next endpoint.

        Raises `ProviderError`, `QuotaExceeded` or `LimiterUnavailable`. Where every endpoint failed, the first choice's
        failure is raised.
        """
        failures: list[ProviderError] = []
        for index, state in enumerate(trip.plan.endpoints):
            endpoint = state.endpoint
            reply = trip.found.get(endpoint)
            if reply is not None:
                trip.cache = CacheStatus.HIT
                for event in replay(reply):
                    yield event
                return
            produce = partial(self._attempts, trip, state, index + 1 < len(trip.plan.endpoints))
            async with aclosing(self._lookup.join(trip.question, endpoint, produce)) as reader:
                try:
                    first = await anext(reader)
                except ProviderRejected:
                    raise
                except ProviderError as error:
                    failures.append(error)
                    continue
                trip.cache = self._status(trip, endpoint, leads=reader.leads)
                yield first
                async for event in reader:
                    yield event
                return
        raise _first_choice(failures)

    def _status(self, trip: Trip, endpoint: Endpoint, *, leads: bool) -> CacheStatus:
        if endpoint not in trip.question.keys:
            return CacheStatus.BYPASS
        return CacheStatus.MISS if leads else CacheStatus.COALESCED

    async def _attempts(self, trip: Trip, state: EndpointState, alternative: bool) -> AsyncGenerator[ChatEvent, None]:
        """What one flight does: attempts at one endpoint until one begins to answer."""
        endpoint = state.endpoint
        self._breakers.check(endpoint.id)
        deadline = Deadline(self._clock.monotonic() + self._limits.timeout_seconds)
        budget = self._budgets.setdefault(endpoint, RetryBudget())
        budget.deposit()
        retries = 0
        async with self._throttle.reserve(trip.client, trip.question.call.request, state) as reservation:
            while True:
                attempt = _Attempt(trip, endpoint, self._breakers.enter(endpoint.id))
                started = False
                try:
                    async with aclosing(self._attempt(trip, endpoint, deadline, attempt)) as events:
                        async for event in events:
                            started = True
                            reservation.observe(event)
                            yield event
                    return
                except ProviderError as error:
                    wait = None if started else self._wait(error, retries, deadline, alternative)
                    if wait is None or not budget.withdraw():
                        raise
                await self._clock.sleep(wait)
                retries += 1

    def _wait(self, error: ProviderError, retries: int, deadline: Deadline, alternative: bool) -> float | None:
        return self._limits.retries.wait(
            error,
            retries=retries,
            fraction=self._entropy.fraction(),
            remaining=deadline.remaining(self._clock.monotonic()),
            alternative=alternative,
        )

    async def _attempt(
        self, trip: Trip, endpoint: Endpoint, deadline: Deadline, attempt: "_Attempt"
    ) -> AsyncGenerator[ChatEvent, None]:
        """One call to the model: bounded, observed, and kept if it ended well."""
        request, grain = trip.question.call.request, trip.question.call.grain
        collector = Collector()
        size = 0
        try:
            model = self._models[endpoint.id.provider]
            async with aclosing(
                model.events(endpoint, request, grain=grain, deadline=deadline, headers=attempt.headers)
            ) as events:
                async for event in events:
                    size += _size(event)
                    if size > self._limits.max_answer_bytes:
                        raise ProviderBroken(endpoint.id.provider, "the answer is larger than this gateway takes")
                    collector.add(event)
                    if isinstance(event, Finished):
                        attempt.end(None)  # before the reader knows, whose record tells of it
                    yield event
            await self._lookup.keep(trip.question, endpoint, collector.reply())
        except BaseException as error:
            attempt.end(error)
            raise


class _Attempt:
    """One call to a model, for all who want to know how it went: the breaker, the observer and the record."""

    def __init__(self, trip: Trip, endpoint: Endpoint, trial: Trial) -> None:
        self._trip = trip
        self._endpoint = endpoint
        self._trial = trial
        self._observed = trip.observation.attempt(endpoint)
        self._ended = False

    @property
    def headers(self) -> Mapping[str, str]:
        return self._observed.headers

    def end(self, outcome: BaseException | None) -> None:
        """The first ending counts."""
        if self._ended:
            return
        self._ended = True
        self._trial.end(outcome)
        self._observed.end(outcome)
        failed = type(outcome).__name__ if isinstance(outcome, Exception) else None
        self._trip.attempts.append(AttemptRecord(endpoint=self._endpoint.id, error=failed))


def _size(event: ChatEvent) -> int:
    match event:
        case TextDelta(text=text) | ReasoningDelta(text=text) | ToolCallDelta(arguments=text):
            return text_bytes(text) + EVENT_OVERHEAD_BYTES
        case Started() | Finished():
            return EVENT_OVERHEAD_BYTES


def _first_choice(failures: Sequence[ProviderError]) -> ProviderError:
    first = failures[0]
    others = ", ".join(f"{error.provider}: {type(error).__name__}" for error in failures[1:])
    if others:
        first.add_note(f"and then {others}")
    return first
