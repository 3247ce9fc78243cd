"""The API's own description, for programs and for people: `GET /docs/openapi.json` and `GET /docs`."""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from ..common.pages import page_reply
from ..common.replies import Reply, json_reply
from ..common.request_context import HttpRequest
from .docs_page import docs_page


class OpenAPIHandlers:
    """Sends the document, and the page that is made of it; both are encoded once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._openapi = json.encode(document)
        self._docs = page_reply(docs_page(document), b"text/html; charset=utf-8")

    async def openapi(self, _: HttpRequest) -> Reply:
        return json_reply(self._openapi)

    async def docs(self, _: HttpRequest) -> Reply:
        return self._docs
