"""The description of what operators look at."""

from typing import Any

from llm_gateway.domain import errors

from ..common.descriptions import ANYWHERE, json_of, operation, response_of
from ..common.problems import NotFound
from .wire import Health, Readiness

OPERATIONS_TYPES: list[Any] = [Health, Readiness]
_READY = {
    "status": "ready",
    "endpoints": [
        {
            "name": "ollama/llama3.1",
            "usable": True,
            "locality": "on_premises",
            "demonstration": False,
            "reason": None,
            "answered_by": None,
            "version": "0.12.11",
            "notes": [],
        }
    ],
    "stores": [],
}
_METRICS = "# TYPE cache_hits_total counter\ncache_hits_total 7.0\n"


def health_operation(id: str) -> dict[str, Any]:
    """`id` is the operation's: the same is served at two paths."""
    return operation(
        id,
        "operations",
        "The process answers",
        {"200": response_of(json_of("Health", {"status": "ok"}))},
        ANYWHERE,
        security=[],
    )


def ready_operation() -> dict[str, Any]:
    answers = {
        "200": response_of(json_of("Readiness", _READY)),
        "503": response_of(json_of("Readiness"), description="Draining, or no endpoint"),
    }
    return operation("ready", "operations", "Whether chats can be answered", answers, ANYWHERE, security=[])


def metrics_operation(id: str) -> dict[str, Any]:
    """As for `health_operation`. There may be a token, and no metrics at all."""
    answers = {"200": response_of({"text/plain": {"schema": {"type": "string"}, "example": _METRICS}})}
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound)
    return operation(id, "operations", "Metrics as Prometheus text", answers, kinds, security=[{}, {"bearer": []}])
