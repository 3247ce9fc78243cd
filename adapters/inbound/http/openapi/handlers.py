"""The API's own description, for programs and for people: `GET /docs/openapi.json` and `GET /docs`."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import json

from ..common.pages import page_reply
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from .docs_page import docs_page


class OpenAPIHandlers:
    """Writes both once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._openapi = json.encode(document)
        self._docs = page_reply(docs_page(document), b"text/html; charset=utf-8")

    def openapi(self) -> Reply:
        return json_reply(self._openapi)

    def docs(self) -> Reply:
        return self._docs


def openapi_handlers(handlers: OpenAPIHandlers) -> list[HTTPRouteHandler]:
    @HTTPRouteHandler("/docs", http_method=["GET", "HEAD"])
    async def docs(request: Request[Any, Any, Any]) -> ASGIApp:
        context_of(request.scope).route = "/docs"
        return handlers.docs()

    @HTTPRouteHandler("/docs/openapi.json", http_method=["GET", "HEAD"])
    async def openapi(request: Request[Any, Any, Any]) -> ASGIApp:
        context_of(request.scope).route = "/docs/openapi.json"
        return handlers.openapi()

    return [docs, openapi]
