"""The description of the native surface."""

from typing import Any

from llm_gateway.application.ports.stores import MAX_LISTED
from llm_gateway.domain import errors

from ..common.descriptions import (
    ANYWHERE,
    CHATTING,
    PROVENANCE,
    RATES,
    json_of,
    operation,
    question_of,
    response_of,
    schema_of,
)
from ..common.problems import NotFound, Problem, RequestTimeout, TooLarge, UnsupportedMediaType
from .answers import AnswerOut, DeltaOut, ExplanationOut
from .decisions_wire import LISTED, DecisionOut, DecisionsOut
from .wire import ChatBody

NATIVE_TYPES: list[Any] = [ChatBody, AnswerOut, DeltaOut, ExplanationOut, DecisionOut, DecisionsOut, Problem]
_CHAT = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "model_hint": "local"}
_STREAM = (
    "One server-sent event: `delta`s with one of `content`, `reasoning` and `tool_call`, then one `done`, without "
    "`content` and `reasoning`, or one `error`."
)
_EXPLAINING = (
    *(*ANYWHERE, errors.Unauthenticated, errors.Forbidden, errors.UnknownModel, RequestTimeout, TooLarge),
    *(UnsupportedMediaType, errors.Draining, errors.NoRoute, errors.DirectoryUnavailable),
)


def chat_operation() -> dict[str, Any]:
    content = json_of("AnswerOut") | {"text/event-stream": {"schema": _stream()}}
    answers = {"200": response_of(content, RATES | PROVENANCE)}
    summary = "Answer a chat, whole or as server-sent events"
    return operation("chat", "chat", summary, answers, CHATTING, **question_of("ChatBody", _CHAT))


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


def explain_operation() -> dict[str, Any]:
    answers = {"200": response_of(json_of("ExplanationOut"))}
    summary = "The plan for a chat; nothing is sent or charged"
    return operation("explain", "chat", summary, answers, _EXPLAINING, **question_of("ChatBody", _CHAT))


def decision_operation() -> dict[str, Any]:
    kinds = (*ANYWHERE, errors.Unauthenticated, NotFound, errors.DirectoryUnavailable)
    answers = {"200": response_of(json_of("DecisionOut"))}
    summary = "What became of one of the key's own recent requests, without content"
    id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "request-7"}
    described = id | {"description": "The request's X-Request-Id; of several with the same the latest."}
    return operation("decision", "chat", summary, answers, kinds, parameters=[described])


def decisions_operation() -> dict[str, Any]:
    kinds = (*ANYWHERE, errors.Unauthenticated, errors.DirectoryUnavailable)
    answers = {"200": response_of(json_of("DecisionsOut"))}
    summary = "The latest of the key's own requests, the newest first, without content"
    bounds = {"type": "integer", "minimum": 1, "maximum": MAX_LISTED, "default": LISTED}
    limit = {"name": "limit", "in": "query", "description": "How many at most.", "schema": bounds, "example": LISTED}
    return operation("decisions", "chat", summary, answers, kinds, parameters=[limit])
