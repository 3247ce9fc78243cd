"""The HTTP application: Litestar with the routes of `routes.py`, behind the middleware."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.response import Response

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.domain.errors import InvalidRequest

from .common.descriptions import PROVENANCE, RATES, REQUEST_ID, RETRY
from .common.handling import HttpOptions, RequestHandling
from .common.pages import Pages
from .common.problems import MethodNotAllowed, NotFound, log_internal
from .common.request_context import context_of
from .common.requests import Bodies
from .console.pages import console_pages
from .openapi.docs_page import description_pages
from .routes import (
    api_document,
    direct_handlers,
    error_style_of,
    litestar_handler,
    offered,
    ollama_routes,
    routes,
    with_ollama_s,
)
from .server.middleware import RequestMiddleware

_ANTHROPIC_RATES: Final = tuple(
    f"Anthropic-RateLimit-{unit}-{what}" for unit in ("Requests", "Tokens") for what in ("Limit", "Remaining", "Reset")
)
EXPOSED: Final = (
    *(*REQUEST_ID, *RETRY, *RATES, *PROVENANCE),
    *("Request-Id", "Retry-After-Ms", "X-Should-Retry", "X-Gateway-Estimated", *_ANTHROPIC_RATES),
)
"""The headers of an answer that a page of another origin may read."""
CORS_SECONDS: Final = 600
"""How long a browser may remember what it was allowed to ask."""


def create_app(
    services: GatewayServices, options: HttpOptions, drain: asyncio.Event, access_log: AccessLog | None = None
) -> RequestMiddleware:
    """To be called inside the event loop that will serve it."""
    handling = RequestHandling(
        services=services,
        options=options,
        drain=drain,
        since=int(services.clock.now()),
        pages=Pages(console_pages(), lambda: description_pages(api_document(options.version))),
    )
    served = (*routes(), *(ollama_routes() if options.ollama_door else ()))
    app = Litestar(
        route_handlers=[litestar_handler(route, handling) for route in served],
        exception_handlers={Exception: _answer_error},
        cors_config=_cors(options.cors_origins),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # bodies are read by `read_body`, which has a bound of its own
    )
    bodies = Bodies(options.max_bodies_bytes)
    return RequestMiddleware(
        app=app,
        direct={} if options.cors_origins else direct_handlers(app, served),
        handling=handling,
        error_style_of=with_ollama_s if options.ollama_door else error_style_of,
        bodies=bodies,
        access_log=access_log,
    )


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Keys are headers, which a page states itself, so that a browser need not be told to send credentials."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=[*origins],
        allow_methods=["GET", "POST", "HEAD"],
        expose_headers=[*EXPOSED],
        max_age=CORS_SECONDS,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Any error that left a handler, in the error style of its path."""
    if isinstance(error, HTTPException):
        error = _own(error, request.scope["path"])
    context = context_of(request.scope)
    log_internal(error, context.id)
    error, style = context.own_error(error), context.error_style
    context.headers.update(style.error_headers(error))
    return Response(
        style.encode_error(error, context.id), status_code=style.status(error), media_type=style.error_type.decode()
    )


def _own(error: HTTPException, path: str) -> Exception:
    match error.status_code:
        case 404:
            return NotFound(f"There is nothing at this path. {offered(path)}")
        case 405:
            return MethodNotAllowed((error.headers or {}).get("allow", ""))
        case status if status < 500:
            return InvalidRequest.at("", "this request cannot be understood")
        case _:
            return error
