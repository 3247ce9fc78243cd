"""The description of what operators look at."""

from typing import Any

from llm_gateway.domain import errors

from ..common.descriptions import ANYWHERE, json_of, operation, response_of
from ..common.problems import NotFound
from .wire import Health, Readiness

OPERATIONS_TYPES: list[Any] = [Health, Readiness]


def health_operation(id: str) -> dict[str, Any]:
    """`id` is the operation's: the same is served at two paths."""
    return operation(
        id, "operations", "The process answers", {"200": response_of(json_of("Health"))}, ANYWHERE, security=[]
    )


def ready_operation() -> dict[str, Any]:
    answers = {
        "200": response_of(json_of("Readiness")),
        "503": response_of(json_of("Readiness"), description="Draining, or no endpoint"),
    }
    return operation("ready", "operations", "Whether chats can be answered", answers, ANYWHERE, security=[])


def metrics_operation(id: str) -> dict[str, Any]:
    """As for `health_operation`. There may be a token, and no metrics at all."""
    answers = {"200": response_of({"text/plain": {"schema": {"type": "string"}}})}
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound)
    return operation(id, "operations", "Metrics as Prometheus text", answers, kinds, security=[{}, {"bearer": []}])
