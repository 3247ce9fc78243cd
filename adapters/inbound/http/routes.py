"""Everything that is served, one row each: Litestar's handlers, the route labels and the OpenAPI document follow."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, cast

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, ExceptionHandlersMap, HTTPScope, Middleware, Receive, Scope, Send
from msgspec import Struct, json
from typing_extensions import override

from .common.descriptions import REF, TAGS
from .common.handling import RequestHandling
from .common.problems import encode_problem, problem_headers
from .common.request_context import ErrorStyle, context_of
from .common.response_headers import rate_headers
from .console.pages import asset_paths
from .messages.description import ANTHROPIC_TYPES, count_operation, messages_operation
from .messages.errors import (
    anthropic_error_headers,
    anthropic_rate_headers,
    anthropic_status,
    encode_anthropic_error,
)
from .messages.handlers import (
    ANTHROPIC_CHATS,
    MESSAGES,
    count_tokens,
    find_anthropic_model,
    list_anthropic_models,
)
from .native.description import NATIVE_TYPES, chat_operation, decision_operation, decisions_operation, explain_operation
from .native.handlers import NATIVE_CHATS, explain, find_decision, list_decisions
from .ollama import handlers as ollama
from .ollama.errors import encode_ollama_error
from .openai.description import (
    OPENAI_FAILURES,
    OPENAI_RATES,
    OPENAI_TYPES,
    completions_operation,
    embeddings_operation,
    model_operation,
    models_operation,
)
from .openai.errors import encode_openai_error, openai_error_headers, openai_rate_headers
from .openai.handlers import MODELS, OPENAI_CHATS, embed, find_model, list_models
from .openapi.labelled import add_labels, open_items, untype_text
from .openapi.portable import portable
from .operations.description import OPERATIONS_TYPES, health_operation, metrics_operation, ready_operation
from .operations.handlers import health, metrics, ready
from .responses.description import RESPONSES_TYPES, input_tokens_operation, responses_operation
from .responses.handlers import RESPONSE_CHATS, RESPONSES, count_input_tokens

Handler: TypeAlias = Callable[[RequestHandling, HTTPScope, Receive], Awaitable[ASGIApp]]
"""Gives what will answer a request, or raises what refuses it."""

NATIVE_ERRORS = ErrorStyle(
    error_type=b"application/problem+json",
    encode_error=encode_problem,
    error_headers=problem_headers,
    rate_headers=rate_headers,
)
OPENAI_ERRORS = ErrorStyle(
    error_type=b"application/json",
    encode_error=encode_openai_error,
    error_headers=openai_error_headers,
    rate_headers=openai_rate_headers,
)
ANTHROPIC_ERRORS = ErrorStyle(
    error_type=b"application/json",
    encode_error=encode_anthropic_error,
    error_headers=anthropic_error_headers,
    rate_headers=anthropic_rate_headers,
    status=anthropic_status,
    id_header=b"request-id",
)


OLLAMA_ERRORS = ErrorStyle(
    error_type=b"application/json",
    encode_error=encode_ollama_error,
    error_headers=problem_headers,
    rate_headers=rate_headers,
)


class ServedRoute(Struct, frozen=True):
    """What is served at a path. `READ` answers `HEAD` too, whose body the server leaves out.

    `path` is as Litestar has it, such as `/v1/models/{id:path}`. `operation` is its operation in the OpenAPI document,
    with its responses, where it stands there. `counted_as` is its label in metrics and logs, if not its own path.
    `direct`: Litestar is asked for its handler once, and answers what it raises, but makes it no request and no
    response, which cost more than to answer from the cache.
    """

    method: Literal["POST", "GET", "READ"]
    path: str
    handler: Handler
    operation: Callable[[], dict[str, Any]] | None = None
    counted_as: str = ""
    direct: bool = False

    @property
    def methods(self) -> Sequence[Literal["POST", "GET", "HEAD"]]:
        return ("GET", "HEAD") if self.method == "READ" else (self.method,)

    @property
    def described_path(self) -> str:
        """The path as OpenAPI has it."""
        return re.sub(r":\w+}", "}", self.path)

    @property
    def label(self) -> str:
        return self.counted_as or self.described_path


def _by_family(openai: Handler, anthropic: Handler) -> Handler:
    """Of a path that both families have: what answers the one whose client asks."""

    def handle(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> Awaitable[ASGIApp]:
        own = anthropic if context_of(scope).error_style is ANTHROPIC_ERRORS else openai
        return own(handling, scope, receive)

    return handle


def routes() -> Sequence[ServedRoute]:
    """The table."""
    return (
        ServedRoute(
            "POST",
            "/api/v1/chat",
            lambda to, scope, receive: to.chat(NATIVE_CHATS, scope, receive),
            chat_operation,
            direct=True,
        ),
        ServedRoute("POST", "/api/v1/explain", explain, explain_operation),
        ServedRoute("READ", "/api/v1/requests", list_decisions, decisions_operation),
        ServedRoute("READ", "/api/v1/requests/{id:str}", find_decision, decision_operation),
        ServedRoute(
            "POST",
            "/v1/chat/completions",
            lambda to, scope, receive: to.chat(OPENAI_CHATS, scope, receive),
            completions_operation,
            direct=True,
        ),
        ServedRoute("POST", "/v1/embeddings", embed, embeddings_operation, direct=True),
        ServedRoute("GET", MODELS, _by_family(list_models, list_anthropic_models), models_operation),
        ServedRoute("GET", MODELS + "/{id:path}", _by_family(find_model, find_anthropic_model), model_operation),
        ServedRoute(
            "POST",
            MESSAGES,
            lambda to, scope, receive: to.chat(ANTHROPIC_CHATS, scope, receive),
            messages_operation,
            direct=True,
        ),
        ServedRoute("POST", f"{MESSAGES}/count_tokens", count_tokens, count_operation, direct=True),
        ServedRoute(
            "POST",
            RESPONSES,
            lambda to, scope, receive: to.chat(RESPONSE_CHATS, scope, receive),
            partial(responses_operation, OPENAI_FAILURES, OPENAI_RATES),
            direct=True,
        ),
        ServedRoute(
            "POST",
            RESPONSES + "/input_tokens",
            count_input_tokens,
            partial(input_tokens_operation, OPENAI_FAILURES),
            direct=True,
        ),
        ServedRoute("READ", "/health", health, partial(health_operation, "health")),
        ServedRoute("READ", "/api/v1/health", health, partial(health_operation, "health_v1"), "/health"),
        ServedRoute("READ", "/health/ready", ready, ready_operation),
        ServedRoute("READ", "/metrics", metrics, partial(metrics_operation, "metrics")),
        ServedRoute("READ", "/api/v1/metrics", metrics, partial(metrics_operation, "metrics_v1"), "/metrics"),
        ServedRoute("READ", "/docs", RequestHandling.page),
        ServedRoute("READ", "/docs/openapi.json", RequestHandling.page),
        ServedRoute("READ", "/", RequestHandling.page),
        *(ServedRoute("READ", path, RequestHandling.page, counted_as="/assets") for path in asset_paths()),
    )


def ollama_routes() -> Sequence[ServedRoute]:
    """What is served beside the table where the operator opens Ollama's surface, which Ollama describes itself."""
    return (
        ServedRoute("POST", "/api/chat", ollama.chat, direct=True),
        ServedRoute("POST", "/api/generate", ollama.generate, direct=True),
        ServedRoute("POST", "/api/embed", ollama.embed, direct=True),
        ServedRoute("POST", "/api/embeddings", ollama.embed_prompt, direct=True),
        ServedRoute("READ", "/api/tags", ollama.tags),
        ServedRoute("READ", "/api/ps", ollama.ps),
        ServedRoute("POST", "/api/show", ollama.show),
        ServedRoute("POST", "/api/pull", ollama.pull),
        ServedRoute("READ", "/api/version", ollama.version),
    )


