"""The endpoints of a plan, asked in order: a stored reply is replayed, otherwise that endpoint's flight is joined."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from typing_extensions import override

from llm_gateway.domain.chat import ChatCall, ChatReply
from llm_gateway.domain.clients import Client
from llm_gateway.domain.credible_usage import credible
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
)
from llm_gateway.domain.events import ChatEvent, replay
from llm_gateway.domain.features import as_taken
from llm_gateway.domain.routing import Endpoint, EndpointState, Plan

from .cache_lookup import CacheLookup, CacheView
from .call_provider import CallProvider
from .kept_signatures import KeptSignatures
from .ports.models import ChatModel
from .records import CacheStatus
from .request_recorder import RequestRecorder
from .shared_answer import Hand, Reader, SharedAnswer
from .single_flight import Flights
from .throttle_client import ThrottleClient


class ChatContext(Struct, frozen=True, kw_only=True):
    """Everything that was decided about one chat before an endpoint is asked. `recorder` takes what becomes of it.

    `ends` is when the request's own timeout passes, on the monotonic clock; None where it has none.
    """

    call: ChatCall
    client: Client
    plan: Plan
    view: CacheView[ChatReply]
    recorder: RequestRecorder
    ends: float | None = None


class Replay(AsyncIterator[ChatEvent]):
    """A stored reply as a stream of events, all of which are there already."""

    more = True

    def __init__(self, reply: ChatReply) -> None:
        self._reply = reply
        self._left: Iterator[ChatEvent] | None = None

    @property
    def _events(self) -> Iterator[ChatEvent]:
        """Made for who reads them."""
        self._left = self._left or replay(self._reply)
        return self._left

    async def take(self, hand: Hand | None = None) -> Sequence[ChatEvent]:
        """All that was not read yet. There is nothing to wait for, and so to `hand` over."""
        return tuple(self._events)

    @override
    async def __anext__(self) -> ChatEvent:
        for event in self._events:
            return event
        raise StopAsyncIteration

    def reply(self) -> ChatReply:
        """The stored reply."""
        return self._reply

    def rest(self) -> ChatReply:
        """The stored reply, in the place of all events that were not read yet."""
        self._left = iter(())
        return self._reply

    async def aclose(self) -> None:
        """Nothing is under way."""


Source: TypeAlias = Replay | Reader
"""Where an answer's events come from. To be closed; `reply()` is the whole answer once the events have ended."""


