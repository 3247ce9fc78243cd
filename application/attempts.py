"""How one endpoint is asked: through its breaker, within a deadline, again where policy and budget allow, observed."""

from collections.abc import Mapping
from types import TracebackType

from msgspec import Struct

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import GatewayError, ProviderError, ProviderTimeout
from llm_gateway.domain.resilience import FALLBACK_SECONDS, BreakerState, Deadline, Pause, RetryBudget, RetryPolicy
from llm_gateway.domain.routing import Endpoint

from .breakers import Breakers, Trial
from .draft import Draft
from .ports import Clock, Entropy
from .records import AttemptRecord


class Limits(Struct, frozen=True, kw_only=True):
    """What bounds the attempts at one endpoint: a whole answer and a stream in all.

    Where another endpoint can be asked, a stream has to begin within `fallback_first_token_seconds`.
    `stream_seconds_at` are by provider, where one has its own.
    """

    timeout_seconds: float
    stream_seconds: float
    fallback_first_token_seconds: float
    retries: RetryPolicy
    stream_seconds_at: Mapping[str, float] = {}


class Turn(Struct, kw_only=True):
    """One endpoint's attempts at one question."""

    endpoint: Endpoint
    draft: Draft
    deadline: Deadline
    budget: RetryBudget
    alternative: bool
    retries: int = 0


class Attempts:
    def __init__(self, breakers: Breakers, limits: Limits, clock: Clock, entropy: Entropy) -> None:
        self._breakers = breakers
        self._limits = limits
        self._clock = clock
        self._entropy = entropy
        self._budgets: dict[Endpoint, RetryBudget] = {}

    def begin(self, endpoint: Endpoint, draft: Draft, *, alternative: bool = False) -> Turn:
        """`alternative` says that another endpoint could be asked. Raises `ProviderUnavailable` for an open breaker."""
        self._breakers.check(endpoint.id)
        now = self._clock.monotonic()
        budget = self._budgets.setdefault(endpoint, RetryBudget())
        budget.deposit()
        return Turn(
            endpoint=endpoint,
            draft=draft,
            deadline=self._deadline(endpoint, now, streamed=draft.streamed, alternative=alternative),
            budget=budget,
            alternative=alternative,
        )

    def attempt(self, turn: Turn) -> "Attempt":
        """To be entered. Raises `ProviderUnavailable` where the breaker allows none."""
        return Attempt(turn, self._breakers.enter(turn.endpoint.id), self._clock)

    def usable(self, endpoint: Endpoint) -> bool:
        """Whether it would be asked at all now."""
        return self._breakers.state(endpoint.id) is not BreakerState.OPEN

    def again(self, turn: Turn, error: ProviderError) -> Pause | None:
        """What to wait for before asking again after this failure; None where that is the end."""
        now = self._clock.monotonic()
        if isinstance(error, ProviderTimeout):
            error.moved_on = turn.alternative and now >= turn.deadline.first
        wait = self._limits.retries.wait(
            error,
            retries=turn.retries,
            fraction=self._entropy.fraction(),
            remaining=turn.deadline.remaining(now),
            alternative=turn.alternative,
        )
        if wait is None or not turn.budget.withdraw():
            return None
        turn.retries += 1
        return Pause(now + wait, error)

    async def wait(self, pause: Pause) -> None:
        await self._clock.sleep(pause.until - self._clock.monotonic())

    def _deadline(self, endpoint: Endpoint, now: float, *, streamed: bool, alternative: bool) -> Deadline:
        limits = self._limits
        if not streamed:
            seconds = min(limits.timeout_seconds, FALLBACK_SECONDS) if alternative else limits.timeout_seconds
            return Deadline(now + seconds)
        seconds = limits.stream_seconds_at.get(endpoint.id.provider, limits.stream_seconds)
        return Deadline(now + seconds, now + limits.fallback_first_token_seconds if alternative else None)


class Attempt:
    """One call to a model, for all who want to know how it went: the breaker, the observer and the record.

    Its time counts while the model is waited for, and stands while a reader has an event.
    """

    def __init__(self, turn: Turn, trial: Trial, clock: Clock) -> None:
        self.seconds = 0.0
        self._turn = turn
        self._trial = trial
        self._clock = clock
        self._observed = turn.draft.observation.attempt(turn.endpoint)
        self._first: float | None = None
        self._ended = False
        self._waiting_since: float | None = clock.monotonic()

    @property
    def headers(self) -> Mapping[str, str]:
        return self._observed.headers

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.end(error)

    def heard(self) -> None:
        """The model has said something."""
        self._stand()
        if self._first is None:
            self._first = self.seconds

    def waits(self) -> None:
        """The model is waited for again."""
        self._waiting_since = self._clock.monotonic()

    def end(
        self, outcome: BaseException | None, *, usage: Usage | None = None, finish_reason: FinishReason | None = None
    ) -> None:
        """The first ending counts: None for a whole answer, else what ended it."""
        if self._ended:
            return
        self._ended = True
        self._stand()
        self._trial.end(outcome)
        draft = self._turn.draft
        record = AttemptRecord(
            endpoint=self._turn.endpoint.id,
            task=draft.task,
            error=type(outcome).__name__ if isinstance(outcome, Exception) else None,
            reason=outcome.message if isinstance(outcome, GatewayError) else None,
            left=outcome is not None and not isinstance(outcome, Exception),
            streamed=draft.streamed,
            usage=usage,
            finish_reason=finish_reason,
            seconds=self.seconds,
            first_event_seconds=self._first,
        )
        self._observed.end(record)
        draft.attempts.append(record)

    def _stand(self) -> None:
        if self._waiting_since is not None:
            self.seconds += self._clock.monotonic() - self._waiting_since
            self._waiting_since = None
