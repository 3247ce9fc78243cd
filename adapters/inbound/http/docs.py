"""The API's own description, for programs and for people: `GET /docs/openapi.json` and `GET /docs`."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import json

from .docs_page import docs_page
from .exchange import exchange_of
from .pages import page_reply
from .replies import Reply, json_reply


class DocsDoor:
    """Writes both once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._openapi = json.encode(document)
        self._docs = page_reply(docs_page(document), b"text/html; charset=utf-8")

    def openapi(self) -> Reply:
        return json_reply(self._openapi)

    def docs(self) -> Reply:
        return self._docs


def docs_handlers(door: DocsDoor) -> list[HTTPRouteHandler]:
    @HTTPRouteHandler("/docs", http_method=["GET", "HEAD"])
    async def docs(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/docs"
        return door.docs()

    @HTTPRouteHandler("/docs/openapi.json", http_method=["GET", "HEAD"])
    async def openapi(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/docs/openapi.json"
        return door.openapi()

    return [docs, openapi]