class RouteChat:
    """Asks the endpoints of a plan in order until one begins to answer.

    An endpoint's stored reply is replayed; otherwise its flight is joined or started: quota reserved, provider called
    with retries, a whole answer stored. `models` are by provider name.
    """

    def __init__(
        self,
        models: Mapping[str, ChatModel],
        lookup: CacheLookup[ChatReply],
        flights: Flights,
        throttle: ThrottleClient,
        call_provider: CallProvider,
        *,
        max_answer_bytes: int,
        signatures: KeptSignatures | None = None,
    ) -> None:
        """`models` are by provider; an answer of more than `max_answer_bytes` in memory is `ProviderBroken`.

        Without `signatures` a history goes to the model as the client sent it.
        """
        self._models = models
        self._lookup = lookup
        self._flights = flights
        self._throttle = throttle
        self._call_provider = call_provider
        self._max_answer_bytes = max_answer_bytes
        self._signatures = signatures

    async def __call__(self, context: ChatContext) -> Source:
        """The answer, once its first event is there: until then a failure goes on to the next endpoint.

        Raises `ProviderError`, `QuotaExceeded`, `LimiterUnavailable` or `Draining`. Where every endpoint failed, the
        first choice's failure is raised. A request that joined a flight whose leader moved on to another endpoint, and
        has no other itself, asks once more.
        """
        failures: list[ProviderError] = []
        left, patient = context.plan.endpoints, False
        while left:
            state, others = left[0], left[1:]
            endpoint = state.endpoint
            stored = self._stored(context, endpoint)
            if stored is not None:
                return stored
            alternative = self._any_usable(context, others)
            key = context.view.flight_key(endpoint, context.call.grain, patient=patient)
            produce = partial(self._produce, context, state, alternative)
            reader = self._flights.join(key, produce, context.ends)
            try:
                await reader.begin()
            except BaseException as error:
                await reader.aclose()
                if not isinstance(error, ProviderError) or is_final(error):
                    raise  # the request's own end or fault; every other failure falls back to the next endpoint
                if isinstance(error, ProviderTimeout) and error.moved_on and not (alternative or patient):
                    patient = True
                    continue
                failures.append(error)
                context.recorder.passed_over(endpoint, error)
                left, patient = tuple(_may_answer(state, error, others, context.recorder)), False
                continue
            made = CacheStatus.MISS if reader.leads else CacheStatus.COALESCED
            context.recorder.asked(made if endpoint in context.view.keys else context.view.past)
            return reader
        raise _first_choice(failures)

    def stored(self, context: ChatContext) -> Replay | None:
        """The first choice's stored answer, without waiting for anything; None where there is none."""
        return self._stored(context, context.plan.endpoints[0].endpoint)

    def _stored(self, context: ChatContext, endpoint: Endpoint) -> Replay | None:
        found = context.view.found.get(endpoint)
        if found is None:
            return None
        context.recorder.found(found.seconds)
        return Replay(found.reply)

    def _any_usable(self, context: ChatContext, states: Sequence[EndpointState]) -> bool:
        for state in states:
            if state.endpoint in context.view.found or self._call_provider.usable(state.endpoint):
                return True
        return False

    async def _produce(
        self, context: ChatContext, state: EndpointState, alternative: bool, shared: SharedAnswer
    ) -> None:
        """What one flight does: calls to one endpoint until one begins to answer, which is shared and kept."""
        endpoint, chat, answer = state.endpoint, context.call, shared.collector
        model = self._models[endpoint.id.provider]
        calls = self._call_provider(endpoint, context.recorder, alternative=alternative)
        namespace, secure = context.client.namespace, context.view.secure
        request = as_taken(chat.request, state)
        if self._signatures is not None:
            request = await self._signatures.restore(request, namespace, state, secure=secure)
        async with self._throttle.reserve(context.client, chat.request, state) as reservation:
            reservation.follow(answer)
            async for call in calls:
                with call:
                    batches = model.events(
                        endpoint, request, grain=chat.grain, deadline=call.deadline, headers=call.headers
                    )
                    async with aclosing(batches):
                        async for batch in batches:
                            if not shared.events:
                                call.received()
                                call.waits()
                            answer.extend(batch)
                            if answer.held_bytes > self._max_answer_bytes:
                                why = "the answer is larger than this gateway takes"
                                raise ProviderBroken(endpoint.id.provider, why, doubtful=True)
                            if answer.finished is not None:
                                usage = credible(answer.finished, request, answer.text_bytes, state.output_limit)
                                if usage is not answer.finished.usage:
                                    calls.notices.overcounted(endpoint.id, answer.finished.usage)
                                    batch = (*batch[:-1], answer.corrected(usage))
                                # before the reader knows, whose record tells of it
                                finished = answer.finished
                                call.end(
                                    None, usage=finished.usage, finish_reason=finished.reason, model=finished.model
                                )
                                if self._signatures is not None:  # before the client can answer the calls
                                    await self._signatures.keep(answer.reply(), namespace, secure=secure)
                            if shared.publish(batch):
                                call.received()
                                await shared.room()
                                call.waits()
                    await self._lookup.keep(context.view, endpoint, answer.reply(), call.seconds)
                    return
                shared.pause(calls.pause)


def is_final(error: ProviderError) -> bool:
    """The client's own fault anywhere. A longer context may take what a shorter one did not."""
    return isinstance(error, ProviderRejected) and not (error.doubtful or isinstance(error, ContextLengthExceeded))


def _may_answer(
    failed: EndpointState, error: ProviderError, others: Sequence[EndpointState], recorder: RequestRecorder
) -> Iterator[EndpointState]:
    """The others, but after a prompt that was too long those whose context is known and no longer."""
    shortest = (error.limit or failed.context_length) if isinstance(error, ContextLengthExceeded) else None
    for state in others:
        if shortest is None or state.context_length is None or state.context_length > shortest:
            yield state
        else:
            why = f"its context is no longer than the {shortest} tokens that were too few"
            recorder.passed_over(state.endpoint, ContextLengthExceeded(state.endpoint.id.provider, why))


def _first_choice(failures: Sequence[ProviderError]) -> ProviderError:
    """The first failure of all, but for a context that was too short where another endpoint may yet take the prompt."""
    first = next((error for error in failures if not isinstance(error, ContextLengthExceeded)), failures[0])
    others = ", ".join(f"{error.provider}: {type(error).__name__}" for error in failures if error is not first)
    if others:
        first.add_note(f"and then {others}")
    return first
