"""The description of what operators look at."""

from typing import Any

from llm_gateway.domain import errors

from ..common.descriptions import ANYWHERE, failures_of, json_of, response_of
from ..common.problems import NotFound
from .wire import Health, Readiness

OPERATIONS_TYPES: list[Any] = [Health, Readiness]


def operations_paths() -> dict[str, Any]:
    health = _open("The process answers", {"200": response_of(json_of("Health"))})
    metrics = _open(
        "Metrics as Prometheus text", {"200": response_of({"text/plain": {"schema": {"type": "string"}}})}, metered=True
    )
    ready = _open(
        "Whether chats can be answered",
        {
            "200": response_of(json_of("Readiness")),
            "503": response_of(json_of("Readiness"), description="Draining, or no endpoint"),
        },
    )
    return {
        "/health": {"get": {"operationId": "health"} | health},
        "/api/v1/health": {"get": {"operationId": "health_v1"} | health},
        "/health/ready": {"get": {"operationId": "ready"} | ready},
        "/metrics": {"get": {"operationId": "metrics"} | metrics},
        "/api/v1/metrics": {"get": {"operationId": "metrics_v1"} | metrics},
    }


def _open(summary: str, responses: dict[str, Any], *, metered: bool = False) -> dict[str, Any]:
    """What needs no key; the metrics may have a token, and may be absent."""
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound) if metered else ANYWHERE
    security: list[dict[str, list[str]]] = [{}, {"bearer": []}] if metered else []
    return {"summary": summary, "security": security, "responses": responses | failures_of(kinds)}
