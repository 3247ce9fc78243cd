"""The API's description as OpenAPI 3.1, made from the wire types themselves."""

from collections.abc import Iterable
from typing import Any

from msgspec import json

from llm_gateway.domain import errors

from .native_wire import AnswerOut, ChatBody, DeltaOut, ExplanationOut
from .operations_wire import Health, Readiness
from .problems import (
    INTERNAL,
    TABLE,
    MethodNotAllowed,
    Misdirected,
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
)

_REF = "#/components/schemas/{name}"
_TYPES = [ChatBody, AnswerOut, DeltaOut, ExplanationOut, Problem, Health, Readiness]
_COUNT = {"type": "integer", "minimum": 0}
_PARAMETERS = {
    "X-Gateway-Hint": (
        "A routing hint, as `model_hint`; `secure` wins.",
        {"enum": ["online", "fast", "local", "secure"]},
    ),
    "X-Gateway-Timeout": (
        "Shortens the deadline of this request, in seconds.",
        {"type": "number", "minimum": 0.001, "maximum": 86_400},
    ),
    "X-Request-Id": ("The caller's own id for this request; one that is not sane is replaced.", {"type": "string"}),
}
_STREAM = (
    "One server-sent event: `delta`s with one of `content`, `reasoning` and `tool_call`, then one `done`, without "
    "`content` and `reasoning`, or one `error`."
)
_REQUEST_ID = {"X-Request-Id": {"required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}}}
_RETRY = {"Retry-After": {"description": "Whole seconds, where known.", "schema": {"type": "integer", "minimum": 1}}}
_CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}}
_RATES = {
    "RateLimit-Policy": {"schema": {"type": "string"}},
    "RateLimit": {"schema": {"type": "string"}},
    **{
        f"X-RateLimit-{what}-{unit}": {"schema": _COUNT}
        for unit in ("Requests", "Tokens")
        for what in ("Limit", "Remaining", "Reset")
    },
}
_PROVENANCE = {
    "X-Gateway-Provider": {"schema": {"type": "string"}},
    "X-Gateway-Model": {"schema": {"type": "string"}},
    "X-Gateway-Cache": {"schema": {"enum": ["hit", "miss", "coalesced", "bypass"]}},
}
_ERROR_HEADERS: dict[int, dict[str, Any]] = {
    401: _CHALLENGE,
    429: _RETRY | _RATES,
    502: _RETRY,
    503: _RETRY,
    504: _RETRY,
}

_ANYWHERE = (errors.InvalidRequest, Misdirected)
_CHATTING = tuple(kind for kind in TABLE if kind not in (NotFound, MethodNotAllowed))
_EXPLAINING = (
    *(*_ANYWHERE, errors.Unauthenticated, errors.Forbidden, errors.UnknownModel, RequestTimeout, TooLarge),
    *(UnsupportedMediaType, errors.Draining, errors.NoRoute, errors.DirectoryUnavailable),
)


def openapi_document(version: str) -> dict[str, Any]:
    _, schemas = json.schema_components(_TYPES, ref_template=_REF)
    health = _open("The process answers", {"200": _response(_json("Health"))})
    metrics = _open(
        "Metrics as Prometheus text", {"200": _response({"text/plain": {"schema": {"type": "string"}}})}, metered=True
    )
    ready = _open(
        "Whether chats can be answered",
        {
            "200": _response(_json("Readiness")),
            "503": _response(_json("Readiness"), description="Draining, or no endpoint"),
        },
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "LLM Gateway Core", "version": version, "license": {"name": "Apache-2.0"}},
        "security": [{"api_key": []}, {"bearer": []}],
        "paths": {
            "/api/v1/chat": {"post": _chat()},
            "/api/v1/explain": {"post": _explain()},
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
    content = _json("AnswerOut") | {"text/event-stream": {"schema": _stream()}}
    return {
        "operationId": "chat",
        "summary": "Answer a chat, whole or as server-sent events",
        **_question(),
        "responses": {"200": _response(content, _RATES | _PROVENANCE)} | _failures(_CHATTING),
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
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": _schema(data)},
        },
    }


def _explain() -> dict[str, Any]:
    return {
        "operationId": "explain",
        "summary": "The plan for a chat; nothing is sent or charged",
        **_question(),
        "responses": {"200": _response(_json("ExplanationOut"))} | _failures(_EXPLAINING),
    }


def _question() -> dict[str, Any]:
    return {
        "parameters": [
            {"name": name, "in": "header", "description": description, "schema": schema}
            for name, (description, schema) in _PARAMETERS.items()
        ],
        "requestBody": {"required": True, "content": _json("ChatBody")},
    }


def _open(summary: str, responses: dict[str, Any], *, metered: bool = False) -> dict[str, Any]:
    """What needs no key; the metrics may have a token, and may be absent."""
    kinds = (*_ANYWHERE, errors.Unauthenticated, NotFound) if metered else _ANYWHERE
    security: list[dict[str, list[str]]] = [{}, {"bearer": []}] if metered else []
    return {"summary": summary, "security": security, "responses": responses | _failures(kinds)}


def _failures(kinds: Iterable[type[errors.GatewayError]]) -> dict[str, Any]:
    """A response for each status, described by its codes."""
    codes: dict[int, list[str]] = {}
    for status, code in (*(TABLE[kind] for kind in kinds), INTERNAL):
        if code not in codes.setdefault(status, []):
            codes[status].append(code)
    content = {"application/problem+json": {"schema": _schema("Problem")}}
    return {
        str(status): _response(content, _ERROR_HEADERS.get(status, {}), ", ".join(codes[status]))
        for status in sorted(codes)
    }


def _response(
    content: dict[str, Any], headers: dict[str, Any] | None = None, description: str = "OK"
) -> dict[str, Any]:
    return {"description": description, "headers": _REQUEST_ID | (headers or {}), "content": content}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _schema(name)}}


def _schema(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=name)}
