"""The record of a request while it is being made, and the bound of how many are made at once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import Overloaded, QuotaExceeded
from llm_gateway.domain.routing import EndpointId, Hint, Plan, Skip, Task

from .ports import Clock, Entropy, Observation, Observer, RequestLog
from .records import AttemptRecord, CacheStatus, RequestId, RequestRecord


class Draft:
    """`answered` once the answer is whole. Times are the clock's, `began_at` is in Unix seconds."""

    def __init__(
        self,
        task: Task,
        client: Client,
        hint: Hint | None,
        *,
        id: RequestId,
        observation: Observation,
        began: float,
        began_at: float,
        streamed: bool,
    ) -> None:
        self.task = task
        self.streamed = streamed
        self.observation = observation
        self.began = began
        self.plan: Plan | None = None
        self.admitted: bool | None = None
        self.cache: CacheStatus | None = None
        self.attempts: list[AttemptRecord] = []
        self.passed_over: list[Skip] = []
        self.saved_seconds: float | None = None
        self.endpoint: EndpointId | None = None
        self.first_event: float | None = None
        self.answered = False
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None
        self.error: str | None = None
        self._id = id
        self._began_at = began_at
        self._client = client
        self._hint = hint

    def failed(self, error: Exception) -> None:
        """What ended the request; the first failure counts."""
        self.error = self.error or type(error).__name__
        if isinstance(error, QuotaExceeded):
            self.admitted = False

    def record(self, now: float) -> RequestRecord:
        plan = self.plan
        return RequestRecord(
            id=self._id,
            began=self._began_at,
            task=self.task,
            client=self._client.id,
            hint=plan.hint if plan else self._hint,
            endpoint=self.endpoint,
            cache=self.cache,
            admitted=self.admitted,
            planned=tuple(state.endpoint.id for state in plan.endpoints) if plan else (),
            skipped=plan.skipped if plan else (),
            attempts=tuple(self.attempts),
            passed_over=tuple(self.passed_over),
            finish_reason=self.finish_reason,
            usage=self.usage,
            error=self.error,
            left=self.error is None and not self.answered,
            streamed=self.streamed,
            seconds=now - self.began,
            first_event_seconds=self.first_event,
            saved_seconds=self.saved_seconds,
        )


class Drafts:
    """Exactly one record for each request, however it ends, and at most so many requests under way."""

    def __init__(self, observer: Observer, log: RequestLog, clock: Clock, entropy: Entropy, *, most: int) -> None:
        self.under_way = 0
        self._observer = observer
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._most = most

    @contextmanager
    def begun(
        self,
        task: Task,
        client: Client,
        hint: Hint | None,
        *,
        id: RequestId | None,
        headers: Mapping[str, str] | None,
        told: Callable[[RequestRecord], object] | None = None,
        streamed: bool = False,
    ) -> Iterator[Draft]:
        """An id is made if absent; `headers` may carry a trace context; `told` gets the record too.

        Raises `Overloaded`.
        """
        id = id or RequestId(self._entropy.new_id())
        draft = Draft(
            task,
            client,
            hint,
            id=id,
            observation=self._observer.begin(id, headers or {}),
            began=self._clock.monotonic(),
            began_at=self._clock.now(),
            streamed=streamed,
        )
        try:
            if self.under_way >= self._most:
                raise Overloaded
            self.under_way += 1
            try:
                yield draft
            finally:
                self.under_way -= 1
        except Exception as error:
            draft.failed(error)
            raise
        finally:
            record = draft.record(self._clock.monotonic())
            draft.observation.end(record)
            self._log.put(record)
            if told is not None:
                told(record)
