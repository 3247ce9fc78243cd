"""The record of a request that was refused before any use case saw it."""

from types import TracebackType

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.records import RequestRecord
from llm_gateway.domain.routing import Task

from .request_context import RequestContext


class RefusalsRecorded:
    """What is raised in its block is a request that came no further, and leaves its record here."""

    def __init__(self, services: GatewayServices, context: RequestContext, task: Task = Task.CHAT) -> None:
        self._services = services
        self._context = context
        self._task = task
        self._began = services.clock.monotonic()

    def __enter__(self) -> None:
        """The time counts from when this was made."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        context, services = self._context, self._services
        refused = type(error).__name__ if isinstance(error, Exception) else None
        seconds = services.clock.monotonic() - self._began
        record = RequestRecord(id=context.id, task=self._task, error=refused, left=refused is None, seconds=seconds)
        context.recorded(record)
        services.observer.begin(context.id, context.texts).end(record)
