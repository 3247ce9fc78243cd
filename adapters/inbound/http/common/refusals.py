"""The record of a request that was refused before any use case saw it."""

from collections.abc import Iterator
from contextlib import contextmanager

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.records import RequestRecord
from llm_gateway.domain.routing import Task

from .request_context import RequestContext


def record_refusal(
    services: GatewayServices, context: RequestContext, error: BaseException, began: float, task: Task = Task.CHAT
) -> None:
    """Leaves the record of a request that came no further. It `began` then on the monotonic clock."""
    refused = type(error).__name__ if isinstance(error, Exception) else None
    seconds = services.clock.monotonic() - began
    observation = services.observer.begin(context.id, context.texts, task)
    record = RequestRecord(
        id=context.id, task=task, error=refused, left=refused is None, seconds=seconds, trace=observation.trace
    )
    context.recorded(record)
    observation.end(record)


@contextmanager
def refusals_recorded(services: GatewayServices, context: RequestContext, task: Task = Task.CHAT) -> Iterator[None]:
    """What is raised in its block leaves the record of a refusal."""
    began = services.clock.monotonic()
    try:
        yield
    except BaseException as error:
        record_refusal(services, context, error, began, task)
        raise
