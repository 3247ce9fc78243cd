"""What the descriptions of all surfaces are made of: parameters, headers, responses and references."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from llm_gateway.domain import errors

from .problems import INTERNAL, TABLE, MethodNotAllowed, Misdirected, NotFound

REF = "#/components/schemas/{name}"
TAGS = {
    "chat": "Questions to a model, and what became of them.",
    "openai": "The same as OpenAI's clients ask it.",
    "anthropic": "The same as Anthropic's clients ask it.",
    "operations": "Health, readiness and metrics.",
}
COUNT = {"type": "integer", "minimum": 0}
PARAMETERS = {
    "X-Gateway-Hint": (
        "A routing hint, as `model_hint`; `secure` wins.",
        {"enum": ["online", "fast", "local", "secure"]},
    ),
    "X-Gateway-Timeout": (
        "Shortens the deadline of this request, in seconds.",
        {"type": "number", "minimum": 0.001, "maximum": 86_400},
    ),
    "Cache-Control": ("With `no-store` nothing is taken from the cache, or kept in it.", {"type": "string"}),
    "X-Request-Id": (
        "The caller's own id for this request: 128 letters, digits and `._:-` at most, else it is replaced.",
        {"type": "string"},
    ),
}
REQUEST_ID = {"X-Request-Id": {"required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}}}
RETRY = {"Retry-After": {"description": "Whole seconds, where known.", "schema": {"type": "integer", "minimum": 1}}}
CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}}
RATES = {
    "RateLimit-Policy": {"schema": {"type": "string"}},
    "RateLimit": {"schema": {"type": "string"}},
    **{
        f"X-RateLimit-{what}-{unit}": {"schema": COUNT}
        for unit in ("Requests", "Tokens")
        for what in ("Limit", "Remaining", "Reset")
    },
    "X-Gateway-Limiter": {
        "schema": {"enum": ["local", "open"]},
        "description": "Only while the quotas' shared store is away: how this request's quota was kept instead.",
    },
}
PROVENANCE = {
    "X-Gateway-Provider": {"schema": {"type": "string"}},
    "X-Gateway-Model": {"schema": {"type": "string"}},
    "X-Gateway-Cost": {
        "description": "Micro-dollars, rounded up, or `unknown`. Streams do not have it.",
        "schema": {"type": "string", "pattern": "^([0-9]+|unknown)$"},
    },
    "X-Gateway-Cache": {"schema": {"enum": ["hit", "miss", "coalesced", "bypass", "bypass; sampled"]}},
    "X-Gateway-Queue": {
        "schema": {"type": "integer", "minimum": 1},
        "description": "Only where the request waited for its turn at a pool: its place at first, 1 being the next.",
    },
    "X-Gateway-Ignored": {
        "schema": {"type": "string"},
        "description": "Fields of the request that had no effect at this model, by their paths, separated by commas.",
    },
}
ERROR_HEADERS: dict[int, dict[str, Any]] = {
    401: CHALLENGE,
    429: RETRY | RATES,
    502: RETRY,
    503: RETRY,
    504: RETRY,
}


class ErrorDescription(Struct, frozen=True, kw_only=True):
    """How a surface's errors are described: by status the headers, and its own names for some of the codes.

    `statuses` are its own for some of the common ones.
    """

    media_type: str
    schema: str
    headers: Mapping[int, dict[str, Any]]
    codes: Mapping[str, str] = {}
    statuses: Mapping[int, int] = {}


PROBLEMS = ErrorDescription(media_type="application/problem+json", schema="Problem", headers=ERROR_HEADERS)
ANYWHERE = (errors.InvalidRequest, Misdirected)
CHATTING = tuple(kind for kind in TABLE if kind not in (NotFound, MethodNotAllowed))


def operation(
    id: str,
    tag: str,
    summary: str,
    answers: Mapping[str, Any],
    kinds: Iterable[type[errors.GatewayError]],
    style: ErrorDescription = PROBLEMS,
    **more: Any,
) -> dict[str, Any]:
    """An operation with its answers by status, and what it fails with. `tag` is one of `TAGS`."""
    return {
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        **more,
        "responses": {**answers, **failures_of(kinds, style)},
    }


def question_of(body: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters and the body of what asks a model."""
    return {
        "parameters": [
            {"name": name, "in": "header", "description": description, "schema": schema}
            for name, (description, schema) in PARAMETERS.items()
        ],
        "requestBody": {"required": True, "content": json_of(body, example)},
    }


def failures_of(kinds: Iterable[type[errors.GatewayError]], style: ErrorDescription) -> dict[str, Any]:
    """A response for each status, described by its codes."""
    codes: dict[int, list[str]] = {}
    for status, code in (*(TABLE[kind] for kind in kinds), INTERNAL):
        if code not in codes.setdefault(status, []):
            codes[status].append(code)
    content = {style.media_type: {"schema": schema_of(style.schema)}}
    return {
        str(style.statuses.get(status, status)): response_of(
            content, style.headers.get(status, {}), ", ".join(style.codes.get(code, code) for code in codes[status])
        )
        for status in sorted(codes)
    }


def response_of(
    content: dict[str, Any], headers: dict[str, Any] | None = None, description: str = "OK"
) -> dict[str, Any]:
    return {"description": description, "headers": REQUEST_ID | (headers or {}), "content": content}


def json_of(name: str, example: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"application/json": {"schema": schema_of(name)} | ({} if example is None else {"example": example})}


def schema_of(name: str) -> dict[str, Any]:
    return {"$ref": REF.format(name=name)}
