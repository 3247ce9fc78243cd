"""The HTTP application: Litestar's routes over the use cases, behind the edge."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.response import Response
from litestar.types import ASGIApp
from msgspec import Struct

from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.ports import (
    AccessLog,
    Clock,
    EndpointDirectory,
    Entropy,
    Observer,
    RequestLog,
    SharedStore,
    TrafficMeter,
)
from llm_gateway.domain.errors import InvalidRequest

from .bodies import Bodies
from .chat_replies import Pace
from .console import ConsoleDoor, console_handlers
from .decisions import DecisionsDoor, decision_handlers
from .door import Door
from .drain import Drain
from .edge import Edge
from .exchange import exchange_of
from .native import NativeDoor, native_handlers
from .openai import OpenAIDoor, openai_handlers
from .operations import OperationsDoor, RenderMetrics, operations_handlers
from .problems import MethodNotAllowed, NotFound, log_internal, status_of


class HttpServices(Struct, frozen=True, kw_only=True):
    """What the HTTP door is given: the use cases, and the ports that it uses itself."""

    authenticate: Authenticate
    answer_chat: AnswerChat
    embed_texts: EmbedTexts
    explain_chat: ExplainChat
    list_models: ListModels
    directory: EndpointDirectory
    stores: Sequence[SharedStore]
    observer: Observer
    meter: TrafficMeter
    request_log: RequestLog
    render_metrics: RenderMetrics | None
    access_log: AccessLog | None = None
    clock: Clock
    entropy: Entropy


class HttpOptions(Struct, frozen=True, kw_only=True):
    """`hosts` are the Host names that are served, None is any. `max_bodies_bytes` is for all bodies under way."""

    version: str
    max_body_bytes: int
    max_bodies_bytes: int
    hosts: frozenset[str] | None = None
    metrics_token: str | None = None
    pace: Pace = Pace()


def create_app(services: HttpServices, options: HttpOptions, drain: Drain) -> ASGIApp:
    """To be called inside the event loop that will serve it."""
    door = Door(
        services.authenticate,
        services.answer_chat,
        services.observer,
        services.clock,
        services.entropy,
        drain,
        max_body_bytes=options.max_body_bytes,
        pace=options.pace,
    )
    native = NativeDoor(door, services.explain_chat)
    openai = OpenAIDoor(door, services.embed_texts, services.list_models, since=int(services.clock.now()))
    decisions = DecisionsDoor(services.authenticate, services.request_log)
    operations = OperationsDoor(
        services.directory,
        services.stores,
        drain,
        services.render_metrics,
        options.metrics_token,
        options.version,
    )
    app = Litestar(
        route_handlers=[
            *native_handlers(native),
            *openai_handlers(openai),
            *decision_handlers(decisions),
            *operations_handlers(operations),
            *console_handlers(ConsoleDoor()),
        ],
        exception_handlers={Exception: _answer_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # bodies are read by `read_body`, which has a bound of its own
    )
    return Edge(
        app,
        hosts=options.hosts,
        drain=drain,
        bodies=Bodies(options.max_bodies_bytes),
        meter=services.meter,
        access_log=services.access_log,
        entropy=services.entropy,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Any error that left a handler, in its surface's words."""
    if isinstance(error, HTTPException):
        error = _own(error)
    status, _ = status_of(error)
    exchange = exchange_of(request.scope)
    log_internal(error, exchange.request_id)
    exchange.headers.update(exchange.surface.error_headers(error))
    return Response(
        exchange.surface.encode_error(error, exchange.request_id),
        status_code=status,
        media_type=exchange.surface.error_type.decode(),
    )


def _own(error: HTTPException) -> Exception:
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this path.")
        case 405:
            return MethodNotAllowed((error.headers or {}).get("allow", ""))
        case status if status < 500:
            return InvalidRequest.at("", "this request cannot be understood")
        case _:
            return error
