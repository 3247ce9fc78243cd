"""How one endpoint is asked, for chats and embeddings alike: breaker, deadline, retries, and what is observed of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType

from msgspec import Struct
from typing_extensions import override

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    GatewayError,
    ProviderError,
    ProviderOverloaded,
    ProviderRefused,
    ProviderRejected,
    ProviderTimeout,
)
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.prices import Price
from llm_gateway.domain.resilience import (
    FALLBACK_SECONDS,
    BreakerPermit,
    BreakerState,
    Deadline,
    Outcome,
    Pause,
    RetryBudget,
    RetryPolicy,
    outcome_of,
)
from llm_gateway.domain.routing import Endpoint

from .breakers import Breakers
from .ports.prices import PriceList
from .ports.system import Clock, Entropy
from .records import AttemptRecord
from .request_recorder import RequestRecorder


class CallLimits(Struct, frozen=True, kw_only=True):
    """What bounds the calls to one endpoint for one request: seconds of a whole answer and of a stream, and retries.

    Where another endpoint can be asked, a stream has to begin within `fallback_first_token_seconds`.
    `stream_seconds_at` are by provider, where one has its own.
    """

    timeout_seconds: float
    stream_seconds: float
    fallback_first_token_seconds: float
    retries: RetryPolicy
    stream_seconds_at: Mapping[str, float] = {}


class CallProvider:
    """Calls one endpoint for one request, through its breaker, within a deadline, with retries.

    A retry budget for each endpoint keeps retries to a share of all calls. `kinds` make the calls to some providers, by
    name, as a pool's.
    """

    def __init__(
        self,
        breakers: Breakers,
        limits: CallLimits,
        clock: Clock,
        entropy: Entropy,
        kinds: "Mapping[str, Callable[..., RetryState]] | None" = None,
        prices: PriceList | None = None,
    ) -> None:
        self.breakers = breakers
        self.retries = limits.retries
        self.clock = clock
        self.entropy = entropy
        self.prices = prices
        self._limits = limits
        self._kinds = kinds or {}
        self._budgets: dict[Endpoint, RetryBudget] = {}

    def __call__(
        self,
        endpoint: Endpoint,
        recorder: RequestRecorder,
        *,
        alternative: bool = False,
        tokens: Callable[[], int] = int,
    ) -> "RetryState":
        """The calls to make, one after the other, until one succeeds or a failure is final.

        `alternative` says that another endpoint could be asked. `tokens` is the context that the request needs, for
        who asks. Raises `ProviderUnavailable` for an open breaker.
        """
        self.breakers.check(endpoint.id)
        budget = self._budgets.get(endpoint)
        if budget is None:
            budget = self._budgets[endpoint] = RetryBudget()
        budget.deposit()
        deadline = self._deadline(endpoint, streamed=recorder.streamed, alternative=alternative)
        kind = self._kinds.get(endpoint.id.provider, RetryState)
        return kind(self, endpoint, recorder, deadline, budget, alternative=alternative, tokens=tokens)

    def usable(self, endpoint: Endpoint) -> bool:
        """Whether it would be asked at all now."""
        return self.breakers.state(endpoint.id) is not BreakerState.OPEN

    def _deadline(self, endpoint: Endpoint, *, streamed: bool, alternative: bool) -> Deadline:
        now, limits = self.clock.monotonic(), self._limits
        if not streamed:
            seconds = min(limits.timeout_seconds, FALLBACK_SECONDS) if alternative else limits.timeout_seconds
            return Deadline(now + seconds)
        seconds = limits.stream_seconds_at.get(endpoint.id.provider, limits.stream_seconds)
        return Deadline(now + seconds, now + limits.fallback_first_token_seconds if alternative else None)


class RetryState(AsyncIterator["ProviderCall"]):
    """The calls to one endpoint for one request, all within one deadline. The loop over them is left with the answer.

    Each is entered; a failure that is worth another call is swallowed on exit, and the next one comes after `pause`.
    Getting one raises `ProviderUnavailable` where the breaker allows none.
    """

    pause: Pause
    """Once a failure was swallowed: the wait before the next call."""

    def __init__(
        self,
        policy: CallProvider,
        endpoint: Endpoint,
        recorder: RequestRecorder,
        deadline: Deadline,
        budget: RetryBudget,
        *,
        alternative: bool,
        tokens: Callable[[], int],
    ) -> None:
        self.endpoint = endpoint
        self.recorder = recorder
        self.deadline = deadline
        self.clock = policy.clock
        self.notices = policy.breakers.notices
        self.prices = policy.prices
        self._policy = policy
        self._budget = budget
        self._alternative = alternative
        self._tokens = tokens
        self._retries = 0

    @override
    async def __anext__(self) -> "ProviderCall":
        await self._pause()
        return ProviderCall(self, self._policy.breakers.enter(self.endpoint.id))

    async def _pause(self) -> None:
        """The wait before another call, if there is one."""
        if self._retries and (seconds := self.pause.until - self.clock.monotonic()) > 0:
            await self.clock.sleep(seconds)

    def repeats(self, error: ProviderError) -> bool:
        """Whether this failure is followed by another call, by policy and, but for a full queue, by budget.

        A full queue turns a call away at no cost, so that asking again can't multiply an outage.
        """
        now = self.clock.monotonic()
        if isinstance(error, ProviderTimeout):
            error.moved_on = self._alternative and now >= self.deadline.first
        wait = self._policy.retries.wait(
            error,
            retries=self._retries,
            fraction=self._policy.entropy.fraction(),
            remaining=self.deadline.remaining(now),
            alternative=self._alternative,
        )
        if wait is None or not (isinstance(error, ProviderOverloaded) or self._budget.withdraw()):
            return False
        self._retries += 1
        self.pause = Pause(now + wait, error)
        return True


class ProviderCall:
    """One call to a model, for the breaker, the observer and the record. It is never repeated once it gave an event.

    Its time counts while the model is waited for, and stands while a reader has an event. `to` is what is asked.
    """

    def __init__(self, state: RetryState, permit: BreakerPermit, to: Endpoint | None = None) -> None:
        self.seconds = 0.0
        self.to = to or state.endpoint
        self.deadline = state.deadline
        self._state = state
        self._permit = permit
        self._clock = state.clock
        self._observed = state.recorder.observation.attempt(self.to)
        self.headers: Mapping[str, str] = self._observed.headers
        self._first: float | None = None
        self._ended = False
        self._waiting_since: float | None = state.clock.monotonic()

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        self.end(error)
        return isinstance(error, ProviderError) and self._first is None and self._state.repeats(error)

    def begun(self, first: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        """The model gave its first events, which are returned as the endpoint's, and is waited for again."""
        self.received()
        self.waits()
        return first

    def received(self) -> None:
        """The model gave an event: its time stands until `waits`."""
        if self._waiting_since is not None:
            self.seconds += self._clock.monotonic() - self._waiting_since
            self._waiting_since = None
        if self._first is None:
            self._first = self.seconds

    def waits(self) -> None:
        """The model is waited for again."""
        self._waiting_since = self._clock.monotonic()

    def end(
        self,
        error: BaseException | None,
        *,
        usage: Usage | None = None,
        finish_reason: FinishReason | None = None,
        model: str | None = None,
    ) -> None:
        """The first ending counts: None for a whole answer, else what ended it. `model` is the one that answered."""
        if self._ended:
            return
        self._ended = True
        now = self._clock.monotonic()
        if self._waiting_since is not None:
            self.seconds += now - self._waiting_since
            self._waiting_since = None
        self._permit.end(self._outcome(error), now)
        if isinstance(error, ProviderError):
            self._state.notices.failed(self.to.id, error)
        elif error is None:
            self._state.notices.answered(self.to.id)
        recorder = self._state.recorder
        prices = self._state.prices
        price = None if prices is None or usage is None else prices.price(self.to.id, model)
        record = AttemptRecord(
            endpoint=self.to.id,
            task=recorder.task,
            error=type(error).__name__ if isinstance(error, Exception) else None,
            reason=error.message if isinstance(error, GatewayError) else None,
            status=error.status if isinstance(error, ProviderError) else None,
            reason_class=error.reason if isinstance(error, ProviderError) else None,
            left=error is not None and not isinstance(error, Exception),
            streamed=recorder.streamed,
            usage=usage,
            microdollars=_microdollars(price, usage, error),
            finish_reason=finish_reason,
            seconds=self.seconds,
            first_event_seconds=self._first,
        )
        self._observed.end(record)
        recorder.called(record, None if prices is None else (price or prices).source)

    def _outcome(self, error: BaseException | None) -> Outcome:
        """What its end says of the endpoint."""
        return outcome_of(error)


def is_final(error: ProviderError) -> bool:
    """The client's own fault anywhere. A longer context may take what a shorter one did not."""
    return isinstance(error, ProviderRejected) and not (error.doubtful or isinstance(error, ContextLengthExceeded))


def _microdollars(price: Price | None, usage: Usage | None, error: BaseException | None) -> int | None:
    """A call that the vendor refused, or that was never sent, costs nothing; of others without usage nobody knows."""
    if price is not None and usage is not None:
        return price.microdollars(usage)
    refused = isinstance(error, ProviderError) and (error.status is not None or isinstance(error, ProviderRefused))
    return 0 if refused else None
