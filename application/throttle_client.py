"""A client's quota: a request is admitted, then tokens and a lease are reserved and settled with what was used."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from msgspec import structs

from llm_gateway.domain.answer_lengths import AnswerLengths
from llm_gateway.domain.chat import ChatRequest
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.errors import LimiterUnavailable, QuotaExceeded
from llm_gateway.domain.estimate import estimate_inputs, estimate_prompt, likely_answer_tokens, likely_prompt_tokens
from llm_gateway.domain.events import Collector
from llm_gateway.domain.quota import Charge, Decision, Limit, LimiterMode, LimitStatus, ReservationId, Reserve
from llm_gateway.domain.routing import EndpointId, EndpointState

from .lease_keeper import LeaseKeeper
from .ports.stores import RateLimiter
from .ports.system import Clock, Entropy

_ADMISSION = Charge(requests=1)

RESERVED_OUTPUT_TOKENS = 1024
"""The most output tokens that are reserved for an answer, unless told otherwise: likely, not possible."""


class Reservation:
    """What is held of a client's quota while an endpoint is asked, and what its answer has used, which may be more."""

    def __init__(self, prompt_tokens: int = 0, reserve: Reserve = Reserve.LIKELY) -> None:
        self._prompt_tokens = prompt_tokens
        self._reserve = reserve
        self._answer: Collector | None = None
        self._embedded: int | None = None

    def follow(self, answer: Collector) -> None:
        """The answer for which this is held, as it is made."""
        self._answer = answer

    def embedded(self, reply: EmbedReply) -> None:
        """The embedding for which this was held is there."""
        self._embedded = reply.prompt_tokens or self._prompt_tokens

    @property
    def used(self) -> int:
        """As the provider counted; an estimate where it did not, or broke off; 0 where no answer began.

        The estimate is of the kind that was reserved.
        """
        if self._embedded is not None:
            return self._embedded
        if self._answer is None or not self._answer.started:
            return 0
        if self._answer.finished is not None:
            return self._answer.finished.usage.total_tokens
        upper = self._reserve is Reserve.UPPER_BOUND
        return self._prompt_tokens + (self._answer.text_bytes if upper else likely_answer_tokens(self._answer))

    @property
    def answer_tokens(self) -> int | None:
        """Output tokens of an answer that came to its end."""
        ended = self._answer.finished if self._answer else None
        return ended.usage.completion_tokens if ended else None


class ThrottleClient:
    """Holds each client to its quota: one charge a request, then a reservation for each endpoint that is asked.

    A reservation is what is likely: an estimate of the prompt, and for the answer what the endpoint's last ones had, at
    most `reserved_output` tokens. What was used above it is debt, which the client's next reservations wait out. With
    `Reserve.UPPER_BOUND` it is the most that may be used, which is the whole bucket where nothing bounds the answer.
    """

    def __init__(
        self, limiter: RateLimiter, clock: Clock, entropy: Entropy, *, reserved_output: int = RESERVED_OUTPUT_TOKENS
    ) -> None:
        self._limiter = limiter
        self._keeper = LeaseKeeper(limiter, clock)
        self._entropy = entropy
        self._reserved_output = reserved_output
        self._lengths = AnswerLengths()

    async def admit(self, client: Client, request: ChatRequest | EmbedRequest | None = None) -> Decision:
        """Charge one request. Raises `QuotaExceeded`, or `LimiterUnavailable`.

        Given the request, a refusal says how long to wait until there are tokens for it too.
        """
        decision = await self._limiter.take(client, _ADMISSION, ReservationId(self._entropy.new_id()))
        if not decision.allowed:
            until = _until(decision, decision.tokens, self._likely(client, request) if request else 0)
            raise QuotaExceeded(until, Limit.REQUESTS, client.setting_of(Limit.REQUESTS))
        return decision

    def reserve(
        self, client: Client, request: ChatRequest, state: EndpointState
    ) -> AbstractAsyncContextManager[Reservation]:
        """Enter to hold tokens and a lease while an endpoint is asked.

        Entering raises `QuotaExceeded`, which says how long to wait until there is a request for asking again too, or
        `LimiterUnavailable`.
        """
        if client.quota.tokens is None and client.quota.concurrency is None:
            return nullcontext(Reservation())
        return self._hold(client, _prompt(client, request), self._answer(client, request, state), state.endpoint.id)

    def reserve_embedding(self, client: Client, request: EmbedRequest) -> AbstractAsyncContextManager[Reservation]:
        """The same for an endpoint that embeds."""
        if client.quota.tokens is None and client.quota.concurrency is None:
            return nullcontext(Reservation())
        return self._hold(client, _prompt(client, request), 0)

    async def aclose(self) -> None:
        """Nothing is held any more; what could not be settled is tried once more."""
        await self._keeper.aclose()

    @asynccontextmanager
    async def _hold(
        self, client: Client, prompt: int, answer: int, endpoint: EndpointId | None = None
    ) -> AsyncGenerator[Reservation, None]:
        quota = client.quota
        tokens = min(quota.tokens.capacity, prompt + answer) if quota.tokens else 0
        key = ReservationId(self._entropy.new_id())
        try:
            decision = await self._limiter.take(client, Charge(tokens=tokens, lease=True), key)
        except asyncio.CancelledError:
            await _to_the_end(self._keeper.settle(client, key, 0))  # it may have been taken already
            raise
        except LimiterUnavailable as error:
            if error.doubtful:
                self._keeper.give_back(client, key)
            raise
        if not decision.allowed:
            if decision.doubtful:
                self._keeper.give_back(client, key)
            limit = Limit.TOKENS if decision.tokens and decision.tokens.remaining < tokens else Limit.CONCURRENCY
            raise QuotaExceeded(_until(decision, decision.requests, 1), limit, client.setting_of(limit))
        held = Reservation(prompt, client.reserve)
        self._keeper.hold(client, key, heard=decision.mode is LimiterMode.EXACT)
        try:
            yield held
        finally:
            if endpoint is not None and (length := held.answer_tokens) is not None:
                self._lengths.add(endpoint, length)
            await _to_the_end(self._keeper.settle(client, key, held.used))

    def _likely(self, client: Client, request: ChatRequest | EmbedRequest) -> int:
        """The most that any endpoint reserves for the request."""
        answer = self._answer(client, request, None) if isinstance(request, ChatRequest) else 0
        return _prompt(client, request) + answer

    def _answer(self, client: Client, request: ChatRequest, state: EndpointState | None) -> int:
        """The output tokens that are reserved: of this endpoint, or the most of any."""
        if client.quota.tokens is None:
            return 0
        unstated = self._reserved_output
        if client.reserve is Reserve.UPPER_BOUND:
            unstated = client.quota.tokens.capacity
        elif state is not None:
            unstated = self._lengths.likely(state.endpoint.id, unstated)
        limit = state.output_limit if state is not None else None
        return min(filter(None, (unstated, request.max_tokens, limit)))


def _prompt(client: Client, request: ChatRequest | EmbedRequest) -> int:
    if client.quota.tokens is None:
        return 0
    if client.reserve is Reserve.LIKELY:
        return likely_prompt_tokens(request)
    return estimate_prompt(request) if isinstance(request, ChatRequest) else estimate_inputs(request)


def _until(refusal: Decision, standing: LimitStatus | None, units: int) -> Decision:
    """The refusal, told to wait for this limit as well."""
    wait = standing.wait_ms(units) if standing else 0
    return structs.replace(refusal, retry_after_ms=max(refusal.retry_after_ms, wait))


async def _to_the_end(work: Coroutine[object, object, None]) -> None:
    """Waits for the work even where the waiting task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