class OnceResolvedHandler(HTTPRouteHandler):
    """Litestar puts its exception handlers together at each request, and says that it does so once."""

    _resolved: "ExceptionHandlersMap | None" = None

    @override
    def resolve_exception_handlers(self) -> ExceptionHandlersMap:
        if self._resolved is None:
            self._resolved = super().resolve_exception_handlers()
        return self._resolved


def litestar_handler(route: ServedRoute, handling: RequestHandling) -> HTTPRouteHandler:
    """A row's handler for Litestar, which labels the request before it is handled."""
    label, handler = route.label, route.handler

    def reply(scope: Any, receive: Receive) -> Awaitable[ASGIApp]:
        context = context_of(scope)
        context.route = label
        if context.failed is not None:
            raise context.failed
        return handler(handling, scope, receive)

    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        return await reply(request.scope, request.receive)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (await reply(scope, receive))(scope, receive, send)

    around: Sequence[Middleware] = (lambda app: answer,) if route.direct else ()
    return OnceResolvedHandler(route.path, http_method=route.methods, status_code=200, middleware=around)(handle)


def direct_handlers(app: Litestar, served: Sequence[ServedRoute]) -> Mapping[str, ASGIApp]:
    """The handler that Litestar has for each of the direct routes, which all are asked by `POST`, by its path."""
    find = app.asgi_router.handle_routing
    return {route.path: find(path=route.path, method="POST")[0] for route in served if route.direct}


