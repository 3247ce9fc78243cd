"""The record of a request while it is being made."""

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import QuotaExceeded
from llm_gateway.domain.routing import EndpointId, Hint, Plan, Task

from .records import AttemptRecord, CacheStatus, RequestRecord


class Draft:
    """`answered` once the answer is whole. Times are the clock's."""

    def __init__(self, task: Task, client: Client, hint: Hint | None, began: float, *, streamed: bool = False) -> None:
        self.task = task
        self.client = client
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
            task=self.task,
            client=self.client.id,
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
