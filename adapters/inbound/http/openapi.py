"""The API's description as OpenAPI 3.1, made from the wire types themselves."""

from typing import Any

from msgspec import json

from llm_gateway.domain import errors

from .decisions_wire import DecisionOut
from .native_answers import AnswerOut, DeltaOut, ExplanationOut
from .native_wire import ChatBody
from .openapi_openai import OPENAI_TYPES, openai_paths
from .openapi_parts import (
    ANYWHERE,
    CHATTING,
    PROVENANCE,
    RATES,
    REF,
    failures_of,
    json_of,
    question_of,
    response_of,
    schema_of,
)
from .operations_wire import Health, Readiness
from .problems import (
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
)

_TYPES = [ChatBody, AnswerOut, DeltaOut, ExplanationOut, DecisionOut, Problem, Health, Readiness]
_STREAM = (
    "One server-sent event: `delta`s with one of `content`, `reasoning` and `tool_call`, then one `done`, without "
    "`content` and `reasoning`, or one `error`."
)
_EXPLAINING = (
    *(*ANYWHERE, errors.Unauthenticated, errors.Forbidden, errors.UnknownModel, RequestTimeout, TooLarge),
    *(UnsupportedMediaType, errors.Draining, errors.NoRoute, errors.DirectoryUnavailable),
)


def openapi_document(version: str) -> dict[str, Any]:
    _, schemas = json.schema_components([*_TYPES, *OPENAI_TYPES], ref_template=REF)
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
        "openapi": "3.1.0",
        "info": {"title": "LLM Gateway Core", "version": version, "license": {"name": "Apache-2.0"}},
        "security": [{"api_key": []}, {"bearer": []}],
        "paths": {
            "/api/v1/chat": {"post": _chat()},
            "/api/v1/explain": {"post": _explain()},
            "/api/v1/requests/{id}": {"get": _decision()},
            **openai_paths(),
            "/health": {"get": {"operationId": "health"} | health},
            "/api/v1/health": {"get": {"operationId": "health_v1"} | health},
            "/health/ready": {"get": {"operationId": "ready"} | ready},
            "/metrics": {"get": {"operationId": "metrics"} | metrics},
            "/api/v1/metrics": {"get": {"operationId": "metrics_v1"} | metrics},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _chat() -> dict[str, Any]:
    content = json_of("AnswerOut") | {"text/event-stream": {"schema": _stream()}}
    return {
        "operationId": "chat",
        "summary": "Answer a chat, whole or as server-sent events",
        **question_of("ChatBody"),
        "responses": {"200": response_of(content, RATES | PROVENANCE)} | failures_of(CHATTING),
    }


def _stream() -> dict[str, Any]:
    """Each event of it, as tools of OpenAPI 3.1 read the schema of a stream."""
    events = {"delta": "DeltaOut", "done": "AnswerOut", "error": "Problem"}
    return {"description": _STREAM, "oneOf": [_event(name, data) for name, data in events.items()]}


def _event(name: str, data: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"const": name},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": schema_of(data)},
        },
    }


def _explain() -> dict[str, Any]:
    return {
        "operationId": "explain",
        "summary": "The plan for a chat; nothing is sent or charged",
        **question_of("ChatBody"),
        "responses": {"200": response_of(json_of("ExplanationOut"))} | failures_of(_EXPLAINING),
    }


def _decision() -> dict[str, Any]:
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound, errors.DirectoryUnavailable)
    return {
        "operationId": "decision",
        "summary": "What became of one of the key's own recent requests, without content",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The request's X-Request-Id; of several with the same the latest.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {"200": response_of(json_of("DecisionOut"))} | failures_of(kinds),
    }


def _open(summary: str, responses: dict[str, Any], *, metered: bool = False) -> dict[str, Any]:
    """What needs no key; the metrics may have a token, and may be absent."""
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound) if metered else ANYWHERE
    security: list[dict[str, list[str]]] = [{}, {"bearer": []}] if metered else []
    return {"summary": summary, "security": security, "responses": responses | failures_of(kinds)}