def api_document(version: str) -> dict[str, Any]:
    """What is served as OpenAPI 3.1, made from the wire types themselves."""
    types = [*NATIVE_TYPES, *OPENAI_TYPES, *ANTHROPIC_TYPES, *RESPONSES_TYPES, *OPERATIONS_TYPES]
    _, schemas = json.schema_components(types, ref_template=REF)
    for body, chats in (
        ("ChatBody", NATIVE_CHATS),
        ("CompletionBody", OPENAI_CHATS),
        ("MessagesBody", ANTHROPIC_CHATS),
    ):
        add_labels(schemas, body, chats.labels)
    for body in ("MessagesBody", "CountBody"):
        untype_text(schemas, body, "system")
    open_items(schemas, "ResponseBody", RESPONSE_CHATS.labels)
    license = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "LLM Gateway Core", "version": version, "license": license},
        "servers": [{"url": "{gateway}", "variables": {"gateway": {"default": "http://127.0.0.1:8000"}}}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "security": [{"api_key": []}, {"bearer": []}],
        "paths": {
            route.described_path: {route.methods[0].lower(): route.operation()} for route in routes() if route.operation
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    return cast("dict[str, Any]", portable(document))


_OPENAI = (
    "/v1/",
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/models",
    "/responses",
    "/images/",
    "/audio/",
    "/moderations",
    "/openai/",
)
"""How the paths begin that OpenAI's clients ask, also where a base URL lacks its `/v1`."""
_ANTHROPIC = ("/v1/messages", "/messages", "/v1/complete", "/v1/organizations/", "/v1/skills")
_VERSION = b"anthropic-version"
"""A header that every client of Anthropic's sends, and no other."""
_KNOWN: Mapping[str, ErrorStyle] = {
    "/api/v1/chat": NATIVE_ERRORS,
    "/v1/chat/completions": OPENAI_ERRORS,
    "/v1/embeddings": OPENAI_ERRORS,
    "/v1/responses": OPENAI_ERRORS,
    "/v1/messages": ANTHROPIC_ERRORS,
}
"""Of paths that are asked often."""


def error_style_of(path: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> ErrorStyle:
    """Of the family whose client asks, so that what is refused before it reaches a handler is answered as it expects.

    By the path; by its header fields where several families have the same, such as `/v1/models`.
    """
    known = _KNOWN.get(path)
    if known is not None:
        return known
    if path.startswith(_ANTHROPIC):
        return ANTHROPIC_ERRORS
    if path != "/v1" and not path.startswith(_OPENAI):
        return NATIVE_ERRORS
    return ANTHROPIC_ERRORS if any(name == _VERSION for name, _ in headers) else OPENAI_ERRORS


def with_ollama_s(path: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> ErrorStyle:
    """The same where Ollama's surface is open: below `/api/` whatever is not the gateway's own."""
    if path.startswith("/api/") and not path.startswith("/api/v1/"):
        return OLLAMA_ERRORS
    return error_style_of(path, headers)


def offered(path: str) -> str:
    """What is served where a path belongs to that leads nowhere."""
    base = "/api/v1" if error_style_of(path) is NATIVE_ERRORS else "/v1"
    served = [f"{'GET' if route.method == 'READ' else route.method} {route.described_path}" for route in routes()]
    at = [one for one in served if one.partition(" ")[2].startswith(f"{base}/")]
    return f"Under {base} there are {', '.join(at)}."
