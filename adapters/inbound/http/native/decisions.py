"""What became of a request, told to the key that asked: `GET /api/v1/requests/{id}`."""

from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.ports.stores import RequestLog
from llm_gateway.application.records import RequestId

from ..common.problems import NotFound
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from ..common.requests import api_key
from .decisions_wire import decision_of

ROUTE = "/api/v1/requests/{id}"


class DecisionsHandlers:
    def __init__(self, authenticate: Authenticate, log: RequestLog) -> None:
        self._authenticate = authenticate
        self._log = log

    async def find(self, request: Request[Any, Any, Any], id: str) -> Reply:
        """Raises `NotFound` also for what another key asked: whether it did is nobody else's business."""
        client = await self._authenticate(api_key(request.scope))
        record = await self._log.find(client.id, RequestId(id))
        if record is None:
            raise NotFound("This key has no such request, or not any more.")
        return json_reply(json.encode(decision_of(record)), [(b"cache-control", b"no-store")])


def decision_handlers(handlers: DecisionsHandlers) -> list[HTTPRouteHandler]:
    @HTTPRouteHandler("/api/v1/requests/{id:str}", http_method=["GET", "HEAD"])
    async def decision(request: Request[Any, Any, Any]) -> ASGIApp:
        context_of(request.scope).route = ROUTE
        return await handlers.find(request, request.path_params["id"])

    return [decision]
