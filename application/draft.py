"""The record of a request while it is being made, and the bound of how many are made at once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Overloaded, QuotaExceeded
from llm_gateway.domain.routing import EndpointId, Hint, Plan, Task

from .ports import Clock, Entropy, Observation, Observer, RequestId
from .records import AttemptRecord, CacheStatus, RequestRecord


class Draft:
    """`answered` once the answer is whole. Times are the clock's."""

    def __init__(
        self, task: Task, client: Client, hint: Hint | None, observation: Observation, began: float, *, streamed: bool
    ) -> None:
        self.observation = observation
        self.began = began
        self.plan: Plan | None = None
        self.admitted: bool | None = None
        self.cache: CacheStatus | None = None
        self.attempts: list[AttemptRecord] = []
        self.endpoint: EndpointId | None = None
        self.first_event: float | None = None
        self.answered = False
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None
        self.error: str | None = None
        self._task = task
        self._client = client
        self._hint = hint
        self._streamed = streamed

    def failed(self, error: Exception) -> None:
        """What ended the request; the first failure counts."""
        self.error = self.error or type(error).__name__
        if isinstance(error, QuotaExceeded):
            self.admitted = False

    def record(self, now: float) -> RequestRecord:
        plan = self.plan
        return RequestRecord(
            task=self._task,
            client=self._client.id,
            hint=plan.hint if plan else self._hint,
            endpoint=self.endpoint,
            cache=self.cache,
            admitted=self.admitted,
            planned=tuple(state.endpoint.id for state in plan.endpoints) if plan else (),
            skipped=plan.skipped if plan else (),
            attempts=tuple(self.attempts),
            finish_reason=self.finish_reason,
            usage=self.usage,
            error=self.error,
            left=self.error is None and not self.answered,
            streamed=self._streamed,
            seconds=now - self.began,
            first_event_seconds=self.first_event,
        )


class Drafts:
    """Exactly one record for each request, however it ends, and at most so many requests under way."""

    def __init__(self, observer: Observer, clock: Clock, entropy: Entropy, *, most: int) -> None:
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._most = most
        self._under_way = 0

    @contextmanager
    def begun(
        self,
        task: Task,
        client: Client,
        hint: Hint | None,
        *,
        id: RequestId | None,
        headers: Mapping[str, str] | None,
        streamed: bool = False,
    ) -> Iterator[Draft]:
        """An id is made if absent; `headers` may carry a trace context. Raises `Overloaded`."""
        began = self._clock.monotonic()
        observation = self._observer.begin(id or RequestId(self._entropy.new_id()), headers or {})
        draft = Draft(task, client, hint, observation, began, streamed=streamed)
        try:
            if self._under_way >= self._most:
                raise Overloaded
            self._under_way += 1
            try:
                yield draft
            finally:
                self._under_way -= 1
        except Exception as error:
            draft.failed(error)
            raise
        finally:
            observation.end(draft.record(self._clock.monotonic()))
