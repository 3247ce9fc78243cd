"""The description of OpenAI's surface."""

from typing import Any

from llm_gateway.domain import errors

from ..common.descriptions import (
    ANYWHERE,
    CHATTING,
    ERROR_HEADERS,
    PROVENANCE,
    RATES,
    ErrorDescription,
    failures_of,
    json_of,
    question_of,
    response_of,
    schema_of,
)
from .answers import Chunk, Completion
from .embeddings import EmbeddingBody, EmbeddingsOut
from .errors import CODES, ErrorOut
from .models import ModelOut, ModelsOut
from .wire import CompletionBody

OPENAI_TYPES: list[Any] = [
    CompletionBody,
    Completion,
    Chunk,
    EmbeddingBody,
    EmbeddingsOut,
    ModelsOut,
    ModelOut,
    ErrorOut,
]
_RESETS = {
    f"X-RateLimit-Reset-{unit}": {
        "description": "As OpenAI's: `20ms`, `6m0s`.",
        "schema": {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?[0-9.]+(s|ms)$"},
    }
    for unit in ("Requests", "Tokens")
}
_RATES = RATES | _RESETS
_WAIT = {"Retry-After-Ms": {"description": "As `Retry-After`, exactly.", "schema": {"type": "integer", "minimum": 1}}}
_AGAIN = {"X-Should-Retry": {"description": "Where trying again is in vain.", "schema": {"const": "false"}}}
_ERRORS = ErrorDescription(
    media_type="application/json",
    schema="ErrorOut",
    headers={
        **ERROR_HEADERS,
        429: ERROR_HEADERS[429] | _RATES | _WAIT,
        502: ERROR_HEADERS[502] | _WAIT | _AGAIN,
        503: ERROR_HEADERS[503] | _WAIT,
        504: ERROR_HEADERS[504] | _WAIT,
    },
    codes=CODES,
)
_LISTING = (*ANYWHERE, errors.Unauthenticated, errors.Draining, errors.DirectoryUnavailable)
_STREAM = (
    "One server-sent event: chunks, then `[DONE]`. An error in the middle is an event with an error object, "
    "and no `[DONE]` comes after it."
)


def completions_operation() -> dict[str, Any]:
    content = json_of("Completion") | {"text/event-stream": {"schema": _stream()}}
    return {
        "operationId": "chat_completions",
        "summary": "Answer a chat as OpenAI does, whole or as server-sent events",
        **question_of("CompletionBody"),
        "responses": {"200": response_of(content, _RATES | PROVENANCE)} | failures_of(CHATTING, _ERRORS),
    }


def embeddings_operation() -> dict[str, Any]:
    return {
        "operationId": "embeddings",
        "summary": "Vectors of texts, always of the model that is named",
        **question_of("EmbeddingBody"),
        "responses": {"200": response_of(json_of("EmbeddingsOut"), _RATES | PROVENANCE)}
        | failures_of(CHATTING, _ERRORS),
    }


def models_operation() -> dict[str, Any]:
    return {
        "operationId": "models",
        "summary": "What this key may name as `model` now",
        "responses": {"200": response_of(json_of("ModelsOut"))} | failures_of(_LISTING, _ERRORS),
    }


def model_operation() -> dict[str, Any]:
    kinds = (*_LISTING, errors.Forbidden, errors.UnknownModel, errors.NoRoute)
    return {
        "operationId": "model",
        "summary": "One of them; its id may hold slashes",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
        "responses": {"200": response_of(json_of("ModelOut"))} | failures_of(kinds, _ERRORS),
    }


def _stream() -> dict[str, Any]:
    events = [
        {"type": "string", "contentMediaType": "application/json", "contentSchema": schema_of(name)}
        for name in ("Chunk", "ErrorOut")
    ]
    return {
        "description": _STREAM,
        "oneOf": [
            {"type": "object", "required": ["data"], "properties": {"data": data}}
            for data in (*events, {"const": "[DONE]"})
        ],
    }
