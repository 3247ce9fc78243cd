"""How a pool is asked: each call at a member whose turn is waited for, and another member after one that failed."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.domain.errors import ProviderError, ProviderThrottled, ProviderTimeout
from llm_gateway.domain.events import ChatEvent, Started
from llm_gateway.domain.resilience import BreakerPermit, Deadline, Outcome, Pause, RetryBudget, outcome_of
from llm_gateway.domain.routing import Endpoint

from .call_provider import CallProvider, ProviderCall, RetryState, is_final
from .pools import Pool, Turn
from .request_recorder import RequestRecorder


class PooledCalls(RetryState):
    """The calls to a pool for one request.

    A failure is followed at once by a call to a member that was not tried, whatever the policy says. Once all were
    tried they count as one endpoint that failed.
    """

    def __init__(
        self,
        pool: Pool,
        policy: CallProvider,
        endpoint: Endpoint,
        recorder: RequestRecorder,
        deadline: Deadline,
        budget: RetryBudget,
        *,
        alternative: bool,
        tokens: Callable[[], int],
    ) -> None:
        super().__init__(policy, endpoint, recorder, deadline, budget, alternative=alternative, tokens=tokens)
        self._pool = pool
        self._tried: frozenset[str] = frozenset()

    @override
    async def __anext__(self) -> ProviderCall:
        await self._pause()
        try:
            turn = await self._pool.turn(
                self.endpoint, self.recorder, self.deadline, tokens=self._tokens(), tried=self._tried
            )
        except ProviderTimeout as error:
            error.moved_on = self._alternative
            raise
        self._tried |= {turn.to.id.provider}
        try:
            permit = self._policy.breakers.enter(self.endpoint.id)
        except BaseException:
            turn.give_back()
            raise
        return MemberCall(self, permit, turn)

    @property
    def has_others(self) -> bool:
        """Whether a member that was not tried can be asked."""
        return self._pool.has(self.endpoint, self._tried)

    @override
    def repeats(self, error: ProviderError) -> bool:
        now = self.clock.monotonic()
        if not is_final(error) and now < self.deadline.first and self.has_others:
            self.pause = Pause(now, error)
            return True
        self._tried = frozenset()
        return super().repeats(error)

    def share(self) -> Deadline:
        """That of the next call: half of the time that is left to begin, where another member can be asked after it."""
        if not self.has_others:
            return self.deadline
        now, at, first = self.clock.monotonic(), self.deadline.at, self.deadline.first_at
        if self.recorder.streamed:
            return self.deadline if first is None else Deadline(at, now + max(0.0, first - now) / 2)
        return Deadline(now + max(0.0, at - now) / 2)


class MemberCall(ProviderCall):
    """One call to a member of a pool. Its failure counts against the pool where no other member is left."""

    def __init__(self, state: PooledCalls, permit: BreakerPermit, turn: Turn) -> None:
        super().__init__(state, permit, turn.to)
        self.deadline = state.share()
        self._calls = state
        self._turn = turn

    @override
    def begun(self, first: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        self._turn.answers()
        super().begun(first)
        match first:
            case [Started() as started, *rest]:
                return (replace(started, endpoint=self._calls.endpoint.id), *rest)
        return first

    @override
    def _outcome(self, error: BaseException | None) -> Outcome:
        """To the pool a member whose queue is full has failed as well."""
        outcome = outcome_of(error)
        self._turn.end(Outcome.FAILED if isinstance(error, ProviderThrottled) else outcome)
        return Outcome.UNKNOWN if outcome is Outcome.FAILED and self._calls.has_others else outcome
