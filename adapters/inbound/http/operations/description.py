"""The description of what operators look at."""

from typing import Any

from llm_gateway.domain import errors

from ..common.descriptions import ANYWHERE, failures_of, json_of, response_of
from ..common.problems import NotFound
from .wire import Health, Readiness

OPERATIONS_TYPES: list[Any] = [Health, Readiness]


def health_operation(id: str) -> dict[str, Any]:
    """`id` is the operation's: the same is served at two paths."""
    responses = {"200": response_of(json_of("Health"))}
    return {"operationId": id, "summary": "The process answers"} | _open(responses)


def ready_operation() -> dict[str, Any]:
    responses = {
        "200": response_of(json_of("Readiness")),
        "503": response_of(json_of("Readiness"), description="Draining, or no endpoint"),
    }
    return {"operationId": "ready", "summary": "Whether chats can be answered"} | _open(responses)


def metrics_operation(id: str) -> dict[str, Any]:
    """As for `health_operation`. There may be a token, and no metrics at all."""
    responses = {"200": response_of({"text/plain": {"schema": {"type": "string"}}})}
    described = _open(responses, errors.Unauthenticated, NotFound) | {"security": [{}, {"bearer": []}]}
    return {"operationId": id, "summary": "Metrics as Prometheus text"} | described


def _open(responses: dict[str, Any], *kinds: type[errors.GatewayError]) -> dict[str, Any]:
    """What needs no key, and fails in these ways beside the common ones."""
    return {"security": [], "responses": responses | failures_of((*ANYWHERE, *kinds))}
