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
    json_of,
    operation,
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
OPENAI_RATES = RATES | _RESETS
_WAIT = {"Retry-After-Ms": {"description": "As `Retry-After`, exactly.", "schema": {"type": "integer", "minimum": 1}}}
_AGAIN = {"X-Should-Retry": {"description": "Where trying again is in vain.", "schema": {"const": "false"}}}
OPENAI_FAILURES = ErrorDescription(
    media_type="application/json",
    schema="ErrorOut",
    headers={
        **ERROR_HEADERS,
        429: ERROR_HEADERS[429] | OPENAI_RATES | _WAIT,
        502: ERROR_HEADERS[502] | _WAIT | _AGAIN,
        503: ERROR_HEADERS[503] | _WAIT,
        504: ERROR_HEADERS[504] | _WAIT,
    },
    codes=CODES,
)
_LISTING = (*ANYWHERE, errors.Unauthenticated, errors.Draining, errors.DirectoryUnavailable)
_CHAT = {"model": "local", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
_LOCAL = {
    "id": "local",
    "object": "model",
    "created": 1_795_917_499,
    "owned_by": "llm-gateway",
    "locality": "on_premises",
    "context_length": 4096,
    "tasks": ["chat"],
}
_EMBEDDING = {"model": "gemini/gemini-embedding-001", "input": "A text"}
_STREAM = (
    "One server-sent event: chunks, then `[DONE]`. An error in the middle is an event with an error object, "
    "and no `[DONE]` comes after it."
)


def completions_operation() -> dict[str, Any]:
    content = json_of("Completion") | {"text/event-stream": {"schema": _stream()}}
    answers = {"200": response_of(content, OPENAI_RATES | PROVENANCE)}
    summary = "Answer a chat as OpenAI does, whole or as server-sent events"
    return operation(
        "chat_completions",
        "openai",
        summary,
        answers,
        CHATTING,
        OPENAI_FAILURES,
        **question_of("CompletionBody", _CHAT),
    )


def embeddings_operation() -> dict[str, Any]:
    answers = {"200": response_of(json_of("EmbeddingsOut"), OPENAI_RATES | PROVENANCE)}
    summary = "Vectors of texts, always of the model that is named"
    return operation(
        "embeddings",
        "openai",
        summary,
        answers,
        CHATTING,
        OPENAI_FAILURES,
        **question_of("EmbeddingBody", _EMBEDDING),
    )


def models_operation() -> dict[str, Any]:
    answers = {"200": response_of(json_of("ModelsOut", {"object": "list", "data": [_LOCAL]}))}
    return operation(
        "models",
        "openai",
        "What this key may name as `model` now; to what sends `anthropic-version`, as Anthropic lists it",
        answers,
        _LISTING,
        OPENAI_FAILURES,
    )


def model_operation() -> dict[str, Any]:
    kinds = (*_LISTING, errors.Forbidden, errors.UnknownModel, errors.NoRoute)
    answers = {"200": response_of(json_of("ModelOut", _LOCAL))}
    id = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": "local",
    }
    return operation(
        "model",
        "openai",
        "One of them; its id may hold slashes",
        answers,
        kinds,
        OPENAI_FAILURES,
        parameters=[id],
    )


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
